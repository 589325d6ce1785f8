"""Output topics as CSV: one file a topic, header and columns from the record's schema.

Instants stay integers (nanoseconds), floats are written so that reading them gives the same bits, null is an
empty cell, an enum is its symbol, a map is JSON with sorted names.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from schemas.batches.nested import decode_map, decode_texts
from schemas.columns import Columns, Rows
from schemas.records import Field, Op, RecordType, record_type
from schemas.topics import INPUTS, TOPICS

UNRECORDED: Final = ("bars.forming",)
"""Output topics outside digests and tables: how often a forming bar is said is no fact."""

OUTPUTS: Final = tuple(name for name in TOPICS if name not in INPUTS.values() or name == "bars.1m")
"""Every output topic, in the order of the topic table."""


def tables() -> tuple[str, ...]:
    """Output topics that are written, in topic order."""
    return tuple(name for name in OUTPUTS if name not in UNRECORDED)


def write_table(path: Path, topic: str, blocks: Iterable[Columns]) -> int:
    """Write the first record type of a topic as CSV.

    Args:
        path: file to write.
        topic: name of the topic.
        blocks: the topic's records, in order.

    Returns:
        Number of rows.
    """
    kind = record_type(TOPICS[topic].records[0])
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(kind.names)
        for block in blocks:
            rows = list(cells(kind, block))
            writer.writerows(rows)
            count += len(rows)
    return count


def cells(kind: RecordType, block: Columns) -> Iterator[tuple[str, ...]]:
    """The rows of one record type as text, in log order."""
    rows = block.table(kind.name)
    columns = [_column(field, kind, rows, block) for field in kind.fields]
    return zip(*columns, strict=True)


def _column(field: Field, kind: RecordType, rows: Rows, block: Columns) -> Sequence[str]:
    text = _TEXT.get(field.op, _span)(field, rows[field.name], block)
    if not field.nullable:
        return text
    nulls = rows["nulls"] & kind.null_bit(field.name)
    return ["" if null else cell for cell, null in zip(text, nulls, strict=True)]


def _long(field: Field, column: Rows, _: Columns) -> list[str]:
    if field.symbols:
        return [field.symbols[value] for value in column.tolist()]
    return [str(value) for value in column.tolist()]


def _double(_: Field, column: Rows, __: Columns) -> list[str]:
    return [repr(value) for value in column.tolist()]


def _boolean(_: Field, column: Rows, __: Columns) -> list[str]:
    return ["true" if value else "false" for value in column.tolist()]


def _span(field: Field, column: Rows, block: Columns) -> list[str]:
    if field.is_bytes:
        return [block.bytes_at(span).decode("utf-8", "backslashreplace") for span in column]
    return [block.text_at(span) for span in column]


def _map(_: Field, column: Rows, block: Columns) -> list[str]:
    return [json.dumps(decode_map(block.bytes_at(span)), sort_keys=True) for span in column]


def _texts(_: Field, column: Rows, block: Columns) -> list[str]:
    return [" ".join(decode_texts(block.bytes_at(span))) for span in column]


_Writer = Callable[[Field, Rows, Columns], list[str]]
_TEXT: Final[dict[Op, _Writer]] = {
    Op.LONG: _long,
    Op.DOUBLE: _double,
    Op.BOOLEAN: _boolean,
    Op.MAP_DOUBLE: _map,
    Op.ARRAY_TEXT: _texts,
}
