"""Topics as they stand now, partition by partition."""

from collections.abc import Iterator, Sequence

from barline.verify.topics import Identity
from runtime.kafka import KafkaSettings
from runtime.reader import Partition, Reader, Record
from schemas.batches.frames import Frames, from_records

_PATIENCE = 30.0  # seconds without a record before reading is given up


class Recorded:
    """All records of some topics up to the end they had when reading began.

    Args:
        settings: how to reach the brokers.
        topics: their names.
    """

    def __init__(self, settings: KafkaSettings, topics: Sequence[str]) -> None:
        self._records: dict[Partition, list[Record]] = {}
        reader = Reader(settings, "verify")
        try:
            self._read(reader, topics)
        finally:
            reader.close()

    def _read(self, reader: Reader, topics: Sequence[str]) -> None:
        ends = reader.ends(topics)
        self._records = {place: [] for place in ends}
        waiting = {place for place, end in ends.items() if reader.bounds(place)[0] < end}
        reader.assign_from_beginning(topics)
        while waiting:
            found = reader.read(_PATIENCE, 50_000)
            if not found:
                raise TimeoutError(f"topics must be readable to their end, was stuck at {sorted(waiting)!r}")
            for place, records in found.items():
                self._records[place] += [record for record in records if record.offset < ends[place]]
                if records[-1].offset >= ends[place] - 1:
                    waiting.discard(place)

    def partitions(self, topic: str) -> list[int]:
        """Numbers of the partitions of a topic."""
        return sorted(place.number for place in self._records if place.topic == topic)

    def count(self, topic: str) -> int:
        """Number of records of a topic."""
        return sum(len(records) for place, records in self._records.items() if place.topic == topic)

    def frames(self, topic: str, partition: int, most: int = 50_000) -> Iterator[Frames]:
        """The records of a partition, in log order."""
        records = self._records[Partition(topic, partition)]
        for low in range(0, len(records), most):
            part = records[low : low + most]
            yield from_records((r.offset, r.timestamp_ms, r.key, r.value) for r in part)

    def identities(self, topic: str, partition: int) -> Iterator[Identity]:
        """Key and value of each record of a partition, in log order."""
        for record in self._records[Partition(topic, partition)]:
            yield Identity(record.key, record.value or b"")
