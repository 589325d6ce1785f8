"""A consumer in a process of its own, that notes when each record came."""

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

from confluent_kafka import OFFSET_END

from runtime.kafka import KafkaSettings
from runtime.reader import Reader


class Came(NamedTuple):
    """One record, and the wall clock in ns at which the consumer had it."""

    topic: str
    value: bytes
    had: int


class Listener:
    """Listens from the moment it is there.

    Args:
        kafka: bootstrap servers.
        topics: what it reads, from their ends on.
    """

    def __init__(self, kafka: str, topics: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._own, its = context.Pipe()
        self._process = context.Process(target=_listen, args=(kafka, tuple(topics), its))
        self._process.start()
        its.close()
        assert self._own.recv() == "listening"

    def end(self) -> list[Came]:
        """End; all that came."""
        self._own.send("enough")
        came: list[Came] = self._own.recv()
        self._process.join()
        return came


def _listen(kafka: str, topics: Sequence[str], out: Connection) -> None:
    reader = Reader(KafkaSettings(kafka), "bench-listener")
    reader.assign({place: OFFSET_END for topic in topics for place in reader.partitions(topic)})
    reader.read(3.0)
    found: list[Came] = []
    out.send("listening")
    while not out.poll():
        for place, records in reader.read(0.2).items():
            had = time.time_ns()
            found += [Came(place.topic, record.value or b"", had) for record in records]
    out.send(found)
    reader.close()
