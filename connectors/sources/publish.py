"""Publishes what a source yields: keyed records to their key's partition, all others to every partition."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.producer import Headers, headers
from schemas.batches.encode import Encoded, Encoder
from schemas.columns import Columns
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
    unkeyed = _unkeyed(columns).tolist()
    for everywhere, (key, value, timestamp) in zip(unkeyed, encoded.records(), strict=True):
        if everywhere:
            yield from (Routed(number, key, value, timestamp) for number in range(partitions))
        else:
            yield Routed(partition_of(key or b"", partitions), key, value, timestamp)


def _unkeyed(columns: Columns) -> NDArray[np.bool_]:
    """Which records go to every partition."""
    unkeyed = [kind for kind, name in enumerate(columns.topic.records) if record_type(name).key == ""]
    return np.isin(columns.kinds, unkeyed)


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
        name, own = columns.topic.name, headers(self._made_by)
        encoded = self._encoders[name].encode(columns)
        if not _unkeyed(columns).any():
            return self._keyed(name, encoded, own)
        count = 0
        for record in route(columns, encoded, self._partitions):
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

    def _keyed(self, topic: str, encoded: Encoded, own: Headers) -> int:
        """The same where every record goes to one partition: a record costs half of ``route``."""
        send, partitions = self._producer.send, self._partitions
        places: dict[bytes | None, int] = {}
        for key, value, timestamp in encoded.records():
            place = places.get(key)
            if place is None:
                place = places[key] = partition_of(key or b"", partitions)
            ts = max(_EARLIEST, timestamp)
            send(topic, key, value, partition=place, timestamp_ms=ts, headers=own)
        return len(encoded)
