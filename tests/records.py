"""Generated records of every type, and rows read back as fields: shared by the tests of codec and batches."""

import io
import math
from collections.abc import Iterable

import fastavro
from hypothesis import strategies as st

from schemas.batches.decode import Decoder
from schemas.batches.frames import Frames, from_records
from schemas.codec import LOCAL_NAMES
from schemas.columns import Columns
from schemas.records import RECORDS, Field, Op, record_type
from schemas.topics import TOPICS, Topic

LONGS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, -1, 1, 63, 64, -64, -65, 2**63 - 1, -(2**63), 2**31]),
)
DOUBLES = st.floats(width=64)
TEXTS = st.one_of(st.just(""), st.text(max_size=40), st.sampled_from(["SPY", "ü", "日経", "\0", "🦊" * 70]))


def topic_of(record: str) -> Topic:
    """A topic that holds the record."""
    return next(topic for topic in TOPICS.values() if record in topic.records)


def _values(field: Field) -> st.SearchStrategy[object]:
    if field.symbols:
        found: st.SearchStrategy[object] = st.sampled_from(field.symbols)
    elif field.is_bytes:
        found = st.binary(max_size=40)
    else:
        found = {
            Op.LONG: LONGS,
            Op.DOUBLE: DOUBLES,
            Op.BOOLEAN: st.booleans(),
            Op.TEXT: TEXTS,
            Op.MAP_DOUBLE: st.dictionaries(TEXTS, DOUBLES, max_size=4),
            Op.ARRAY_TEXT: st.lists(TEXTS, max_size=4),
        }[field.op]
    return st.one_of(st.none(), found) if field.nullable else found


def fields_of(record: str) -> st.SearchStrategy[dict[str, object]]:
    """Fields of one record of a type."""
    return st.fixed_dictionaries({field.name: _values(field) for field in record_type(record).fields})


def any_record() -> st.SearchStrategy[tuple[str, dict[str, object]]]:
    """A type and the fields of one record of it."""
    return st.sampled_from(RECORDS).flatmap(lambda name: st.tuples(st.just(name), fields_of(name)))


def framed(values: Iterable[bytes | None], key: bytes | None = b"k") -> Frames:
    """Frames of values, at offsets from 0."""
    return from_records((offset, 1_000 + offset, key, value) for offset, value in enumerate(values))


def decoded(topic: Topic, values: Iterable[bytes | None]) -> Columns:
    """Columns of values whose schema ids are the local ones."""
    return Decoder(topic, LOCAL_NAMES).decode(framed(values), 0)


def row_fields(columns: Columns, record: str, row: int) -> dict[str, object]:
    """Fields of one row as fastavro would give them."""
    cells = columns.table(record)[row]
    kind, found = record_type(record), {}
    for field in kind.fields:
        cell = cells[field.name]
        if field.nullable and int(cells["nulls"]) & int(kind.null_bit(field.name)):
            found[field.name] = None
        elif field.op in (Op.LONG, Op.DOUBLE, Op.BOOLEAN):
            value = float(cell) if field.op is Op.DOUBLE else int(cell)
            found[field.name] = field.symbols[int(cell)] if field.symbols else value
        elif field.op is Op.TEXT:
            text = columns.bytes_at(cell)
            found[field.name] = text if field.is_bytes else text.decode()
        else:
            schema = {"type": "map", "values": "double"}
            if field.op is Op.ARRAY_TEXT:
                schema = {"type": "array", "items": "string"}
            found[field.name] = fastavro.schemaless_reader(io.BytesIO(columns.bytes_at(cell)), schema, None)
    return found


def comparable(value: object) -> object:
    """The value with NaN made equal to itself."""
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items()}
    return "NaN" if isinstance(value, float) and math.isnan(value) else value
