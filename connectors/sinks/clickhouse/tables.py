"""Which table holds what, and how rows of columns become its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.sinks.clickhouse.native import Chunk, Column, Maps, Places, Texts
from schemas.batches.nested import decode_map, decode_texts
from schemas.batches.wire import sealed
from schemas.columns import Columns, Rows
from schemas.records import SPAN, Field, Op, record_type
from schemas.topics import DERIVED

INSTANT: Final = "DateTime64(9, 'UTC')"
DATE: Final = "Date32"
_TYPES: Final = {
    Op.LONG: "Int64",
    Op.DOUBLE: "Float64",
    Op.BOOLEAN: "Bool",
    Op.MAP_DOUBLE: "Map(String, Float64)",
}

BAR_TOPICS: Final = ("bars.1s", "bars.1m", *(f"bars.{interval}" for interval in DERIVED))
TOPICS: Final = (
    *BAR_TOPICS, "gaps", "sessions", "indicators", "ready", "signals", "modes", "equity", "trades", "late",
    "dead-letters",
)  # fmt: skip
"""What the sink reads."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        name: of the table.
        record: type of the records it holds.
        month: instant or date by whose month it is partitioned, empty where it is not.
        parts: text columns by which it is partitioned.
        buckets: by so many buckets of the one in ``parts``, 0 by itself.
        version: where its version comes from: empty for a field of the record, ``offset`` for the record's
            own offset, ``lines_offset`` for that field; either with the epoch of its topic above.
    """

    name: str
    record: str
    month: str = ""
    parts: tuple[str, ...] = ()
    buckets: int = 0
    version: str = ""


_BARS: Final = (Table("bars", "Bar", "ts_open"), Table("bars_revisions", "Bar", "ts_open"))

TABLES: Final[Mapping[tuple[str, str], tuple[Table, ...]]] = {
    **{(topic, "Bar"): _BARS for topic in BAR_TOPICS},
    ("bars.1m", "MinuteStatus"): (Table("minute_status", "MinuteStatus", "ts_open", version="offset"),),
    ("gaps", "Gap"): (Table("gaps", "Gap", "ts_open"),),
    ("sessions", "Session"): (Table("sessions", "Session", "session_date"),),
    ("indicators", "IndicatorValues"): (Table("indicators", "IndicatorValues", "ts_open"),),
    ("ready", "Ready"): (Table("ready", "Ready", "ts_open"),),
    ("signals", "Signal"): (Table("signals", "Signal", "ts_event"),),
    ("modes", "ModeConfig"): (Table("trading_instances", "ModeConfig"),),
    ("trades", "Trade"): (Table("trades", "Trade", "ts_event", version="lines_offset"),),
    ("late", "DeadLetter"): (Table("late", "DeadLetter", version="offset"),),
    ("dead-letters", "DeadLetter"): (Table("dead_letters", "DeadLetter", version="offset"),),
}
"""Tables by topic and record type; equity has rules of its own, below."""

EQUITY: Final = Table("equity", "Equity", parts=("mode",), version="lines_offset")
STAGING: Final = Table("equity_staging", "Equity", parts=("mode", "strand_id"), version="lines_offset")


def equity_tables(buckets: int) -> tuple[Table, Table]:
    """``EQUITY`` and ``STAGING``, or both in buckets of modes where there are any."""
    if not buckets:
        return EQUITY, STAGING
    return replace(EQUITY, buckets=buckets), replace(STAGING, parts=("mode",), buckets=buckets)


def column_type(field: Field) -> str:
    """Type of a field in a block."""
    if field.name == "ts" or field.name.startswith("ts_"):
        kind = INSTANT
    elif field.name == "session_date":
        kind = DATE
    else:
        kind = "String" if field.symbols else _TYPES.get(field.op, "String")
    return f"Nullable({kind})" if field.nullable else kind


def chunk_of(columns: Columns, record: str, places: Places) -> Chunk:
    """Rows of some records of one type, column by column as they stand in the record.

    Args:
        columns: a batch.
        record: the type.
        places: positions in the batch of the records, all of that type.
    """
    if record == "IndicatorValues":
        return _values(columns, places)
    rows, numbers = columns.table(record), columns.rows[places]
    if not np.array_equal(numbers, np.arange(len(rows))):  # most often it is all there are
        rows = rows[numbers]
    fields = record_type(record).fields
    return Chunk(len(places), {f.name: _column(f, record, columns, rows) for f in fields}, places)


def _column(field: Field, record: str, columns: Columns, rows: Rows) -> Column:
    nulls = None
    if field.nullable:
        nulls = (rows["nulls"] & record_type(record).null_bit(field.name)) != 0
    cells, kind = rows[field.name], column_type(field)
    if field.symbols:
        return Column(kind, _symbols(field, cells), nulls)
    if field.op is Op.TEXT:
        return Column(kind, Texts(columns.data, cells), nulls)
    if field.op is Op.MAP_DOUBLE:
        return Column(kind, Maps(columns.data, cells), nulls)
    if field.op is Op.BOOLEAN:
        cells = cells.astype(np.uint8)
    elif field.name == "session_date":
        cells = cells.astype(np.int32)
    return Column(kind, np.ascontiguousarray(cells), nulls)


def _symbols(field: Field, cells: Rows) -> Texts:
    """The symbols of an enum as texts."""
    texts = [symbol.encode() for symbol in field.symbols]
    starts = np.cumsum([0, *map(len, texts)])
    spans = np.array([(at, len(text)) for at, text in zip(starts, texts, strict=False)], SPAN)
    return Texts(sealed(b"".join(texts)), spans[cells])


def _values(columns: Columns, places: Places) -> Chunk:
    """One row for each value of an indicators record, and of a revision for each name without one."""
    rows = columns.table("IndicatorValues")[columns.rows[places]]
    missing = [decode_texts(columns.bytes_at(cell)) for cell in rows["missing"]]
    found: list[tuple[int, str, float, bool, bool]] = []
    for number, row in enumerate(rows):
        converged = set(decode_texts(columns.bytes_at(row["converged"])))
        given = decode_map(columns.bytes_at(row["values"]))
        found += [(number, name, value, name in converged, True) for name, value in given.items()]
        # What an earlier revision gave must not stand where this one gives nothing.
        found += [(number, name, 0.0, False, False) for name in missing[number]]
    numbers = np.array([number for number, *_ in found], np.intp)
    values = np.array([value for _, _, value, *_ in found], np.float64)
    there = np.array([has for *_, has in found], np.bool_)
    kept = ("symbol", "interval", "ts_open", "ts_close", "revision", "bar_revision", "ts_expires")
    fields = [field for field in record_type("IndicatorValues").fields if field.name in kept]
    made = {f.name: _column(f, "IndicatorValues", columns, rows).take(numbers) for f in fields}
    made["name"] = Column("String", texts_of([name for _, name, *_ in found]))
    made["value"] = nullable(values, there)
    made["converged"] = Column("Bool", np.array([known for *_, known, _ in found], np.uint8))
    return Chunk(len(found), made, places[numbers])


def nullable(values: NDArray[np.float64], there: NDArray[np.bool_]) -> Column:
    """Numbers, NULL where there is none."""
    return Column("Nullable(Float64)", np.where(there, values, 0.0), ~there)


def texts_of(texts: list[str]) -> Texts:
    """Python texts as those of a column."""
    data = [text.encode() for text in texts]
    spans = np.zeros(len(data), SPAN)
    spans["size"] = [len(text) for text in data]
    spans["at"] = np.cumsum(spans["size"]) - spans["size"]
    return Texts(sealed(b"".join(data)), spans)


def chunk_of_rows(rows: Sequence[Mapping[str, str | int]]) -> Chunk:
    """Rows of texts and whole numbers, all with the same columns."""
    columns = {}
    for name, first in rows[0].items():
        values = [row[name] for row in rows]
        columns[name] = (
            Column("String", texts_of([str(value) for value in values]))
            if isinstance(first, str)
            else Column("Int64", np.array(values, np.int64))
        )
    return Chunk(len(rows), columns, np.zeros(len(rows), np.intp))
