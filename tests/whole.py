"""Everything that stands in topics, read once from the beginning to where they end now."""

from collections.abc import Iterator, Sequence

from confluent_kafka import OFFSET_BEGINNING

from runtime.kafka import KafkaSettings
from runtime.reader import Partition, Reader, Record


def whole(kafka: KafkaSettings, topics: Sequence[str]) -> Iterator[tuple[Partition, list[Record]]]:
    """Blocks of records, in log order within each partition."""
    reader = Reader(kafka, "whole")
    try:
        left = {place: end for place, end in reader.ends(topics).items() if end > 0}
        reader.assign(dict.fromkeys(left, OFFSET_BEGINNING))
        while left:
            for place, records in reader.read(1.0).items():
                yield place, records
                if records[-1].offset + 1 >= left.get(place, 0):
                    left.pop(place, None)
    finally:
        reader.close()
