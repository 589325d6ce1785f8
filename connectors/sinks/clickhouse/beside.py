"""Indicator values that were computed anew: they stand beside the live ones until all are there, then count.

::

    computed ──insert──► table beside, less what live ones passed ──ATTACH, all months──► indicators
                                                                                └─verify─► drop

The table has the layout of ``indicators``. Its rows carry the revision of the live ones they stand in for and
the number of their run: they hide that revision, however often it comes, and the next one hides them,
whenever that is. They count once they are attached: all of them in one commit, so that a reader sees none or
all. A bar whose live values have a later revision by then keeps them. Steps can be repeated.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.sinks.clickhouse.crash import crash_point
from connectors.sinks.clickhouse.migrate import check_applied
from connectors.sinks.clickhouse.native import Chunk, Column
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import INSTANT, nullable, texts_of
from schemas.errors import SinkError

_PREFIX: Final = "indicators_beside_"
_NAME: Final = re.compile(_PREFIX + "[0-9a-f]{16}")

_RANGE: Final = "ts_open >= (SELECT min(ts_open) FROM {own}) AND ts_open <= (SELECT max(ts_open) FROM {own})"
_PASSED: Final = f"""
ALTER TABLE {{own}} DELETE WHERE (symbol, interval, ts_open) IN (
    SELECT own.symbol, own.interval, own.ts_open FROM {{own}} AS own
    INNER JOIN (
        SELECT symbol, interval, ts_open, max(revision) AS newest FROM indicators WHERE {_RANGE}
        GROUP BY symbol, interval, ts_open
    ) AS live USING (symbol, interval, ts_open)
    WHERE live.newest > own.revision
) OR (symbol, interval, name, ts_open) IN (
    SELECT own.symbol, own.interval, own.name, own.ts_open FROM {{own}} AS own
    INNER JOIN (
        SELECT symbol, interval, name, ts_open, max(version) AS newest FROM indicators
        WHERE rerun > (SELECT max(rerun) FROM {{own}}) AND {_RANGE} GROUP BY symbol, interval, name, ts_open
    ) AS later USING (symbol, interval, name, ts_open)
    WHERE later.newest > own.version
) SETTINGS mutations_sync = 1
"""  # noqa: S608 (only names of tables are written into it, and they are checked)
"""Takes out bars whose live values are of a later revision by now, and values that a later run made anew."""

_THERE: Final = f"""
SELECT (SELECT count() FROM {{own}}) - count() FROM {{own}} AS own
INNER JOIN (
    SELECT symbol, interval, name, ts_open, max(version) AS newest FROM indicators WHERE {_RANGE}
    GROUP BY symbol, interval, name, ts_open
) AS live USING (symbol, interval, name, ts_open)
WHERE live.newest >= own.version
"""  # noqa: S608 (likewise)
"""Rows for which ``indicators`` has neither themselves nor what comes before them."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Values of one symbol and interval.

    Attributes:
        symbol: canonical name.
        interval: its name.
        stored: what ``Beside.revisions`` gave before the bars were read.
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
    stored: Mapping[int, int]
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
        table: of an earlier run; empty makes one, with the number after that of every run there was.

    Raises:
        SinkError: it is no name of such a table.
        TablesError: a migration was not applied.
    """

    def __init__(self, store: Store, table: str = "") -> None:
        if table and not _NAME.fullmatch(table):
            raise SinkError(f"table must be one that a reprocess made, was {table!r}")
        self._store = store
        self.table = table or f"{_PREFIX}{secrets.token_hex(8)}"
        self._run = 0
        if not table:
            check_applied(store)
            self._run = 1 + self._newest_run()
            store.command(f"CREATE TABLE {self.table} AS indicators")

    def revisions(self, symbol: str, interval: str) -> dict[int, int]:
        """The newest ones stored, by start of the bar (ns); -1 where runs alone gave values.

        They are asked for before the bars are read: what comes after that is not what values stand in for.
        """
        rows = self._store.rows(
            "SELECT toUnixTimestamp64Nano(ts_open), max(revision) FROM indicators "
            "WHERE symbol = {symbol:String} AND interval = {interval:String} GROUP BY ts_open",
            {"symbol": symbol, "interval": interval},
        )
        return {int(ts): int(revision) for ts, revision in rows}

    def put(self, part: Part) -> int:
        """Insert values, NULL where a stored one is no longer there; how many rows that were.

        The table must have been made by this object.
        """
        stored, opens = part.stored, part.ts_open.tolist()
        there, known = np.isfinite(part.values), np.array([ts in stored for ts in opens], np.bool_)
        numbers, bars = np.nonzero(there | known)
        if not len(bars):
            return 0
        texts = {"symbol": [part.symbol] * len(bars), "interval": [part.interval] * len(bars)}
        texts["name"] = [part.names[number] for number in numbers.tolist()]
        columns = {name: Column("String", texts_of(cells)) for name, cells in texts.items()}
        for name in ("ts_open", "ts_close", "ts_expires"):
            columns[name] = Column(INSTANT, getattr(part, name)[bars])
        columns["revision"] = Column("Int64", np.array([stored.get(ts, -1) for ts in opens], np.int64)[bars])
        columns["rerun"] = Column("Int64", np.full(len(bars), self._run, np.int64))
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
            TablesError: a migration was not applied.
            SinkError: the table is of an older version, or what was attached is not there.
        """
        check_applied(self._store)
        if not self._counts_runs(self.table):
            raise SinkError(
                f"{self.table} must have a column rerun, was made by an older version "
                f"(fix: `barline reprocess drop {self.table}`, and compute anew)"
            )
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

    def _newest_run(self) -> int:
        """Of the values that count and of those that stand beside; 0 where there are none."""
        tables = ["indicators", *filter(self._counts_runs, left(self._store))]
        return max(int(self._store.value(f"SELECT max(rerun) FROM {table}")) for table in tables)  # noqa: S608 (names of ours)

    def _counts_runs(self, table: str) -> bool:
        """Whether a table has the number of its run: those of older versions have not."""
        names = self._store.rows(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
            {"table": table},
        )
        return not names or any(name == "rerun" for (name,) in names)  # what is not there fails later

    def _verify(self) -> None:
        if lost := self._store.value(_THERE.format(own=self.table)):
            raise SinkError(f"values that count must be in indicators, was without {lost} rows")
