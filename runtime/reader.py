"""The only consumer outside the worker: sinks, sources, commands and tests read topics through it.

A reader either has its partitions assigned, with an offset for each, or shares those of its topics with the
other members of a group. Nothing is committed by itself.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, NoReturn, TypeVar

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException

from runtime.consumer import Consumer
from runtime.intake import Intake
from runtime.kafka import KafkaSettings, unreachable
from runtime.partitions import Place
from schemas.batches.frames import Frames
from schemas.columns import Rows
from schemas.errors import DependencyError, SchemaError

_T = TypeVar("_T")

_SETTLING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
"""What passes by itself: brokers have not yet agreed who serves."""

_MISSING: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})  # noqa: SLF001 (a public constant of librdkafka)

Start = Literal["earliest", "latest"]


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


class Record(NamedTuple):
    """One record as it stands in the log; the timestamp is in milliseconds."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    published: int = 0
    """Wall clock in ns when it was sent; 0 where its writer did not say. No decision may depend on it."""


class Reader:
    """Reads records of several partitions, in log order within each.

    Args:
        settings: how to reach the brokers.
        name: ``client.id``.
        group: consumer group; None for a reader with assigned partitions that commits nothing.
        start: where to begin when there is no committed offset.
        instance: name of this member of the group, to keep its partitions over a restart.
        timeout: seconds that a question to the brokers may take.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        name: str,
        *,
        group: str | None = None,
        start: Start = "earliest",
        instance: str = "",
        timeout: float = 10.0,
    ) -> None:
        self._settings = settings
        self._timeout = timeout
        self._client = Consumer(settings.consumer(name, group=group, start=start, instance=instance))
        self._intake = Intake(self._client)

    def subscribe(
        self,
        topics: Sequence[str],
        *,
        on_assigned: Callable[[list[Partition]], None] = lambda _: None,
        on_revoked: Callable[[list[Partition]], None] = lambda _: None,
    ) -> None:
        """Share the partitions of some topics with the group.

        Args:
            topics: names.
            on_assigned: called within ``read`` with the partitions that came.
            on_revoked: called within ``read`` or ``close`` with those that go, while offsets can still be
                committed.
        """
        self._client.subscribe(
            topics,
            lambda found: on_assigned(_partitions(found)),
            lambda found: on_revoked(_partitions(found)),
        )

    def assign(self, offsets: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets on, ``OFFSET_BEGINNING`` and ``OFFSET_END`` included."""
        self._client.assign(offsets)

    def assign_from_beginning(self, topics: Iterable[str]) -> list[Partition]:
        """Read all partitions of some topics from their first record on; gives the partitions."""
        found = [partition for topic in topics for partition in self.partitions(topic)]
        self.assign(dict.fromkeys(found, OFFSET_BEGINNING))
        return found

    def assignment(self) -> list[Partition]:
        """Partitions that are read now."""
        return _partitions(self._client.assignment())

    def read(self, timeout: float, limit: int = 10_000) -> dict[Partition, list[Record]]:
        """What has arrived, by partition.

        Args:
            timeout: seconds to wait for the first records; 0 takes what is there.
            limit: most records in one call, over all partitions.

        Raises:
            DependencyError: the brokers refuse to serve.
            SchemaError: a topic does not exist.
        """
        return {place: _records(frames) for place, frames in self.read_frames(timeout, limit).items()}

    def read_frames(self, timeout: float, limit: int = 10_000) -> dict[Partition, Frames]:
        """The same as frames, for the decoders of ``schemas.batches``; no object is made a record."""
        try:
            found = self._intake.take(timeout, limit)
        except KafkaException as failure:
            self._refuse(*failure.args)
        return {Partition(*place): frames for place, frames in found.items()}

    def seek(self, partition: Partition, offset: int) -> None:
        """Read an assigned partition from an offset on."""
        self._ask(lambda: self._client.seek(partition, offset))

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Take no more records of these partitions, and stay in the group."""
        self._client.pause(partitions)

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Take records of these partitions again."""
        self._client.resume(partitions)

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit the offsets of the next records to be read, and wait until the brokers have them."""
        if offsets:
            self._ask(lambda: self._client.commit(offsets))

    def committed(self, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        """Committed offset of each partition, None where there is none."""
        wanted = list(partitions)
        found = self._ask(lambda: self._client.committed(wanted, self._timeout)) if wanted else {}
        return {Partition(*place): offset if offset >= 0 else None for place, offset in found.items()}

    def partitions(self, topic: str) -> list[Partition]:
        """Partitions of a topic in order.

        Raises:
            SchemaError: there is no such topic.
        """
        found = self._ask(lambda: self._client.partitions(topic, self._timeout), topic)
        return [Partition(topic, number) for number in found]

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """Offset of the first record of a partition and of the next one to be written."""
        return self._ask(lambda: self._client.bounds(partition, self._timeout))

    def ends(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Offset of the next record to be written of every partition of some topics."""
        return {place: self.bounds(place)[1] for topic in topics for place in self.partitions(topic)}

    def close(self) -> None:
        """Leave the group."""
        self._client.close()

    def _ask(self, call: Callable[[], _T], topic: str = "") -> _T:
        """Answer of the brokers; asked again while a topic that was just made has no leader yet."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return call()
            except KafkaException as failure:
                error = failure.args[0]
                if topic and error.code() in _MISSING:
                    self._refuse(error, topic)
                if error.code() not in _SETTLING or time.monotonic() > deadline:
                    raise unreachable(self._settings, error) from failure
                time.sleep(0.1)

    @staticmethod
    def _refuse(error: KafkaError, topic: str) -> NoReturn:
        if error.code() in _MISSING:
            raise SchemaError(
                f"topic {topic} must exist, was not found (create it with `barline topics apply`)"
            )
        raise DependencyError(f"kafka must serve {topic}, was {error.str()!r}")


def _records(frames: Frames) -> list[Record]:
    """Frames as objects."""
    keys, values = _texts(frames, frames.keys), _texts(frames, frames.values)
    parts = frames.offsets.tolist(), frames.timestamps.tolist(), keys, values, frames.published.tolist()
    return [Record(*cells) for cells in zip(*parts, strict=True)]


def _texts(frames: Frames, spans: Rows) -> list[bytes | None]:
    data = frames.data.data
    return [None if size < 0 else data[at : at + size].tobytes() for at, size in spans.tolist()]


def _partitions(found: Iterable[Place]) -> list[Partition]:
    return [Partition(*place) for place in found]


__all__ = ["OFFSET_BEGINNING", "OFFSET_END", "Partition", "Reader", "Record", "Start"]
