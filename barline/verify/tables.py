"""The rows that must stand in the tables, from what the agents must have put out, and the rows that do.

Written apart from the sink on purpose: the rules are those of the semantics, in plain Python.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from barline.verify.values import Row, Value, plain
from schemas.records import record_type
from schemas.topics import DERIVED

Fields = dict[str, Value]
Key = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table and the records it holds.

    Attributes:
        name: of the table.
        topics: topics whose records it holds.
        record: type of those records.
        key: columns that identify a row.
        version: field whose largest value holds; empty: the last record in the log holds.
        columns: columns that are compared.
    """

    name: str
    topics: tuple[str, ...]
    record: str
    key: tuple[str, ...]
    version: str = "revision"
    columns: tuple[str, ...] = ()

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns that are compared: those named, else every field of the record."""
        return self.columns or record_type(self.record).names


_BARS: Final = ("bars.1s", "bars.1m", *(f"bars.{interval}" for interval in DERIVED))
_LETTER: Final = ("topic", "partition", "offset", "stage", "code")
_VALUE: Final = (
    "symbol", "interval", "name", "ts_open", "ts_close", "value", "converged", "revision", "bar_revision",
    "ts_expires",
)  # fmt: skip

TABLES: Final = (
    Table("bars", _BARS, "Bar", ("symbol", "interval", "ts_open")),
    Table("bars_revisions", _BARS, "Bar", ("symbol", "interval", "ts_open", "revision")),
    Table("minute_status", ("bars.1m",), "MinuteStatus", ("symbol", "source", "ts_open"), ""),
    Table("gaps", ("gaps",), "Gap", ("symbol", "ts_open")),
    Table("sessions", ("sessions",), "Session", ("symbol", "session_date", "interval")),
    Table(
        "indicators",
        ("indicators",),
        "IndicatorValues",
        ("symbol", "interval", "name", "ts_open"),
        columns=_VALUE,
    ),
    Table("ready", ("ready",), "Ready", ("symbol", "interval", "ts_open", "revision"), ""),
    Table("signals", ("signals",), "Signal", ("symbol", "name", "ts_event", "broker")),
    Table("trading_instances", ("modes",), "ModeConfig", ("mode", "strand_id"), "version"),
    Table("equity", ("equity",), "Equity", ("mode", "strand_id", "broker", "ts_event"), "lines_offset"),
    Table(
        "trades",
        ("trades",),
        "Trade",
        ("mode", "strand_id", "ts_event", "type", "lines_offset", "item"),
        "lines_offset",
    ),
    Table("late", ("late",), "DeadLetter", _LETTER, ""),
    Table("dead_letters", ("dead-letters",), "DeadLetter", _LETTER, ""),
)
"""Every table whose rows follow from topics."""


def expected(table: Table, rows: Iterable[Row]) -> dict[Key, Fields]:
    """The rows that must stand in a table.

    Args:
        table: the table.
        rows: the records of its topics; those of one key in log order.
    """
    if table.name == "equity":
        rows = _published(list(rows))
    found: dict[Key, Fields] = {}
    for row in rows:
        if row.record != table.record:
            continue
        for fields in _exploded(row):
            key = tuple(fields[name] for name in table.key)
            kept = found.get(key)
            if kept is None or not table.version or _newer(fields[table.version], kept[table.version]):
                found[key] = {name: fields[name] for name in table.compared}
    return found


def _newer(one: Value, other: Value) -> bool:
    assert isinstance(one, int)  # noqa: S101 (versions are whole numbers by their schemas)
    assert isinstance(other, int)  # noqa: S101
    return one >= other


def _published(rows: list[Row]) -> list[Row]:
    """Equity of live modes, and of other runs what stood before their last end."""
    ends: dict[Key, int] = {}
    for row in rows:
        if row.record == "RunEnd":
            ends[row.fields["mode"], row.fields["strand_id"]] = int(str(row.fields["lines_offset"]))
    found = []
    for row in rows:
        run = (row.fields["mode"], row.fields["strand_id"])
        if row.record == "Equity" and (
            row.fields["live"] or int(str(row.fields["lines_offset"])) <= ends.get(run, -1)
        ):
            found.append(row)
    return found


def _exploded(row: Row) -> list[Fields]:
    """The rows of one record: one for each value of an indicators record, and each name without."""
    if row.record != "IndicatorValues":
        return [row.fields]
    converged = set(json.loads(str(row.fields["converged"])))
    values = _pairs(str(row.fields["values"]))
    values += [(name, None) for name in json.loads(str(row.fields["missing"]))]
    return [
        {**row.fields, "name": name, "value": value, "converged": name in converged} for name, value in values
    ]


def _pairs(text: str) -> list[tuple[str, Value]]:
    return [(name, plain(value)) for name, value in json.loads(text)]


class Query(Protocol):
    """The part of a ClickHouse client that is needed."""

    def query(self, sql: str) -> Any:
        """Run a query; the answer has ``result_rows``."""
        ...


def stored(table: Table, client: Query) -> dict[Key, Fields]:
    """The rows that stand in a table now."""
    names = table.compared
    sql = f"SELECT {', '.join(_selected(table, name) for name in names)} FROM {table.name} FINAL"  # noqa: S608 (names of ours)
    found: dict[Key, Fields] = {}
    for values in client.query(sql).result_rows:
        fields = {name: _plain(value) for name, value in zip(names, values, strict=True)}
        found[tuple(fields[name] for name in table.key)] = fields
    return found


def _plain(value: Any) -> Value:
    return json.dumps(sorted(value.items())) if isinstance(value, dict) else plain(value)


def _selected(table: Table, name: str) -> str:
    """A column as the value it is compared as."""
    if name == "ts" or name.startswith("ts_"):
        return f"toUnixTimestamp64Nano({name})"
    if name == "session_date":
        return f"toInt32({name})"
    fields = {one.name: one for one in record_type(table.record).fields}
    if name in fields and fields[name].is_bytes:
        return f"lower(hex({name}))"
    return name


@dataclass(frozen=True, slots=True)
class TableDifference:
    """How a table differs from what it must hold.

    Attributes:
        name: of the table.
        expected: rows that must be there.
        stored: rows that are there.
        missing: keys of rows that are not there.
        wrong: keys of rows that are there and must not be.
        differing: by key, the columns that differ, as (must be, is).
    """

    name: str
    expected: int
    stored: int
    missing: list[Key] = field(default_factory=list)
    wrong: list[Key] = field(default_factory=list)
    differing: dict[Key, dict[str, tuple[Value, Value]]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether every row is as it must be."""
        return not self.missing and not self.wrong and not self.differing


def compare_rows(name: str, must: Mapping[Key, Fields], found: Mapping[Key, Fields]) -> TableDifference:
    """Compare all rows of a table, column by column."""
    missing = [key for key in must if key not in found]
    wrong = [key for key in found if key not in must]
    differing = {
        key: {
            column: (value, found[key][column])
            for column, value in fields.items()
            if value != found[key][column]
        }
        for key, fields in must.items()
        if key in found and fields != found[key]
    }
    return TableDifference(name, len(must), len(found), missing, wrong, differing)
