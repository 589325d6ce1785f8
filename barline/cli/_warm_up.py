"""What the commands share that put a configuration in force."""

from collections.abc import Mapping

from connectors.sources.history import Newest, StoredBars, histories
from connectors.sources.publish import Publisher
from connectors.sources.recorded import RecordedBars
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings, security
from runtime.producer import Producer
from schemas.config import Domain
from schemas.errors import DependencyError, SchemaError
from schemas.history import too_long

_TOPIC = "bars.1m"


def closed_bars(endpoints: Endpoints) -> Newest:
    """Where closed bars come from: ClickHouse where there is one, else the topics ``bars.*``."""
    if endpoints.clickhouse:
        return StoredBars(endpoints.clickhouse_settings())
    return RecordedBars(KafkaSettings(endpoints.kafka, security()), endpoints.registry)


def warm_up(
    domain: Domain,
    endpoints: Endpoints,
    producer: Producer,
    ids: Mapping[str, int],
    partitions: Mapping[str, int],
) -> str:
    """Send stored bars for the indicators of a configuration, and wait for them to arrive; what was sent.

    The configuration comes to bars.1m by way of two agents, so what has arrived there stands before it.

    Raises:
        DependencyError: the database, or Kafka, does not answer.
        SchemaError: the topic is missing.
    """
    if not domain.indicators:
        return "no indicator needs any"
    if _TOPIC not in partitions:
        raise SchemaError(f"topic {_TOPIC} must exist, was not found (create it with `barline topics apply`)")
    stored = closed_bars(endpoints)
    publisher = Publisher(producer, ids, partitions[_TOPIC], "config")
    try:
        count = sum(publisher.publish(block) for block in histories(domain, stored))
    except DependencyError as error:
        error.add_note("fix: start ClickHouse and `barline init`, or give --no-warm-up")
        raise
    finally:
        stored.close()
    producer.wait()
    told = f"stored bars of {count} symbols and intervals sent" if count else "nothing is stored yet"
    return "\n".join([told, *(f"warning: {line}" for line in too_long(domain.indicators))])
