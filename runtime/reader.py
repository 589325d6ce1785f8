"""The only consumer outside the worker: sinks, sources, the API and tests read topics through it.

A reader either has its partitions assigned, with an offset for each, or shares those of its topics with the
other members of a group. Nothing is committed by itself.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from runtime.headers import TS_PUBLISHED
from runtime.kafka import CLIENT_LOG, KafkaSettings, unreachable
from schemas.batches.frames import Frames, from_columns
from schemas.errors import DependencyError, SchemaError

_LOG: Final = logging.getLogger(__name__)
_DIGITS: Final = 20  # of a time in ns that fits 64 bits, one more than it can have
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
        self._client = Consumer(
            settings.consumer(name, group=group, start=start, instance=instance), logger=CLIENT_LOG
        )

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
            list(topics),
            on_assign=lambda _, found: on_assigned(_partitions(found)),
            on_revoke=lambda _, found: on_revoked(_partitions(found)),
        )

    def assign(self, offsets: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets on, ``OFFSET_BEGINNING`` and ``OFFSET_END`` included."""
        self._client.assign([TopicPartition(topic, n, at) for (topic, n), at in offsets.items()])

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
        return {
            place: [
                Record(one.offset(), one.timestamp()[1], one.key(), one.value(), _published(one.headers()))
                for one in messages
            ]
            for place, messages in self._arrived(timeout, limit).items()
        }

    def read_frames(self, timeout: float, limit: int = 10_000) -> dict[Partition, Frames]:
        """The same as frames, for the decoders of ``schemas.batches``; no object is made a record."""
        return {
            place: from_columns(
                list(map(Message.offset, messages)),
                [at for _, at in map(Message.timestamp, messages)],
                list(map(Message.key, messages)),
                list(map(Message.value, messages)),
                _all_published(messages),
            )
            for place, messages in self._arrived(timeout, limit).items()
        }

    def _arrived(self, timeout: float, limit: int) -> dict[Partition, list[Message]]:
        """What librdkafka has, by partition."""
        found: dict[tuple[str, int], list[Any]] = defaultdict(list)
        first = self._client.poll(timeout)
        more = self._client.consume(limit - 1, 0.0) if first is not None and limit > 1 else []
        for one in ([first] if first is not None else []) + more:
            if one.error() is not None:
                self._refuse(one.error(), one.topic())
            else:
                found[one.topic(), one.partition()].append(one)
        return {Partition(*place): messages for place, messages in found.items()}

    def seek(self, partition: Partition, offset: int) -> None:
        """Read an assigned partition from an offset on."""
        self._ask(lambda: self._client.seek(TopicPartition(partition.topic, partition.number, offset)))

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Take no more records of these partitions, and stay in the group."""
        self._client.pause([TopicPartition(*partition) for partition in partitions])

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Take records of these partitions again."""
        self._client.resume([TopicPartition(*partition) for partition in partitions])

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit the offsets of the next records to be read, and wait until the brokers have them."""
        wanted = [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
        if wanted:
            self._ask(lambda: self._client.commit(offsets=wanted, asynchronous=False))

    def committed(self, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        """Committed offset of each partition, None where there is none."""
        wanted = [TopicPartition(*partition) for partition in partitions]
        found = self._ask(lambda: self._client.committed(wanted, timeout=self._timeout)) if wanted else []
        return {Partition(tp.topic, tp.partition): tp.offset if tp.offset >= 0 else None for tp in found}

    def partitions(self, topic: str) -> list[Partition]:
        """Partitions of a topic in order.

        Raises:
            SchemaError: there is no such topic.
        """
        found = self._ask(lambda: self._client.list_topics(topic, timeout=self._timeout)).topics[topic]
        if found.error is not None:
            self._refuse(found.error, topic)
        return [Partition(topic, number) for number in sorted(found.partitions)]

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """Offset of the first record of a partition and of the next one to be written."""
        wanted = TopicPartition(*partition)
        found = self._ask(lambda: self._client.get_watermark_offsets(wanted, timeout=self._timeout))
        return int(found[0]), int(found[1])

    def ends(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Offset of the next record to be written of every partition of some topics."""
        return {place: self.bounds(place)[1] for topic in topics for place in self.partitions(topic)}

    def close(self) -> None:
        """Leave the group."""
        self._client.close()

    def _ask(self, call: Callable[[], _T]) -> _T:
        """Answer of the brokers; asked again while a topic that was just made has no leader yet."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return call()
            except KafkaException as failure:
                error = failure.args[0]
                if error.code() not in _SETTLING or time.monotonic() > deadline:
                    raise unreachable(self._settings, error) from failure
                time.sleep(0.1)

    @staticmethod
    def _refuse(error: KafkaError, topic: str | None) -> None:
        if error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:  # noqa: SLF001 (a public constant of librdkafka)
            raise SchemaError(
                f"topic {topic} must exist, was not found (create it with `barline topics apply`)"
            )
        if not error.retriable():
            raise DependencyError(f"kafka must serve {topic}, was {error.str()!r}")
        _LOG.warning("kafka: %s", error.str())


def _published(headers: Sequence[tuple[str, bytes | None]] | None) -> int:
    """What the header ``ts_published`` says; anyone may write one that says nothing."""
    for name, value in headers or ():
        if name == TS_PUBLISHED and value is not None and value.isdigit() and len(value) < _DIGITS:
            return int(value)
    return 0


def _all_published(messages: Sequence[Message]) -> list[int]:
    """The same of many; those that were sent together say the same."""
    found: list[int] = []
    last, sent = None, 0
    for headers in map(Message.headers, messages):
        if headers != last:
            last, sent = headers, _published(headers)
        found.append(sent)
    return found


def _partitions(found: Iterable[Any]) -> list[Partition]:
    return [Partition(tp.topic, tp.partition) for tp in found]


__all__ = ["OFFSET_BEGINNING", "OFFSET_END", "Partition", "Reader", "Record", "Start"]
