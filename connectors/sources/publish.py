"""Publishes what a source yields: keyed records to their key's partition, all others to every partition."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.headers import Headers, headers
from schemas.batches.encode import Encoded, Encoder
from schemas.batches.wire import Ints, packed
from schemas.columns import Columns
from schemas.partition import partitions_of
from schemas.records import record_type
from schemas.topics import TOPICS

_EARLIEST: Final = 1  # milliseconds; the producer takes 0 for the time of day


def route(columns: Columns, encoded: Encoded, partitions: int) -> tuple[Encoded, Ints]:
    """The records of a block and int64[n] their partitions, in order; unkeyed ones once for each partition.

    Args:
        columns: what a source yielded.
        encoded: the same, encoded.
        partitions: how many the topic has.
    """
    places = partitions_of(encoded.data, packed(encoded.keys), partitions)
    unkeyed = _unkeyed(columns)
    if not unkeyed.any():
        return encoded, places
    times = np.where(unkeyed, partitions, 1)
    copies = np.repeat(np.arange(len(encoded)), times)
    numbers = np.arange(len(copies)) - np.repeat(np.cumsum(times) - times, times)
    return encoded.take(copies), np.where(unkeyed[copies], numbers, places[copies])


def _unkeyed(columns: Columns) -> NDArray[np.bool_]:
    """Which records go to every partition."""
    unkeyed = [kind for kind, name in enumerate(columns.topic.records) if record_type(name).key == ""]
    return np.isin(columns.kinds, unkeyed)


class Sender(Protocol):
    """The part of ``runtime.producer`` that a source needs."""

    def send_all(self, topic: str, records: Encoded, *, partition: Ints, headers: Headers | None) -> None:
        """Hand over records."""
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
        name = columns.topic.name
        records, places = route(columns, self._encoders[name].encode(columns), self._partitions)
        records = replace(records, timestamps=np.maximum(records.timestamps, _EARLIEST))
        self._producer.send_all(name, records, partition=places, headers=headers(self._made_by))
        return len(records)
