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
    with sender(name, topic) as (send, wait):

        def publish(block: Columns) -> int:
            count = send(block)
            wait()
            return count

        yield publish


@contextmanager
def sender(
    name: str, topic: str = "lines.raw"
) -> Iterator[tuple[Callable[[Columns], int], Callable[[], None]]]:
    """The same in two: a function that sends a block, and one that waits until all has arrived.

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
    try:
        yield Publisher(producer, ids, counts[topic], name).publish, producer.wait
    finally:
        producer.close()
