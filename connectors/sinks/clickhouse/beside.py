"""Indicator values that were computed anew: they stand beside the live ones until all are there, then count.

::

    computed ──insert──► table beside, less what live ones passed ──ATTACH, all months──► indicators
                                                                                └─verify─► drop

The table has the layout of ``indicators``. Its rows carry the revision after that of the live ones, so they
count once they are attached: all of them in one commit, so that a reader sees none or all. A bar whose live
values have that revision by now, or a higher one, keeps them. Steps can be repeated.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.sinks.clickhouse.crash import crash_point
from connectors.sinks.clickhouse.native import Chunk, Column
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import INSTANT, nullable, texts_of
from schemas.errors import SinkError

_PREFIX: Final = "indicators_beside_"
_NAME: Final = re.compile(_PREFIX + "[0-9a-f]{16}")


_PASSED: Final = """
ALTER TABLE {own} DELETE WHERE (symbol, interval, ts_open, revision) IN (
    SELECT own.symbol, own.interval, own.ts_open, own.revision FROM {own} AS own
    INNER JOIN (
        SELECT symbol, interval, ts_open, max(revision) AS newest FROM indicators
        WHERE ts_open >= (SELECT min(ts_open) FROM {own}) AND ts_open <= (SELECT max(ts_open) FROM {own})
        GROUP BY symbol, interval, ts_open
    ) AS live USING (symbol, interval, ts_open)
    WHERE live.newest >= own.revision
) SETTINGS mutations_sync = 1
"""
"""Takes out rows of bars whose live values are of the same revision by now, or of a later one."""


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


def left(store: Store) -> list[str]:
    """Tables that earlier runs left, those that ended early among them."""
    query = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE {like:String}"
    rows = store.rows(query, {"like": f"{_PREFIX}%"})
    return sorted(str(name) for (name,) in rows if _NAME.fullmatch(str(name)))


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
        crash_point("reprocess.computed")
        self._store.insert(self.table, [Chunk(len(bars), columns, np.arange(len(bars)))])
        return len(bars)

    def switch(self) -> int:
        """Let the values count; how many rows there were. Doing it again changes nothing.

        Raises:
            StoreDownError: later, perhaps.
            SinkError: what was attached is not there.
        """
        self._store.command(_PASSED.format(own=self.table))
        self._store.command(f"OPTIMIZE TABLE {self.table} FINAL")
        rows = int(self._store.value(f"SELECT count() FROM {self.table}"))  # noqa: S608 (checked above)
        crash_point("reprocess.ready")
        self._store.command(f"ALTER TABLE indicators ATTACH PARTITION ALL FROM {self.table}")
        crash_point("reprocess.attached")
        self._verify()
        self.drop()
        return rows

    def drop(self) -> None:
        """Give the values up, or the table once they count."""
        self._store.command(f"DROP TABLE IF EXISTS {self.table} SYNC")

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
