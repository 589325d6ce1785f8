"""What the commands share that put a configuration in force."""

from collections.abc import Mapping

from connectors.sources.history import StoredBars, histories
from connectors.sources.publish import Publisher
from runtime.endpoints import Endpoints
from runtime.producer import Producer
from schemas.config import Domain
from schemas.errors import DependencyError, SchemaError

_TOPIC = "bars.1m"


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
        DependencyError: the database does not answer.
        SchemaError: the topic is missing.
    """
    if not domain.indicators:
        return "no indicator needs any"
    if _TOPIC not in partitions:
        raise SchemaError(f"topic {_TOPIC} must exist, was not found (create it with `barline topics apply`)")
    stored = StoredBars(endpoints.clickhouse_settings())
    publisher = Publisher(producer, ids, partitions[_TOPIC], "config")
    try:
        count = sum(publisher.publish(block) for block in histories(domain, stored))
    except DependencyError as error:
        error.add_note("fix: start ClickHouse and `barline init`, or give --no-warm-up")
        raise
    finally:
        stored.close()
    producer.wait()
    return f"stored bars of {count} symbols and intervals sent" if count else "nothing is stored yet"
