"""Publishing a run: its staged rows enter the final table all at once, and a crash anywhere changes nothing.

::

    staging of all runs ──copy──► table of this run ──OPTIMIZE FINAL──► one part ──ATTACH──► equity
                                                                                    │
                                  drop both ◄── commit offsets ◄── journal ◄── verify

A table of its own has the layout of ``equity``, so its one part can be attached: readers see all of it or
nothing, and other runs of the mode stay. Every step can be repeated: the key replaces what comes twice.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from connectors.sinks.clickhouse.crash import crash_point
from connectors.sinks.clickhouse.errors import StoreDownError
from connectors.sinks.clickhouse.journal import Journal, Run
from connectors.sinks.clickhouse.store import Store
from runtime.reader import Partition
from schemas.errors import SinkError

_OF_RUN: Final = "mode = {mode:String} AND strand_id = {strand_id:String}"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a run as its RunEnd says it.

    Attributes:
        run: the run.
        place: partition of the RunEnd.
        offset: its offset.
        version: of its line on ``lines.raw``; rows of the run are below it.
        replaces: whether it takes the place of what is published of the run.
    """

    run: Run
    place: Partition
    offset: int
    version: int
    replaces: bool


class Publisher:
    """Publishes runs.

    Args:
        store: the database.
        journal: what is open and what is out.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    def publish(self, ending: Ending, commit: Callable[[], None]) -> int:
        """Publish the staged rows of a run; a run without new rows changes nothing.

        Args:
            ending: its end.
            commit: commits the offsets up to the end, once the journal says that it is out.

        Returns:
            Rows published.

        Raises:
            StoreDownError: later, perhaps; everything can be repeated.
            SinkError: what was attached is not there.
        """
        run, table = ending.run, f"equity_run_{_digest(ending.run)}"
        self._copy(run, table)
        crash_point("publish.copied")
        rows = int(self._store.value(f"SELECT count() FROM {table}"))  # noqa: S608  (a digest)
        if rows:
            version = int(self._store.value(f"SELECT max(version) FROM {table}"))  # noqa: S608  (a digest)
            self._put(ending, table)
            crash_point("publish.attached")
            self._verify(run, table)
            crash_point("publish.verified")
            self._journal.end(run, ending.place, ending.offset, max(version, ending.version), rows)
            crash_point("publish.journaled")
        commit()
        crash_point("publish.committed")
        self._clear(run)
        crash_point("publish.cleared")
        self._store.command(f"DROP TABLE IF EXISTS {table} SYNC")
        return rows

    def tidy(self, runs: Iterable[Run]) -> None:
        """Drop what a crash left of runs that are published."""
        query = (
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'equity_run_%'"
        )
        tables = {str(row[0]) for row in self._store.rows(query)}
        staged = {
            Run(*row) for row in self._store.rows("SELECT DISTINCT mode, strand_id FROM equity_staging")
        }
        for run in runs:
            if run in staged:
                self._clear(run)
            if (table := f"equity_run_{_digest(run)}") in tables:
                self._store.command(f"DROP TABLE IF EXISTS {table} SYNC")

    def _copy(self, run: Run, table: str) -> None:
        """Make the table of the run anew, from those of its staged rows that are not published."""
        self._store.command(f"DROP TABLE IF EXISTS {table} SYNC")
        self._store.command(f"CREATE TABLE {table} AS equity")
        self._store.command(
            f"INSERT INTO {table} SELECT * FROM equity_staging FINAL "  # noqa: S608  (a digest; the rest is bound)
            f"WHERE {_OF_RUN} AND toInt64(version) > {{published:Int64}}",
            {**run._asdict(), "published": self._journal.published(run)},
        )

    def _put(self, ending: Ending, table: str) -> None:
        """Bring the rows into the final table as one part, beside or instead of what is there of the run."""
        run = ending.run
        if ending.replaces:
            self._store.command(
                f"INSERT INTO {table} SELECT * FROM equity FINAL "  # noqa: S608  (a digest; the rest is bound)
                "WHERE mode = {mode:String} AND strand_id != {strand_id:String}",
                run._asdict(),
            )
        self._store.command(f"OPTIMIZE TABLE {table} FINAL")
        parts = self._store.rows(
            "SELECT partition_id FROM system.parts WHERE active AND rows > 0 "
            "AND database = currentDatabase() AND table = {table:String}",
            {"table": table},
        )
        if len(parts) != 1:
            raise StoreDownError(
                f"a run must be one part before it is published, was {len(parts)} ({run.mode})"
            )
        verb = "REPLACE" if ending.replaces else "ATTACH"
        self._store.command(f"ALTER TABLE equity {verb} PARTITION ID '{parts[0][0]}' FROM {table}")

    def _verify(self, run: Run, table: str) -> None:
        """See that every row of the run is in the final table.

        Raises:
            SinkError: one is not.
        """
        lost = self._store.value(
            f"SELECT count() FROM {table} WHERE {_OF_RUN} AND (broker, ts_event) NOT IN "  # noqa: S608  (a digest)
            f"(SELECT broker, ts_event FROM equity WHERE {_OF_RUN})",
            run._asdict(),
        )
        if lost:
            raise SinkError(f"a published run must be in equity, was without {lost} rows ({run.mode})")

    def _clear(self, run: Run) -> None:
        """Drop the staged rows of a run, all of which are published."""
        newest = self._store.value(f"SELECT max(version) FROM equity_staging WHERE {_OF_RUN}", run._asdict())  # noqa: S608  (bound)
        if int(newest) > self._journal.published(run):
            return
        query = f"SELECT DISTINCT _partition_id FROM equity_staging WHERE {_OF_RUN}"  # noqa: S608  (bound)
        for (identity,) in self._store.rows(query, run._asdict()):
            self._store.command(f"ALTER TABLE equity_staging DROP PARTITION ID '{identity}'")


def _digest(run: Run) -> str:
    """Name of a run that can stand in a statement."""
    return hashlib.sha256("\0".join(run).encode()).hexdigest()[:32]
