"""Everything a sink needs, put together."""

from collections.abc import Callable
from typing import Final

from connectors.sinks.clickhouse.epochs import epochs, topic_ids
from connectors.sinks.clickhouse.errors import StoreDownError
from connectors.sinks.clickhouse.guard import ModeGuard, known_modes
from connectors.sinks.clickhouse.journal import Journal
from connectors.sinks.clickhouse.layout import Layout, check
from connectors.sinks.clickhouse.letters import DeadLetters
from connectors.sinks.clickhouse.limits import Limits
from connectors.sinks.clickhouse.migrate import check_applied
from connectors.sinks.clickhouse.native import Column, Texts
from connectors.sinks.clickhouse.sink import Sink
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import TOPICS
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from runtime.reader import Reader
from schemas.batches.decode import Decoder
from schemas.batches.frames import from_records
from schemas.batches.lookup import distinct
from schemas.codec import names_of
from schemas.errors import DependencyError, SchemaError
from schemas.registry import Registry, registered
from schemas.topics import TOPICS as ALL_TOPICS

_LINES: Final = "lines.raw"


def assemble(
    kafka: KafkaSettings,
    endpoints: Endpoints,
    group: str,
    limits: Limits,
    instance: str = "",
    kind: type[Sink] = Sink,
) -> tuple[Sink, Callable[[], None]]:
    """A sink ready to run, and what closes it.

    Args:
        kafka: the brokers.
        endpoints: registry and database.
        group: consumer group.
        limits: when a batch is stored.
        instance: name of this member of the group, which keeps its partitions over a restart.
        kind: the sink itself, or in a test what differs from it.

    Raises:
        DependencyError: a server does not answer.
        SchemaError: a topic or a schema is missing.
        TablesError: a migration was not applied.
        ConfigurationError: the tables have another layout.
    """
    store = Store(endpoints.clickhouse_settings())
    try:
        check_applied(store)
        counts = _topics(kafka)
        check(store, Layout(limits.buckets), counts["equity"])
        ids = registered(endpoints.registry)
        producer = Producer(kafka, "sink")
        counted = epochs(store, topic_ids(kafka, [*TOPICS, _LINES]))
        journal = Journal(store, counted["equity"])
        journal.load()
        guard = ModeGuard(known_modes(store), limits.most_modes())
    except StoreDownError as error:
        raise DependencyError(str(error)) from error
    registry = Registry(endpoints.registry)
    names = names_of(ids)
    decoders = {topic: Decoder(ALL_TOPICS[topic], names, registry.schema) for topic in TOPICS}
    reader = Reader(kafka, "sink", group=group, instance=instance)

    letters = DeadLetters(producer, ids)
    _warm(decoders["equity"])
    sink = kind(reader, store, decoders, letters, journal, guard, counted, limits)

    def close() -> None:
        reader.close()
        sink.close()
        producer.close()
        registry.close()
        store.close()

    return sink, close


def _warm(decoder: Decoder) -> None:
    """Compile what the first records would wait for."""
    columns = decoder.decode(from_records([(0, 0, b"", b"")]), 0)
    distinct(columns.data, columns.values)
    Column("String", Texts(columns.data, columns.values)).encoded()


def _topics(kafka: KafkaSettings) -> dict[str, int]:
    """Partitions of each topic, among them what the sink reads.

    Raises:
        SchemaError: a topic does not exist.
    """
    counts = partition_counts(kafka, "sink")
    for topic in (*TOPICS, _LINES):
        if topic not in counts:
            raise SchemaError(
                f"topic {topic} must exist, was not found (create it with `barline topics apply`)"
            )
    return counts
