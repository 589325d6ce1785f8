"""Show or make the topics that are missing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from barline.settings.load import load
from runtime.kafka import LARGEST_BATCH, KafkaSettings, partition_counts, security, unreachable
from schemas.errors import DependencyError, SchemaError
from schemas.topics import CHANGELOG_SETTINGS, INPUTS, TOPICS, changelog

PARTITIONS: Final = 4
_TIMEOUT: Final = 30.0
_CLIENT: Final = "topics"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as it must be."""

    name: str
    partitions: int
    settings: Mapping[str, str]


@dataclass(slots=True)
class Plan:
    """How the topics differ from what they must be.

    Attributes:
        missing: to be created.
        short: with fewer partitions than wanted, and how many they have.
        long: with more, and how many; nothing shrinks a topic.
        wrong: settings that differ, by topic: name to (found, wanted).
    """

    missing: list[Wanted] = field(default_factory=list)
    short: dict[str, tuple[int, int]] = field(default_factory=dict)
    long: dict[str, tuple[int, int]] = field(default_factory=dict)
    wrong: dict[str, dict[str, tuple[str | None, str]]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What to tell the operator, one line each difference."""
        return [
            *(f"missing  {topic.name} ({topic.partitions} partitions)" for topic in self.missing),
            *(
                f"short    {name}: {found} partitions, must be {must}"
                for name, (found, must) in self.short.items()
            ),
            *(
                f"long     {name}: {found} partitions, must be {must}"
                for name, (found, must) in self.long.items()
            ),
            *(
                f"setting  {name}: {key} is {found!r}, must be {must!r}"
                for name, entries in self.wrong.items()
                for key, (found, must) in entries.items()
            ),
        ]


def wanted(partitions: int, app: str) -> list[Wanted]:
    """Every topic of Barline, the changelogs of the agents included."""
    settings = {topic.name: topic.settings for topic in TOPICS.values()}
    settings |= {changelog(app, agent): CHANGELOG_SETTINGS for agent in INPUTS}
    room = {"max.message.bytes": str(LARGEST_BATCH)}
    return [Wanted(name, partitions, {**own, **room}) for name, own in settings.items()]


def compare(topics: Iterable[Wanted], settings: KafkaSettings) -> Plan:
    """What stands on the brokers against what must.

    Raises:
        DependencyError: the brokers do not answer.
    """
    topics = list(topics)
    counts = partition_counts(settings, _CLIENT)
    found = _settings_of([topic.name for topic in topics if topic.name in counts], settings)
    plan = Plan()
    for topic in topics:
        count = counts.get(topic.name)
        if count is None:
            plan.missing.append(topic)
            continue
        if count != topic.partitions:
            (plan.short if count < topic.partitions else plan.long)[topic.name] = (count, topic.partitions)
        stands = found[topic.name]
        wrong = {
            key: (stands.get(key), must) for key, must in topic.settings.items() if stands.get(key) != must
        }
        if wrong:
            plan.wrong[topic.name] = wrong
    return plan


def _settings_of(names: list[str], settings: KafkaSettings) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    admin = settings.admin(_CLIENT)  # its answers come only while it lives
    answers = admin.describe_configs(resources, request_timeout=_TIMEOUT)
    return {
        resource.name: {entry.name: entry.value for entry in _done(future, settings).values()}
        for resource, future in answers.items()
    }


def carry_out(plan: Plan, settings: KafkaSettings, replication: int = -1) -> None:
    """Create what is missing and correct settings; nothing is deleted, and the number of partitions stays.

    Args:
        plan: what to do.
        settings: the brokers.
        replication: replicas of a new topic, -1 for the broker's default.

    Raises:
        SchemaError: a topic has another number of partitions: adding some would move keys.
        DependencyError: the brokers do not answer or refuse.
    """
    if plan.short or plan.long:
        names = ", ".join(sorted({**plan.short, **plan.long}))
        raise SchemaError(
            f"topics must have the partitions they were planned with, was different: {names} "
            "(fix: use --partitions as they have, or other topics: keys keep their partition)"
        )
    admin = settings.admin(_CLIENT)
    _create(admin, plan.missing, settings, replication)
    _correct(admin, plan.wrong, settings)


def _create(admin: AdminClient, topics: list[Wanted], settings: KafkaSettings, replication: int) -> None:
    if not topics:
        return
    new = [NewTopic(t.name, t.partitions, replication, config=dict(t.settings)) for t in topics]
    for future in admin.create_topics(new, operation_timeout=_TIMEOUT).values():
        _done(future, settings, KafkaError.TOPIC_ALREADY_EXISTS)


def _correct(
    admin: AdminClient, wrong: Mapping[str, Mapping[str, tuple[str | None, str]]], settings: KafkaSettings
) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, must, incremental_operation=AlterConfigOpType.SET)
                for key, (_, must) in entries.items()
            ],
        )
        for name, entries in wrong.items()
    ]
    if resources:
        for future in admin.incremental_alter_configs(resources).values():
            _done(future, settings)


def _done(future: Any, settings: KafkaSettings, but: int | None = None) -> Any:
    """Answer of the brokers; an error of code ``but`` is as good as one."""
    try:
        return future.result(_TIMEOUT)
    except KafkaException as failure:
        error = failure.args[0]
        if error.code() == but:
            return None
        if error.retriable() or error.code() < 0:
            raise unreachable(settings, error) from failure
        raise DependencyError(f"kafka must carry out the plan, was {error.str()!r}") from failure


OPTIONS: Final = (
    click.option("--config", "path", type=click.Path(path_type=Path), help="Settings; else barline.toml."),
    click.option(
        "--partitions",
        default=PARTITIONS,
        show_default=True,
        envvar="BARLINE_PARTITIONS",
        help="Of every topic; else BARLINE_PARTITIONS.",
    ),
    click.option("--app", default="barline", show_default=True, help="Application id; names the changelogs."),
)


def _options(function: Any) -> Any:
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@click.group(help=__doc__)
def command() -> None:
    """Show or make the topics that are missing."""


@command.command()
@_options
def plan(path: Path | None, partitions: int, app: str) -> None:
    """Show how the topics differ from what they must be; ends with 1 where they do."""
    lines = compare(wanted(partitions, app), brokers(path)).lines()
    click.echo("\n".join(lines) or "all topics are as they must be")
    click.get_current_context().exit(1 if lines else 0)


@command.command()
@_options
@click.option("--replication", default=-1, show_default=True, help="Replicas; -1 is the brokers' default.")
def apply(path: Path | None, partitions: int, app: str, replication: int) -> None:
    """Create what is missing and correct settings; nothing is deleted or shrunk."""
    settings = brokers(path)
    difference = compare(wanted(partitions, app), settings)
    carry_out(difference, settings, replication)
    click.echo("\n".join(difference.lines()) or "all topics are as they must be")


def brokers(path: Path | None) -> KafkaSettings:
    """The brokers that settings or the running stack name."""
    return KafkaSettings(load(path).endpoints().kafka, security())
