"""The sink: output topics into tables, offsets committed after the insert.

**Order** of what happens to a record: read, added to the batch, stored while the next batch is read, its
offset committed; after a crash in between it is read again, and its row replaces itself. **Back-pressure**:
while ClickHouse takes no rows, all partitions are paused and the same insert is tried again. **Poison**: rows
that ClickHouse refuses are found by halving and become dead letters, and the rest is stored. **Rest**: where
little comes it is taken between the instants at which everyone else is busy, see ``until_quiet``.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
from prometheus_client import Counter, Gauge

from connectors.sinks.clickhouse.batch import Batch, Piece, halves, stamped
from connectors.sinks.clickhouse.crash import crash_point
from connectors.sinks.clickhouse.equity import ending, route, versioned
from connectors.sinks.clickhouse.errors import RowsRefusedError, StoreDownError
from connectors.sinks.clickhouse.guard import ModeGuard
from connectors.sinks.clickhouse.inserter import TIMES, Inserter, insert
from connectors.sinks.clickhouse.journal import Journal
from connectors.sinks.clickhouse.letters import DeadLetters
from connectors.sinks.clickhouse.limits import Limits
from connectors.sinks.clickhouse.native import Chunk, Places
from connectors.sinks.clickhouse.publish import Ending, Publisher
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import TABLES, TOPICS, Table, chunk_of, equity_tables
from runtime.metrics import REGISTRY
from runtime.reader import Partition, Reader
from schemas.batches.decode import Decoder
from schemas.batches.frames import Frames
from schemas.batches.wire import Ints
from schemas.columns import UNDECODABLE, Columns
from schemas.errors import SchemaError

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")

_WAITING: Final = Gauge("barline_sink_waiting_rows", "Rows read and not stored yet", registry=REGISTRY)
_PUBLISHED: Final = Counter("barline_sink_runs_total", "Runs published", registry=REGISTRY)

_FIRST_DELAY_S: Final = 0.1
_LONGEST_DELAY_S: Final = 5.0
_MUCH: Final = 1_000  # records after a rest with which it goes on without another, until nothing comes
_BETWEEN_S: Final = 0.25  # between two rests
_WAIT_S: Final = 0.05  # for the first record of a turn without a rest before it
_NEARLY: Final = 0.9  # of its age makes a batch old enough: the next turn may be a rest away


class Sink:
    """Reads output topics and stores them.

    Args:
        reader: of the sink's group.
        store: the database.
        decoders: one for each of ``TOPICS``.
        letters: where refused records go.
        journal: of published runs.
        guard: which modes may have a partition.
        epochs: of ``TOPICS`` and ``lines.raw``.
        limits: when a batch is stored.
    """

    def __init__(
        self,
        reader: Reader,
        store: Store,
        decoders: Mapping[str, Decoder],
        letters: DeadLetters,
        journal: Journal,
        guard: ModeGuard,
        epochs: Mapping[str, int],
        limits: Limits,
    ) -> None:
        self._reader, self._store, self._decoders, self._letters = reader, store, decoders, letters
        self._journal, self._guard, self._epochs, self._limits = journal, guard, epochs, limits
        self._publisher = Publisher(store, journal)
        self._final, self._staging = equity_tables(limits.buckets)
        self._batch = Batch()
        self._inserter = Inserter(store)
        self._early: list[tuple[Partition, Frames]] = []  # came while everything was paused
        self._unchecked: set[Partition] = set()
        self._untidy: set[Partition] = set()
        self._stop: Callable[[], bool] = lambda: False
        self.problem = "no partition was assigned yet"

    def run(self, stop: Callable[[], bool]) -> None:
        """Read and store until told to stop, then store what was read, unless ClickHouse is down.

        Raises:
            TablesError: a table is another one.
            StoreDownError: ClickHouse was down when it was told to stop; what is not stored is read again.
            DependencyError: Kafka refuses to serve.
        """
        self._stop = stop
        self._reader.subscribe(TOPICS, on_assigned=self._assigned, on_revoked=self._revoked)
        interval, busy = min(self._limits.age_s, _BETWEEN_S), True
        while not stop():
            came = self.turn(_WAIT_S if busy else 0.0)
            busy = came > 0 if busy else came >= _MUCH  # of much, little may come at once
            if not busy:
                time.sleep(until_quiet(time.time(), interval))
        self.flush()

    def turn(self, timeout: float) -> int:
        """Take what has arrived and store it when it is enough or old enough.

        Args:
            timeout: seconds to wait for the first record.

        Returns:
            How many records arrived.
        """
        early, self._early = self._early, []
        arrived = [*early, *self._reader.read_frames(timeout).items()]
        self._tidy()
        again: set[Partition] = set()
        for partition, frames in arrived:
            if partition not in again and not self._take(partition, frames):
                again.add(partition)
        if self._batch.rows >= self._limits.rows or self._batch.age() >= _NEARLY * self._limits.age_s:
            self._settle(begin=True)
        elif self._inserter.is_done:
            self._settle()
        _WAITING.set(self._batch.rows)
        return sum(len(frames) for _, frames in arrived)

    def flush(self) -> None:
        """Store all rows, then commit the offsets up to which they were read."""
        self._settle(begin=True)
        self._settle()

    def close(self) -> None:
        """Wait for the insert that is on its way; its offsets are not committed."""
        self._inserter.close()

    def _settle(self, *, begin: bool = False) -> None:
        """Commit what is on its way as soon as it is stored; before that the batch may go on its own way."""
        stored = self._inserter.wait(self._insert)
        if begin and self._batch.positions:
            batch, self._batch = self._batch, Batch()
            self._inserter.begin(batch)
        if stored is not None:
            crash_point("flush.stored")
            self._letters.wait()
            self._reader.commit(stored.positions)

    # -- records into the batch

    def _take(self, partition: Partition, frames: Frames) -> bool:
        """Add records to the batch; not when their partition must be read again from further back."""
        if partition in self._unchecked and self._sought_back(partition, int(frames.offsets[0])):
            return False
        columns = self._decoders[partition.topic].decode(frames, partition.number)
        for place in np.flatnonzero(columns.kinds == UNDECODABLE):
            self._letters.refuse(columns, int(place), "V01", "value must be a record of the topic")
        if partition.topic == "equity":
            self._take_equity(partition, columns, frames.published)
        else:
            self._take_rows(columns, frames.published)
        self._batch.reached(partition, int(frames.offsets[-1]) + 1)
        return True

    def _take_rows(self, columns: Columns, published: Ints) -> None:
        for record in columns.topic.records:
            tables = TABLES.get((columns.topic.name, record), ())
            places = columns.places(record)
            if not tables or not len(places):
                continue
            chunk = stamped(self._chunk(columns, record, places), published)
            for table in tables:
                self._batch.add(table, columns, self._versioned(table, columns, chunk))

    def _chunk(self, columns: Columns, record: str, places: Places) -> Chunk:
        """Rows of records; one whose nested values cannot be read is refused."""
        try:
            return chunk_of(columns, record, places)
        except SchemaError as error:
            if len(places) == 1:
                self._letters.refuse(columns, int(places[0]), "V01", str(error))
                return chunk_of(columns, record, places[:0])
            good = [self._chunk(columns, record, places[n : n + 1]).count > 0 for n in range(len(places))]
            return chunk_of(columns, record, places[np.array(good)])

    def _versioned(self, table: Table, columns: Columns, chunk: Chunk) -> Chunk:
        if table.version == "offset":
            return versioned(chunk, columns.offsets[chunk.places], self._epochs[columns.topic.name])
        if table.version == "lines_offset":
            offsets = np.asarray(chunk.columns["lines_offset"].values).astype(np.int64)
            return versioned(chunk, offsets, self._epochs["lines.raw"])
        return chunk

    def _take_equity(self, partition: Partition, columns: Columns, published: Ints) -> None:
        """Rows up to each RunEnd, then what it publishes."""
        rows, begin = columns.places("Equity"), 0
        for place in columns.places("RunEnd"):
            end = int(np.searchsorted(rows, place))
            self._add_equity(partition, columns, rows[begin:end], published)
            begin = end
            found = ending(columns, int(place), self._epochs["lines.raw"], self._journal)
            if found is not None:
                self._batch.reached(partition, found.offset)
                self._publish(found)
        self._add_equity(partition, columns, rows[begin:], published)

    def _add_equity(self, partition: Partition, columns: Columns, places: Places, published: Ints) -> None:
        if not len(places):
            return
        routed = route(columns, places, self._guard, self._journal, self._epochs["lines.raw"])
        for place, (code, detail) in routed.refused.items():
            self._letters.refuse(columns, place, code, detail)
        runs = {run: int(columns.offsets[place]) for run, place in routed.runs.items()}
        self._until_stored(lambda: self._journal.begin(runs, partition))
        self._batch.add(self._final, columns, stamped(routed.live, published))
        self._batch.add(self._staging, columns, stamped(routed.staged, published))

    def _publish(self, found: Ending) -> None:
        """Store everything before the end of a run, then publish it."""
        self.flush()

        def commit() -> None:
            self._reader.commit({found.place: found.offset + 1})

        with TIMES.time("publish"):
            rows = self._until_stored(lambda: self._publisher.publish(found, commit))
        if rows:
            _PUBLISHED.inc()
            _LOG.info("published %d rows of %s %s", rows, *found.run)

    # -- rows into tables

    def _insert(self, table: Table, pieces: Sequence[Piece]) -> None:
        """Store rows of a table; those that are refused for what is in them become dead letters."""
        try:
            self._until_stored(lambda: insert(self._store, table, pieces))
        except RowsRefusedError as error:
            if sum(piece.chunk.count for piece in pieces) > 1:
                for half in halves(pieces):
                    self._insert(table, half)
                return
            place = int(pieces[0].chunk.places[0])
            self._letters.refuse(pieces[0].columns, place, f"CH{error.code}", str(error))

    def _until_stored(self, action: Callable[[], _T]) -> _T:
        """Carry out an action; while ClickHouse is down, stay in the group, take nothing, and try again."""
        delay = 0.0
        while True:
            try:
                done = action()
            except StoreDownError as error:
                if self._stop():
                    raise
                delay = min(max(delay * 2, _FIRST_DELAY_S), _LONGEST_DELAY_S)
                if not self.problem:
                    _LOG.warning("%s; tried again until it does", error)
                self.problem = str(error)
                self._pause(delay * (0.75 + random.random() / 2))  # noqa: S311  (jitter)
            else:
                if delay:
                    self._reader.resume(self._reader.assignment())
                    self.problem = ""
                    _LOG.info("clickhouse takes rows again")
                return done

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._stop():
            self._reader.pause(self._reader.assignment())
            self._early += self._reader.read_frames(min(left, 0.5)).items()

    # -- partitions

    def _assigned(self, partitions: list[Partition]) -> None:
        equity = [place for place in partitions if place.topic == "equity"]
        self._unchecked.update(equity)
        self._untidy.update(equity)
        self.problem = ""

    def _revoked(self, partitions: list[Partition]) -> None:
        self._early = [(place, frames) for place, frames in self._early if place not in partitions]
        for place in partitions:
            self._unchecked.discard(place)
            self._untidy.discard(place)
            for batch in filter(None, (self._batch, self._inserter.batch)):
                batch.forget(place)

    def _tidy(self) -> None:
        """Read what the journal says of partitions that came, and clear what a crash left there."""
        if not self._untidy:
            return
        self._settle()
        self._until_stored(self._journal.load)
        places = set(self._untidy)
        runs = [run for place in places for run in self._journal.published_runs(place)]
        self._until_stored(lambda: self._publisher.tidy(runs))
        self._untidy -= places

    def _sought_back(self, partition: Partition, position: int) -> bool:
        """Go back to where an open run begins whose staged rows are gone; whether that was needed."""
        self._unchecked.discard(partition)
        self._settle()
        staged = self._until_stored(self._publisher.waiting)
        opened = self._journal.open_runs(partition)
        lost = [first for run, first in opened.items() if run not in staged and first < position]
        if lost:
            _LOG.warning("staged rows of %d open runs are gone: %s is read again", len(lost), partition)
            self._reader.seek(partition, min(lost))
        return bool(lost)


def until_quiet(now: float, interval: float) -> float:
    """Seconds until the middle between two whole multiples of an interval by the wall clock.

    Bars end with whole seconds, and forming ones go out with the first tick of a quarter: a sink that takes
    them as they come works, and lets ClickHouse work, just when the next ones are waited for.

    Args:
        now: seconds since the epoch.
        interval: seconds.

    Returns:
        More than 0, at most the interval.
    """
    return interval - (now - interval / 2) % interval
