"""Puts the domain configuration in force: one Config record in every partition where a path begins.

``ticks`` passes it on to ``bars.raw`` and ``bars`` to ``bars.1m``, so it is written to ``ticks.raw`` and
``lines.raw`` alone (R13).
"""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

import msgspec

from schemas.codec import encode_record
from schemas.config import Domain, encode
from schemas.errors import ConfigurationError

TOPICS: Final = ("ticks.raw", "lines.raw")
"""Where a configuration enters."""


class Sender(Protocol):
    """The part of ``runtime.producer`` that is needed here."""

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, *, partition: int, timestamp_ms: int
    ) -> None:
        """Hand over one record."""
        ...


def config_fields(domain: Domain, ts: int) -> dict[str, object]:
    """Fields of the Config record of a domain.

    Args:
        domain: the configuration.
        ts: event time of the record in ns.
    """
    return {"version": domain.version, "ts": ts, "body": encode(domain)}


def places(partitions: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Topic and partition of every record to be written; ``partitions`` counts those of each topic."""
    return ((topic, number) for topic in TOPICS for number in range(partitions[topic]))


def apply(
    domain: Domain, producer: Sender, ids: Mapping[str, int], partitions: Mapping[str, int], ts: int
) -> int:
    """Send the configuration everywhere; the caller waits for it.

    Args:
        domain: the configuration; a version not newer than the one in force changes nothing.
        producer: what sends.
        ids: schema id by record name.
        partitions: number of partitions by topic.
        ts: event time of the records in ns.

    Returns:
        How many records that were.

    Raises:
        ConfigurationError: a signal looks across symbols, which are in more than one partition.
    """
    _check_ranks(domain, partitions[TOPICS[0]])
    domain = msgspec.structs.replace(domain, partitions=partitions[TOPICS[0]])
    value = encode_record("Config", ids["Config"], config_fields(domain, ts))
    count = 0
    for topic, number in places(partitions):
        producer.send(topic, None, value, partition=number, timestamp_ms=ts // 1_000_000)
        count += 1
    return count


def _check_ranks(domain: Domain, partitions: int) -> None:
    if domain.signals and partitions != 1:
        # The grammar is loaded only where something is said in it.
        from streams.core.analytics.scan.meaning import across  # noqa: PLC0415

        if names := across(domain.signals):
            rule = f"topics must have 1 partition for signals across symbols, was {partitions!r}"
            fix = "remove rank and percentile, or create the topics with 1 partition"
            raise ConfigurationError(f"{rule} ({', '.join(names)}; fix: {fix})")
