"""Indicator values that were computed anew: they stand beside the live ones until all are there, then count.

::

    computed ──insert──► table beside ──OPTIMIZE FINAL──► a part a month ──ATTACH──► indicators
                                                                                └─verify─► drop

The table has the layout of ``indicators``. Its rows carry the revision after that of the live ones, so once a
month is attached they count, all of it at once; live rows that come meanwhile stay. Steps can be repeated.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.sinks.clickhouse.crash import crash_point
from connectors.sinks.clickhouse.errors import StoreDownError
from connectors.sinks.clickhouse.native import Chunk, Column
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import INSTANT, nullable, texts_of
from schemas.errors import SinkError

_PREFIX: Final = "indicators_beside_"
_NAME: Final = re.compile(_PREFIX + "[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Values of one symbol and interval.

    Attributes:
        symbol: canonical name.
        interval: its name.
        ts_open: int64[bars], in ns.
        ts_close: int64[bars].
        ts_expires: int64[bars].
        bar_revision: int64[bars].
        names: of the values.
        values: float64[names, bars], NaN where there is none.
        converged: bool[names, bars].
    """

    symbol: str
    interval: str
    ts_open: NDArray[np.int64]
    ts_close: NDArray[np.int64]
    ts_expires: NDArray[np.int64]
    bar_revision: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    converged: NDArray[np.bool_]


class Beside:
    """A table beside ``indicators``.

    Args:
        store: the database.
        table: of an earlier run; empty makes one.

    Raises:
        SinkError: it is no name of such a table.
    """

    def __init__(self, store: Store, table: str = "") -> None:
        if table and not _NAME.fullmatch(table):
            raise SinkError(f"table must be one that a reprocess made, was {table!r}")
        self._store = store
        self.table = table or f"{_PREFIX}{secrets.token_hex(8)}"
        if not table:
            store.command(f"CREATE TABLE {self.table} AS indicators")

    def put(self, part: Part) -> int:
        """Insert values, NULL where a live one is no longer there; how many rows that were."""
        revisions = self._revisions(part)
        there = np.isfinite(part.values)
        numbers, bars = np.nonzero(there | (revisions > 0))
        if not len(bars):
            return 0
        texts = {"symbol": [part.symbol] * len(bars), "interval": [part.interval] * len(bars)}
        texts["name"] = [part.names[number] for number in numbers.tolist()]
        columns = {name: Column("String", texts_of(cells)) for name, cells in texts.items()}
        for name in ("ts_open", "ts_close", "ts_expires"):
            columns[name] = Column(INSTANT, getattr(part, name)[bars])
        columns["revision"] = Column("Int64", revisions[bars])
        columns["bar_revision"] = Column("Int64", part.bar_revision[bars])
        columns["value"] = nullable(part.values[numbers, bars], there[numbers, bars])
        columns["converged"] = Column("Bool", part.converged[numbers, bars].astype(np.uint8))
        self._store.insert(self.table, [Chunk(len(bars), columns, np.arange(len(bars)))])
        return len(bars)

    def switch(self) -> int:
        """Let the values count, month by month; how many rows there are. Doing it again changes nothing.

        Raises:
            StoreDownError: later, perhaps.
            SinkError: what was attached is not there.
        """
        self._store.command(f"OPTIMIZE TABLE {self.table} FINAL")
        for month, parts in self._parts():
            if parts != 1:
                raise StoreDownError(f"a month must be one part before it counts, was {parts} ({month})")
            self._store.command(f"ALTER TABLE indicators ATTACH PARTITION ID '{month}' FROM {self.table}")
            crash_point("reprocess.attached")
        self._verify()
        rows = int(self._store.value(f"SELECT count() FROM {self.table}"))  # noqa: S608 (checked above)
        self.drop()
        return rows

    def drop(self) -> None:
        """Give the values up, or the table once they count."""
        self._store.command(f"DROP TABLE IF EXISTS {self.table} SYNC")

    def _parts(self) -> list[tuple[str, int]]:
        query = (
            "SELECT partition_id, count() FROM system.parts WHERE active AND rows > 0 "
            "AND table = {table:String} AND database = currentDatabase() "
            "GROUP BY partition_id ORDER BY partition_id"
        )
        return [(str(month), int(parts)) for month, parts in self._store.rows(query, {"table": self.table})]

    def _revisions(self, part: Part) -> NDArray[np.int64]:
        """Of each bar that after the newest live one."""
        rows = self._store.rows(
            "SELECT toUnixTimestamp64Nano(ts_open), max(revision) FROM indicators "
            "WHERE symbol = {symbol:String} AND interval = {interval:String} GROUP BY ts_open",
            {"symbol": part.symbol, "interval": part.interval},
        )
        live = {int(ts): int(revision) for ts, revision in rows}
        return np.array([live.get(ts, -1) + 1 for ts in part.ts_open.tolist()], np.int64)

    def _verify(self) -> None:
        lost = self._store.value(
            f"SELECT count() FROM {self.table} AS own LEFT JOIN "  # noqa: S608 (checked above)
            "(SELECT symbol, interval, name, ts_open, max(revision) AS newest FROM indicators "
            "GROUP BY symbol, interval, name, ts_open) AS live USING (symbol, interval, name, ts_open) "
            "WHERE live.newest < own.revision"
        )
        if lost:
            raise SinkError(f"values that count must be in indicators, was without {lost} rows")
