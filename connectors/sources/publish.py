"""Publishes what a source yields: keyed records to their key's partition, all others to every partition."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from runtime.producer import Headers, headers
from schemas.batches.encode import Encoded, Encoder
from schemas.columns import UNDECODABLE, Columns
from schemas.partition import partition_of
from schemas.records import record_type
from schemas.topics import TOPICS

_EARLIEST: Final = 1  # milliseconds; the producer takes 0 for the time of day


class Routed(NamedTuple):
    """One record with the partition it goes to."""

    partition: int
    key: bytes | None
    value: bytes
    timestamp: int


def route(columns: Columns, encoded: Encoded, partitions: int) -> Iterator[Routed]:
    """The records of a block with their partitions, in order; unkeyed ones once for each partition.

    Args:
        columns: what a source yielded.
        encoded: the same, encoded.
        partitions: how many the topic has.
    """
    keyed = [record_type(name).key != "" for name in columns.topic.records]
    for kind, (key, value, timestamp) in zip(columns.kinds.tolist(), encoded.records(), strict=True):
        if kind == UNDECODABLE or keyed[kind]:
            yield Routed(partition_of(key or b"", partitions), key, value, timestamp)
        else:
            yield from (Routed(number, key, value, timestamp) for number in range(partitions))


class Sender(Protocol):
    """The part of ``runtime.producer`` that a source needs."""

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int,
        timestamp_ms: int,
        headers: Headers | None,
    ) -> None:
        """Hand over one record."""
        ...


class Publisher:
    """Sends blocks of a source.

    Args:
        producer: where the records go; it reports failed deliveries.
        ids: schema id by record name.
        partitions: number of partitions of every topic.
        made_by: name of the source.
    """

    def __init__(self, producer: Sender, ids: Mapping[str, int], partitions: int, made_by: str) -> None:
        self._producer = producer
        self._encoders = {name: Encoder(topic, ids) for name, topic in TOPICS.items()}
        self._partitions = partitions
        self._made_by = made_by

    def publish(self, columns: Columns) -> int:
        """Hand a block to the producer, in order; returns how many records that were."""
        count = 0
        name, own = columns.topic.name, headers(self._made_by)
        for record in route(columns, self._encoders[name].encode(columns), self._partitions):
            self._producer.send(
                name,
                record.key,
                record.value,
                partition=record.partition,
                timestamp_ms=max(record.timestamp, _EARLIEST),
                headers=own,
            )
            count += 1
        return count
