"""What the commands that send records share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.sources.publish import Publisher
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from schemas.columns import Columns
from schemas.errors import SchemaError
from schemas.registry import registered


@contextmanager
def publisher(name: str, topic: str = "lines.raw") -> Iterator[Callable[[Columns], int]]:
    """A function that sends a block, waits until it has arrived, and says how many records it held.

    Args:
        name: of the source, in the header ``made_by``.
        topic: one it sends to; all topics have as many partitions.

    Raises:
        DependencyError: Kafka or the registry does not answer.
        SchemaError: a topic or a schema is missing.
    """
    kafka = KafkaSettings.load()
    ids = registered(Endpoints.load().registry)
    counts = partition_counts(kafka, name)
    if topic not in counts:
        raise SchemaError(f"topic {topic} must exist, was not found (create it with `barline topics apply`)")
    producer = Producer(kafka, name)
    sender = Publisher(producer, ids, counts[topic], name)

    def publish(block: Columns) -> int:
        count = sender.publish(block)
        producer.wait()
        return count

    try:
        yield publish
    finally:
        producer.close()
