"""A consumer in a process of its own, that notes when each record came."""

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_END

from runtime import quiet
from runtime.kafka import KafkaSettings
from runtime.reader import Reader

_SETTLE_S: Final = 2.0  # until the ends are known, from which on it reads
_TAKE, _END = "take", "end"


class Came(NamedTuple):
    """One record, and the wall clock in ns at which the consumer had it."""

    topic: str
    value: bytes
    had: int


class Listener:
    """Listens until it is closed; its start, which takes seconds, is not waited for.

    Args:
        kafka: bootstrap servers.
        topics: what it reads, from their ends on.
    """

    def __init__(self, kafka: str, topics: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._own, its = context.Pipe()
        self._process = context.Process(target=_listen, args=(kafka, tuple(topics), its), daemon=True)
        self._process.start()
        its.close()

    def take(self) -> list[Came]:
        """All that came since it listens or since the last call; waits until it listens."""
        self._own.send(_TAKE)
        came: list[Came] = self._own.recv()
        return came

    def close(self) -> None:
        """End."""
        self._own.send(_END)
        self._process.join()


def _listen(kafka: str, topics: Sequence[str], out: Connection) -> None:
    reader = Reader(KafkaSettings(kafka), "bench-listener")
    reader.assign({place: OFFSET_END for topic in topics for place in reader.partitions(topic)})
    end = time.monotonic() + _SETTLE_S
    while time.monotonic() < end:
        reader.read(end - time.monotonic())
    quiet.settle()  # a look at all objects would show in every record that comes meanwhile
    found: list[Came] = []
    while True:
        if out.poll():
            if out.recv() == _END:
                break
            out.send(found)
            found = []
        for place, records in reader.read(0.2).items():
            had = time.time_ns()
            found += [Came(place.topic, record.value or b"", had) for record in records]
    reader.close()
