"""Client settings of Kafka as data: where the brokers are, how to log in, what each kind of client needs.

Security passes through: every environment variable ``BARLINE_KAFKA_SECURITY_*``, ``_SASL_*`` and ``_SSL_*``
is the librdkafka property of that name (``BARLINE_KAFKA_SASL_USERNAME`` is ``sasl.username``). What of them
producers and workers know stands in ``runtime.protocol.security``.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from runtime.endpoints import Endpoints
from schemas.errors import DependencyError

CLIENT_LOG: Final = logging.getLogger("runtime.librdkafka")
"""Where librdkafka's own lines go: nowhere in a command that configures no logs and says its error itself."""
CLIENT_LOG.addHandler(logging.NullHandler())
CLIENT_LOG.addFilter(lambda record: not record.getMessage().endswith(": retrying"))

LARGEST_BATCH: Final = 64 << 20
"""Most bytes of a record batch, which brokers take and readers fetch whole: a configuration of 100,000
symbols is one record of 20 million bytes and more."""
LARGEST_RECORD: Final = LARGEST_BATCH - (64 << 10)
"""Most bytes of a record that is sent; the batch around it takes less than the rest."""

_PREFIX: Final = "BARLINE_KAFKA_"
_SECURITY: Final = ("SECURITY_", "SASL_", "SSL_")

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the brokers.

    Attributes:
        bootstrap: ``host:port[,host:port]``.
        security: librdkafka properties for authentication and encryption.
    """

    bootstrap: str
    security: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "KafkaSettings":
        """Brokers from the endpoints, security from the environment.

        Raises:
            DependencyError: no broker is known.
        """
        return cls(Endpoints.load(environ=environ).kafka, security(environ))

    def client(self, name: str) -> Properties:
        """Properties that every client shares.

        Args:
            name: ``client.id``, as broker logs and quotas show it.
        """
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": name,
            "allow.auto.create.topics": False,
            "log.connection.close": False,
            "log_level": 4,  # warnings: less is news about librdkafka itself
            "reconnect.backoff.max.ms": 1_000,
            **self.security,
        }

    def consumer(self, name: str, *, group: str | None, start: str, instance: str = "") -> Properties:
        """Properties of a reader.

        Args:
            name: ``client.id``.
            group: consumer group; None where partitions are assigned by hand and nothing is committed.
            start: ``earliest`` or ``latest``, where there is no committed offset.
            instance: name of this member of the group, which keeps its partitions over a restart; empty for a
                member like any other, whose partitions rest until its session is over when it is killed.
        """
        static = {"group.instance.id": instance} if instance else {}
        return {
            **self.client(name),
            **static,
            "group.id": group or f"{name}-unused",
            "session.timeout.ms": 10_000,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": start,
            "fetch.queue.backoff.ms": 5,  # the default of 1 s makes a reader idle
            "fetch.wait.max.ms": 100,
            "partition.assignment.strategy": "cooperative-sticky",
        }

    def admin(self, name: str) -> AdminClient:
        """A client that creates and describes."""
        return AdminClient(self.client(name), logger=CLIENT_LOG)


def security(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The librdkafka properties for authentication and encryption that an environment names."""
    names = [name for name in environ if name.startswith(tuple(_PREFIX + part for part in _SECURITY))]
    return {name.removeprefix(_PREFIX).lower().replace("_", "."): environ[name] for name in names}


def partition_counts(settings: KafkaSettings, name: str, timeout: float = 5.0) -> dict[str, int]:
    """Number of partitions of every topic that exists.

    Args:
        settings: how to reach the brokers.
        name: ``client.id``.
        timeout: seconds.

    Raises:
        DependencyError: no broker answered in time.
    """
    try:
        topics = settings.admin(name).list_topics(timeout=timeout).topics
    except KafkaException as failure:
        raise unreachable(settings, failure.args[0]) from failure
    return {topic: len(found.partitions) for topic, found in topics.items()}


def unreachable(settings: KafkaSettings, error: KafkaError) -> DependencyError:
    """The error of a broker that cannot be reached, with the fix."""
    return DependencyError(
        f"kafka must answer, was {error.str()!r} ({settings.bootstrap}; start it, such as with `barline up`)"
    )
