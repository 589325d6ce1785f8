"""The sink as a process of its own, for tests that kill it.

The processes are forked from one that has everything imported, so a kill costs no start of an interpreter.
"""

import os
from collections.abc import Mapping
from multiprocessing.connection import Connection

from connectors.sinks.clickhouse.assemble import assemble
from connectors.sinks.clickhouse.crash import crash_point
from connectors.sinks.clickhouse.sink import Limits, Sink
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.logs import configure
from runtime.process import StopSignal


class EagerSink(Sink):
    """Commits offsets before the insert: the rule that the negative control breaks."""

    def flush(self) -> None:
        self._reader.commit(self._batch.positions)
        if any(table.name == "bars" for table in self._batch.pieces):
            crash_point("eager.committed")
        super().flush()


def run(environment: Mapping[str, str], group: str, ready: Connection, *, eager: bool) -> None:
    """Run a sink until it is told to stop, or killed.

    Args:
        environment: addresses, and where to crash.
        group: consumer group.
        ready: gets an answer when it begins to read.
        eager: commit before the insert.
    """
    os.environ.update(environment)
    configure()
    stop = StopSignal()
    kind = EagerSink if eager else Sink
    sink, close = assemble(KafkaSettings.load(), Endpoints.load(), group, Limits(500, 0.05), "one", kind)
    ready.send("ready")
    sink.run(lambda: bool(stop))
    close()
