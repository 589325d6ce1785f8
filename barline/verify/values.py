"""Records as plain Python values: what both sides of a comparison are brought to."""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from schemas.batches.nested import decode_map, decode_texts
from schemas.columns import Columns
from schemas.records import Field, Op, record_type

Value = int | float | str | bool | None
"""An instant in ns, a number, a text, a truth; bytes are text in hexadecimal; not a number is ``"nan"``."""

NAN: Final = "nan"


class Row(NamedTuple):
    """One record: the name of its type and its fields."""

    record: str
    fields: dict[str, Value]


def rows(columns: Columns) -> Iterator[Row]:
    """The decodable records of a batch, in log order."""
    tables = [_table(name, columns) for name in columns.topic.records]
    for kind, row in zip(columns.kinds.tolist(), columns.rows.tolist(), strict=True):
        if kind >= 0:
            yield Row(columns.topic.records[kind], tables[kind][row])


def _table(record: str, columns: Columns) -> list[dict[str, Value]]:
    kind = record_type(record)
    table = columns.table(record)
    lists = []
    for field in kind.fields:
        values = _column(field, columns, table[field.name])
        if field.nullable:
            nulls = (table["nulls"] & kind.null_bit(field.name)) != 0
            values = [None if null else value for value, null in zip(values, nulls.tolist(), strict=True)]
        lists.append(values)
    return [dict(zip(kind.names, row, strict=True)) for row in zip(*lists, strict=True)]


def _column(field: Field, columns: Columns, cells: NDArray[Any]) -> list[Value]:
    if field.symbols:
        return [field.symbols[cell] for cell in cells.tolist()]
    if field.op is Op.BOOLEAN:
        return [bool(cell) for cell in cells.tolist()]
    if field.op in (Op.LONG, Op.DOUBLE):
        return [plain(cell) for cell in cells.tolist()]
    texts = [columns.bytes_at(span) for span in cells]
    if field.op is Op.TEXT:
        return [text.hex() if field.is_bytes else text.decode("utf-8", "replace") for text in texts]
    return [_nested(field, text) for text in texts]


def _nested(field: Field, text: bytes) -> Value:
    """A map or an array as one text that is the same for the same content."""
    if field.op is Op.MAP_DOUBLE:
        return json.dumps(sorted(decode_map(text).items()))
    return json.dumps(sorted(decode_texts(text)))


def plain(value: float) -> Value:
    """A number that equals itself."""
    return NAN if value != value else value  # noqa: PLR0124 (not a number is the one that does not)
