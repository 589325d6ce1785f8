"""What must be true before the worker joins its group; each failure is one line that says the fix."""

from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType

from runtime.kafka import KafkaSettings, partition_counts, unreachable
from schemas.errors import SchemaError

_FIX: Final = "run `barline topics apply`"
_GRACE: Final = 3.0
_PAUSE: Final = 0.5
_ANSWER_S: Final = 10.0


def check_topics(
    settings: KafkaSettings, name: str, inputs: Mapping[str, str], outputs: Iterable[str]
) -> int:
    """Check that all topics are there and have the same number of partitions, and give it.

    Args:
        settings: how to reach the brokers.
        name: ``client.id``.
        inputs: name of the changelog by name of the input topic.
        outputs: names of the topics that are written.

    Raises:
        DependencyError: no broker answers.
        SchemaError: a topic is missing, has another number of partitions, or a changelog is not compacted.
    """
    needed = [*inputs, *inputs.values(), *outputs]
    counts = _counts(settings, name, set(needed))
    partitions = counts[next(iter(inputs))]
    for topic in needed:
        if counts[topic] != partitions:
            raise SchemaError(
                f"topic {topic} must have {partitions} partitions as all others, was {counts[topic]!r} "
                f"(create it anew: {_FIX})"
            )
    _check_compacted(settings, name, inputs.values())
    return partitions


def _counts(settings: KafkaSettings, name: str, needed: set[str]) -> dict[str, int]:
    """Number of partitions of every topic; one made a moment ago may take a moment to be known."""
    deadline = monotonic() + _GRACE
    while missing := sorted(needed - (counts := partition_counts(settings, name)).keys()):
        if monotonic() > deadline:
            raise SchemaError(f"topics must exist, were missing: {', '.join(missing)} ({_FIX})")
        sleep(_PAUSE)
    return counts


def _check_compacted(settings: KafkaSettings, name: str, changelogs: Iterable[str]) -> None:
    """A changelog that deletes by age or size would lose the states of quiet symbols."""
    admin = settings.admin(name)  # its answers come only while it lives
    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in changelogs]
    for resource, answer in admin.describe_configs(resources, request_timeout=_ANSWER_S).items():
        try:
            policy = answer.result()["cleanup.policy"].value
        except KafkaException as failure:
            raise unreachable(settings, failure.args[0]) from failure
        if policy != "compact":
            raise SchemaError(
                f"changelog {resource.name} must have cleanup.policy compact, was {policy!r} ({_FIX})"
            )
