"""The sink as a process of its own, for tests that kill it.

The processes are forked from one that has everything imported, so a kill costs no start of an interpreter.
"""

import os
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Final

from connectors.sinks.clickhouse.assemble import assemble
from connectors.sinks.clickhouse.crash import crash_point
from connectors.sinks.clickhouse.journal import Journal, Run
from connectors.sinks.clickhouse.limits import Limits
from connectors.sinks.clickhouse.publish import Ending, Publisher
from connectors.sinks.clickhouse.sink import Sink
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.logs import configure
from runtime.process import StopSignal
from runtime.reader import Partition


class EagerSink(Sink):
    """Commits offsets before the insert: the rule that the negative control breaks."""

    def _settle(self, *, begin: bool = False) -> None:
        self._reader.commit(self._batch.positions)
        if any(table.name == "bars" for table in self._batch.pieces):
            crash_point("eager.committed")
        super()._settle(begin=begin)


class HalvesPublisher(Publisher):
    """Inserts the rows of a run instead of attaching them as one part."""

    def _put(self, ending: Ending, table: str) -> None:
        del ending
        query = f"INSERT INTO equity SELECT * FROM {table} FINAL ORDER BY ts_event"  # noqa: S608  (a digest)
        rows = int(self._store.value(f"SELECT count() FROM {table} FINAL"))  # noqa: S608  (a digest)
        self._store.command(f"{query} LIMIT {rows // 2}")
        crash_point("halves.first")
        self._store.command(f"{query} LIMIT {rows // 2}, {rows}")


class HalvesSink(Sink):
    """Publishes in two halves: the rule that the negative control breaks."""

    def _assigned(self, partitions: list[Partition]) -> None:
        self._publisher.__class__ = HalvesPublisher
        super()._assigned(partitions)


class NarrowPublisher(Publisher):
    """Keeps the rows of its own mode alone when it replaces a partition."""

    def _shared(self) -> str:
        return "mode = {mode:String}"


class NarrowSink(Sink):
    """Forgets that a bucket has other modes: the rule that the negative control breaks."""

    def _assigned(self, partitions: list[Partition]) -> None:
        self._publisher.__class__ = NarrowPublisher
        super()._assigned(partitions)


class ForgetfulJournal(Journal):
    """Never writes down that a run is out."""

    def end(self, run: Run, place: Partition, offset: int, published: int, rows: int) -> None:
        """Write nothing."""


class ForgetfulSink(Sink):
    """Publishes without the journal: the rule that the negative control breaks."""

    def _assigned(self, partitions: list[Partition]) -> None:
        self._journal.__class__ = ForgetfulJournal
        super()._assigned(partitions)


KINDS: Final[Mapping[str, type[Sink]]] = {
    "": Sink, "eager": EagerSink, "halves": HalvesSink, "forgetful": ForgetfulSink, "narrow": NarrowSink,
}  # fmt: skip
LIMITS: Final = Limits(500, 0.05)


def run(
    environment: Mapping[str, str], group: str, ready: Connection, *, kind: str = "", limits: Limits = LIMITS
) -> None:
    """Run a sink until it is told to stop, or killed.

    Args:
        environment: addresses, and where to crash.
        group: consumer group.
        ready: gets an answer when it begins to read.
        kind: which rule is broken, if any.
        limits: when a batch is stored.
    """
    os.environ.update(environment)
    configure()
    stop = StopSignal()
    sink, close = assemble(KafkaSettings.load(), Endpoints.load(), group, limits, "one", KINDS[kind])
    ready.send("ready")
    sink.run(lambda: bool(stop))
    close()
