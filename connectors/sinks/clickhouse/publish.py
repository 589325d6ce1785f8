"""Publishing a run: its staged rows enter the final table all at once, and a crash anywhere changes nothing.

::

    staging of all runs ──copy──► table of this run ──OPTIMIZE FINAL──► one part ──ATTACH──► equity
                                                                                    │
                                  drop both ◄── commit offsets ◄── journal ◄── verify

A table of its own has the layout of ``equity``, so its one part can be attached: readers see all of it or
nothing, and other runs of the mode stay. Every step can be repeated: the key replaces what comes twice.

Two publishers of one run (one was frozen, lost its partitions and woke up): each has a table of its own name,
and takes away that of the other before it begins, so the other one fails, or has attached all of it before.
One that makes its table later still asks the journal when it has copied: what it found may be the rest of
rows that are being taken away. It takes no rows behind its RunEnd, and of staging only parts without newer
rows are dropped.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from connectors.sinks.clickhouse.crash import crash_point
from connectors.sinks.clickhouse.errors import StoreDownError, TablesError
from connectors.sinks.clickhouse.journal import Journal, Run
from connectors.sinks.clickhouse.layout import layout_of
from connectors.sinks.clickhouse.store import Store
from runtime.reader import Partition
from schemas.errors import SinkError
from schemas.partition import partition_of

_PREFIX: Final = "equity_run_"
_NO_SUCH_PART: Final = 232
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
            SinkError: what was attached is not there, or another publisher is at this run.
        """
        table = f"{_of(ending.run)}{secrets.token_hex(8)}"
        self._drop(self._tables(_of(ending.run)))
        try:
            rows = self._out(ending, table)
        except TablesError as error:
            if table in self._tables(table):
                raise
            raise _one_more(ending.run) from error
        commit()
        crash_point("publish.committed")
        self._clear(ending.run)
        crash_point("publish.cleared")
        self._drop([table])
        return rows

    def tidy(self, runs: Iterable[Run]) -> None:
        """Drop what a crash left of runs that are published."""
        tables, staged = self._tables(_PREFIX), self._staged()
        for run in runs:
            if run in staged:
                self._clear(run)
            self._drop([table for table in tables if table.startswith(_of(run))])

    def waiting(self) -> set[Run]:
        """Runs with rows in staging that are not published."""
        return {run for run, version in self._staged().items() if version > self._journal.published(run)}

    def _staged(self) -> dict[Run, int]:
        """Newest version in staging by run."""
        query = "SELECT mode, strand_id, max(version) FROM equity_staging GROUP BY mode, strand_id"
        return {Run(mode, strand): int(version) for mode, strand, version in self._store.rows(query)}

    def _out(self, ending: Ending, table: str) -> int:
        """Bring the rows of a run into the final table, and say so in the journal."""
        self._copy(ending, table)
        self._check_alone(ending.run)
        crash_point("publish.copied")
        rows = int(self._store.value(f"SELECT count() FROM {table}"))  # noqa: S608  (a digest)
        if rows:
            self._put(ending, table)
            crash_point("publish.attached")
            self._verify(ending.run, table)
            crash_point("publish.verified")
            self._journal.end(ending.run, ending.place, ending.offset, ending.version, rows)
            crash_point("publish.journaled")
        return rows

    def _copy(self, ending: Ending, table: str) -> None:
        """Make the table of the run, of its staged rows before its end that are not published."""
        run = ending.run
        self._store.command(f"CREATE TABLE {table} AS equity")
        self._store.command(
            f"INSERT INTO {table} SELECT * FROM equity_staging FINAL "  # noqa: S608  (a digest; the rest is bound)
            f"WHERE {_OF_RUN} AND toInt64(version) > {{published:Int64}} AND version <= {{end:UInt64}}",
            {**run._asdict(), "published": self._journal.published(run), "end": ending.version},
        )

    def _check_alone(self, run: Run) -> None:
        """See that nobody published the run before its rows were copied.

        Raises:
            SinkError: somebody did.
        """
        if self._journal.is_behind(run):
            raise _one_more(run)

    def _put(self, ending: Ending, table: str) -> None:
        """Bring the rows into the final table as one part, beside or instead of what is there of the run."""
        run = ending.run
        if ending.replaces:
            self._store.command(
                f"INSERT INTO {table} SELECT * FROM equity FINAL "  # noqa: S608  (a digest; the rest is bound)
                f"WHERE {self._shared()} AND (NOT ({_OF_RUN}) OR live)",
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

    def _shared(self) -> str:
        """Condition on rows: they are in the partition that takes the run."""
        return layout_of(self._store).beside

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
        """Drop the staged rows of a run that are published; a part with newer ones stays.

        In buckets, where other runs share the parts, they go some seconds later.
        """
        if buckets := layout_of(self._store).buckets:
            place = partition_of(run.mode.encode(), buckets)
            self._store.command(
                f"DELETE FROM equity_staging IN PARTITION ID '{place}' WHERE {_OF_RUN} "  # noqa: S608  (bound)
                "AND version <= {published:UInt64} SETTINGS lightweight_deletes_sync = 0",
                {**run._asdict(), "published": max(self._journal.published(run), 0)},
            )
            return
        query = (
            f"SELECT _part FROM equity_staging WHERE {_OF_RUN} "  # noqa: S608  (bound)
            "GROUP BY _part HAVING max(version) <= {published:UInt64}"
        )
        parameters = {**run._asdict(), "published": max(self._journal.published(run), 0)}
        while parts := self._store.rows(query, parameters):
            for (part,) in parts:
                try:
                    self._store.command(f"ALTER TABLE equity_staging DROP PART '{part}'")
                except StoreDownError as error:
                    if error.code != _NO_SUCH_PART:  # merged meanwhile
                        raise

    def _tables(self, prefix: str) -> list[str]:
        query = (
            "SELECT name FROM system.tables "
            "WHERE database = currentDatabase() AND startsWith(name, {prefix:String})"
        )
        return [str(row[0]) for row in self._store.rows(query, {"prefix": prefix})]

    def _drop(self, tables: Iterable[str]) -> None:
        for table in tables:
            self._store.command(f"DROP TABLE IF EXISTS {table} SYNC")


def _one_more(run: Run) -> SinkError:
    return SinkError(f"a run must have one publisher, was one more ({run.mode})")


def _of(run: Run) -> str:
    """How the names of the tables of a run begin."""
    return f"{_PREFIX}{hashlib.sha256(chr(0).join(run).encode()).hexdigest()[:32]}_"
