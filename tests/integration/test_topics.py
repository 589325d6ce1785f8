"""``barline topics`` and ``barline init`` against running brokers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from barline.cli import main
from barline.cli.topics import Wanted, carry_out, compare, wanted
from connectors.sinks.clickhouse.migrate import migrations
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings, partition_counts
from schemas.errors import DependencyError, SchemaError
from schemas.records import RECORDS
from schemas.topics import TOPICS
from tests.eventually import eventually
from tests.sinks import PARTITIONS, store_of

pytestmark = pytest.mark.stack

FILE = Path(__file__).parents[2] / "barline.toml"


def barline(endpoints: Endpoints, *options: str) -> Result:
    return CliRunner().invoke(main, [*options, "--config", str(FILE)], env=endpoints.environment())


@pytest.fixture
def kafka(stack: Endpoints) -> KafkaSettings:
    return KafkaSettings(stack.kafka)


def test_every_topic_and_changelog_is_planned_with_the_same_partitions() -> None:
    topics = {topic.name: topic for topic in wanted(6, "app")}
    assert topics.keys() == {*TOPICS, *(f"app-{agent}-changelog" for agent in
                             ("ticks", "bars", "analytics", "lines"))}  # fmt: skip
    assert {topic.partitions for topic in topics.values()} == {6}
    assert topics["ticks.raw"].settings["retention.ms"] == "-1"
    assert topics["app-bars-changelog"].settings["cleanup.policy"] == "compact"
    assert {topic.settings["max.message.bytes"] for topic in topics.values()} == {"67108864"}


def test_the_environment_says_how_many_partitions_where_no_option_does(stack: Endpoints) -> None:
    env = {**stack.environment(), "BARLINE_PARTITIONS": "7"}
    plan = ["topics", "plan", "--config", str(FILE)]
    said = CliRunner().invoke(main, plan, env=env).output.splitlines()
    assert all("must be 7" in line or "(7 partitions)" in line for line in said)
    assert len(said) > 20
    own = CliRunner().invoke(main, [*plan, "--partitions", "5"], env=env).output.splitlines()
    assert all("must be 5" in line or "(5 partitions)" in line for line in own)


def test_what_is_missing_is_created_once(kafka: KafkaSettings, unique: Callable[[str], str]) -> None:
    topic = Wanted(unique("topic"), 3, TOPICS["bars.1m"].settings)
    assert compare([topic], kafka).missing == [topic]
    carry_out(compare([topic], kafka), kafka)
    eventually(lambda: partition_counts(kafka, "test").get(topic.name) == 3)
    assert compare([topic], kafka).lines() == []
    carry_out(compare([topic], kafka), kafka)


def test_a_setting_that_differs_is_shown_and_corrected(
    kafka: KafkaSettings, unique: Callable[[str], str]
) -> None:
    topic = Wanted(unique("topic"), 1, {"retention.ms": "-1"})
    carry_out(compare([topic], kafka), kafka)
    eventually(lambda: topic.name in partition_counts(kafka, "test"))
    admin = kafka.admin("test")
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(10)
    eventually(lambda: compare([topic], kafka).wrong == {topic.name: {"retention.ms": ("1000", "-1")}})
    carry_out(compare([topic], kafka), kafka)
    eventually(lambda: compare([topic], kafka).lines() == [])


@pytest.mark.parametrize("partitions", [1, 3])
def test_partitions_are_never_changed(
    kafka: KafkaSettings, unique: Callable[[str], str], partitions: int
) -> None:
    topic = Wanted(unique("topic"), 2, {})
    carry_out(compare([topic], kafka), kafka)
    eventually(lambda: topic.name in partition_counts(kafka, "test"))
    other = compare([replace(topic, partitions=partitions)], kafka)
    assert len(other.lines()) == 1
    with pytest.raises(SchemaError, match=topic.name):
        carry_out(other, kafka)


def test_brokers_that_cannot_be_reached_are_named() -> None:
    with pytest.raises(DependencyError, match=r"127\.0\.0\.1:1"):
        compare([], KafkaSettings("127.0.0.1:1"))


def test_init_makes_everything_and_again_changes_nothing(
    stack: Endpoints, unique: Callable[[str], str]
) -> None:
    database = unique("init").replace("-", "_")
    with store_of(stack) as store:
        store.command(f"CREATE DATABASE {database}")
    endpoints = replace(stack, clickhouse=stack.clickhouse.rpartition("/")[0] + "/" + database)
    first = barline(endpoints, "init", "--partitions", str(PARTITIONS))
    assert first.exit_code == 0, first.output
    assert f"{len(RECORDS)} registered" in first.output
    assert f"{len(migrations())} migrations applied" in first.output
    again = barline(endpoints, "init", "--partitions", str(PARTITIONS))
    assert again.exit_code == 0, again.output
    assert "topics: 0 created, 0 corrected" in again.output
    assert "0 migrations applied" in again.output
    assert "there is one already" in again.output
    plan = barline(endpoints, "topics", "plan")
    assert (plan.exit_code, plan.output) == (0, "all topics are as they must be\n")
    assert barline(endpoints, "topics", "plan", "--app", unique("app")).exit_code == 1
