"""Topics as they stand now, partition by partition."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Self

from barline.verify.topics import Identity
from runtime.kafka import KafkaSettings
from runtime.reader import Partition, Reader, Record
from schemas.batches.frames import Frames, from_records

_PATIENCE = 30.0  # seconds without a record before reading is given up


class Recorded:
    """All records of some topics.

    Args:
        records: those of each partition, in log order.
    """

    def __init__(self, records: Mapping[Partition, Sequence[Record]]) -> None:
        self._records = records

    @classmethod
    def read(cls, settings: KafkaSettings, topics: Sequence[str]) -> Self:
        """Read topics up to the end they have when reading begins.

        Args:
            settings: how to reach the brokers.
            topics: their names.

        Raises:
            TimeoutError: no more records come before the end.
        """
        with closing(Reader(settings, "verify")) as reader:
            return cls(_read(reader, topics))

    def partitions(self, topic: str) -> list[int]:
        """Numbers of the partitions of a topic."""
        return sorted(place.number for place in self._records if place.topic == topic)

    def count(self, topic: str) -> int:
        """Number of records of a topic."""
        return sum(len(records) for place, records in self._records.items() if place.topic == topic)

    def frames(
        self, topic: str, partition: int, most: int = 50_000, *, once: Collection[Identity] = ()
    ) -> Iterator[Frames]:
        """The records of a partition, in log order.

        Args:
            topic: the topic.
            partition: number of the partition.
            most: records of one batch.
            once: records that are left out wherever they stand again.
        """
        records = self._records[Partition(topic, partition)]
        if once:
            records = _once(records, once)
        for low in range(0, len(records), most):
            part = records[low : low + most]
            yield from_records((r.offset, r.timestamp_ms, r.key, r.value) for r in part)

    def identities(self, topic: str, partition: int) -> Iterator[Identity]:
        """Key and value of each record of a partition, in log order."""
        for record in self._records[Partition(topic, partition)]:
            yield Identity(record.key, record.value or b"")

    def repeats(self, topic: str, partition: int, of: Collection[Identity]) -> int:
        """How often one of some records stands there again."""
        found = [identity for identity in self.identities(topic, partition) if identity in of]
        return len(found) - len(set(found))


def _read(reader: Reader, topics: Sequence[str]) -> dict[Partition, list[Record]]:
    ends = reader.ends(topics)
    read: dict[Partition, list[Record]] = {place: [] for place in ends}
    waiting = {place for place, end in ends.items() if reader.bounds(place)[0] < end}
    reader.assign_from_beginning(topics)
    while waiting:
        found = reader.read(_PATIENCE, 50_000)
        if not found:
            raise TimeoutError(f"topics must be readable to their end, was stuck at {sorted(waiting)!r}")
        for place, records in found.items():
            read[place] += [record for record in records if record.offset < ends[place]]
            if records[-1].offset >= ends[place] - 1:
                waiting.discard(place)
    return read


def _once(records: Sequence[Record], once: Collection[Identity]) -> list[Record]:
    """Some of the records at their first place only, the others wherever they stand."""
    found, seen = [], set[Identity]()
    for record in records:
        identity = Identity(record.key, record.value or b"")
        if identity not in seen:
            found.append(record)
        if identity in once:
            seen.add(identity)
    return found
