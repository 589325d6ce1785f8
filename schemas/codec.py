"""One record to bytes and back, through fastavro: the definition of what the bytes mean.

Confluent framing: a zero byte, the schema id as four bytes, the highest first, then Avro binary.
``schemas.batches`` is the fast twin of this module and is tested against it.
"""

import io
import json
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import fastavro

from schemas.errors import SchemaError
from schemas.records import RECORDS, record_type

_PREFIX: Final = struct.Struct(">bI")

LOCAL_IDS: Final = {name: number for number, name in enumerate(RECORDS, start=1)}
"""Schema ids where there is no registry: offline and in tests."""


def names_of(ids: Mapping[str, int]) -> dict[int, str]:
    """Record name by schema id, from the schema id by record name."""
    return {number: name for name, number in ids.items()}


LOCAL_NAMES: Final = names_of(LOCAL_IDS)
"""Record name by local schema id."""


@cache
def parsed(record: str) -> Any:
    """The schema of a record type in fastavro's form."""
    return fastavro.parse_schema(json.loads(record_type(record).text))


def encode_record(record: str, schema_id: int, fields: Mapping[str, object]) -> bytes:
    """Value of one record.

    Args:
        record: name of its type.
        schema_id: id of the registered schema.
        fields: by name; one with a default may be left out.

    Raises:
        SchemaError: a field is missing, unknown or of another type.
    """
    target = io.BytesIO()
    target.write(_PREFIX.pack(0, schema_id))
    try:
        fastavro.schemaless_writer(target, parsed(record), dict(fields), strict_allow_default=True)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise SchemaError(f"fields of {record} must follow its schema, was {error}") from error
    return target.getvalue()


def decode_record(value: bytes, ids: Mapping[int, str]) -> tuple[str, dict[str, object]]:
    """Type and fields of one record.

    Args:
        value: bytes in Confluent framing.
        ids: record name by schema id.

    Raises:
        SchemaError: the framing is wrong, the id unknown, or the bytes are not the record and nothing else.
    """
    if len(value) < _PREFIX.size or value[0] != 0:
        raise SchemaError(f"value must begin with a zero byte and a schema id, was {value[:5]!r}")
    record = ids.get(_PREFIX.unpack_from(value)[1])
    if record is None:
        raise SchemaError(f"schema id must be known, was {_PREFIX.unpack_from(value)[1]!r}")
    source = io.BytesIO(value)
    source.seek(_PREFIX.size)
    try:
        fields: dict[str, object] = fastavro.schemaless_reader(source, parsed(record), None)
    except Exception as error:
        raise SchemaError(f"value must be a {record}, was {error!r}") from error
    if source.tell() != len(value):
        raise SchemaError(f"value must end with its {record}, was {len(value) - source.tell()} bytes longer")
    return record, fields
