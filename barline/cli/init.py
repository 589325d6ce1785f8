"""Make everything ready once: topics, schemas, tables, the first configuration."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from barline.cli._warm_up import warm_up
from barline.cli.topics import OPTIONS, carry_out, compare, wanted
from barline.settings import apply as configuration
from barline.settings.load import load
from barline.settings.settings import Settings
from connectors.sinks.clickhouse.layout import Layout, lay_out
from connectors.sinks.clickhouse.limits import Limits
from connectors.sinks.clickhouse.migrate import migrate
from connectors.sinks.clickhouse.store import Store
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings, partition_counts, security
from runtime.producer import Producer
from runtime.reader import Reader
from schemas.registry import register_all

_PAST: Final = timedelta(days=10)
_AHEAD: Final = timedelta(days=370)


@click.command(help=__doc__)
@OPTIONS[0]
@OPTIONS[1]
@OPTIONS[2]
@click.option("--replication", default=-1, show_default=True, help="Replicas; -1 is the brokers' default.")
@click.option("--configuration/--no-configuration", "first", default=True, help="Write the first one.")
def command(path: Path | None, partitions: int, app: str, replication: int, *, first: bool) -> None:
    """Make everything ready; doing it again changes nothing."""
    settings = load(path)
    endpoints = settings.endpoints()
    kafka = KafkaSettings(endpoints.kafka, security())
    difference = compare(wanted(partitions, app), kafka)
    carry_out(difference, kafka, replication)
    click.echo(f"topics: {len(difference.missing)} created, {len(difference.wrong)} corrected")
    ids = register_all(endpoints.registry)
    click.echo(f"schemas: {len(ids)} registered")
    if endpoints.clickhouse:
        click.echo(f"tables: {_tables(settings, endpoints)} migrations applied")
    else:
        click.echo("tables: none, since no ClickHouse is named")
    if first:
        click.echo(f"configuration: {_first(settings, endpoints, kafka, ids)}")


def _tables(settings: Settings, endpoints: Endpoints) -> int:
    """Make the tables; how many migrations were applied."""
    store = Store(endpoints.clickhouse_settings())
    applied = migrate(store)
    lay_out(store, Layout(Limits(**settings.sink).buckets))
    store.close()
    return len(applied)


def _first(settings: Settings, endpoints: Endpoints, kafka: KafkaSettings, ids: dict[str, int]) -> str:
    """Put the first configuration in force, unless records say that there is one."""
    if _is_configured(kafka):
        return "there is one already (change it with `barline config apply`)"
    today = datetime.now(UTC).date()
    domain = settings.domain(today - _PAST, today + _AHEAD, version=int(time.time()))
    producer = Producer(kafka, "init")
    partitions = partition_counts(kafka, "init")
    told = warm_up(domain, endpoints, producer, ids, partitions)
    count = configuration.apply(domain, producer, ids, partitions, time.time_ns())
    producer.wait()
    producer.close()
    return f"version {domain.version} is in force, {count} records; warm-up: {told}"


def _is_configured(kafka: KafkaSettings) -> bool:
    reader = Reader(kafka, "init")
    try:
        return any(end > 0 for end in reader.ends(configuration.TOPICS).values())
    finally:
        reader.close()
