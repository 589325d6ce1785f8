"""Check, show or apply barline.toml."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import click
import msgspec

from barline.settings.load import load
from barline.settings.settings import Settings
from schemas.config import Domain
from schemas.errors import SchemaError
from schemas.history import too_long
from schemas.market.cuts import EPOCH

_PAST: Final = timedelta(days=10)
_AHEAD: Final = timedelta(days=370)
_ENDS_SOON: Final = timedelta(days=30)

_FILE = click.option(
    "--config", "path", type=click.Path(path_type=Path), help="Settings; BARLINE_CONFIG, else barline.toml."
)
_FIRST = click.option(
    "--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First trade date of its calendars."
)
_LAST = click.option(
    "--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last trade date of its calendars."
)


@click.group(help=__doc__)
def command() -> None:
    """Check, show or apply barline.toml."""


@command.command()
@_FILE
def check(path: Path | None) -> None:
    """Say everything that is wrong, each with its line and the fix; ends with 3 where something is.

    Ends with 1 where an indicator is so long that warm-up cannot make it converge.
    """
    settings = load(path)
    today = datetime.now(UTC).date()
    domain = settings.domain(today, today + _AHEAD)
    long = [f"warning: {line}" for line in too_long(domain.indicators)]
    for line in [*soon(domain, today), *long]:
        click.echo(line, err=True)
    click.echo(
        f"right: {len(domain.symbols)} symbols, {len(domain.sources)} sources, "
        f"{len(domain.calendars)} calendars, {len(domain.indicators)} indicators "
        f"on {', '.join(['1m', *domain.intervals])}"
    )
    click.get_current_context().exit(1 if long else 0)


@command.command()
@_FILE
@_FIRST
@_LAST
@click.option("--domain", "as_domain", is_flag=True, help="The body of the Config record instead.")
def show(path: Path | None, first: datetime | None, last: datetime | None, *, as_domain: bool) -> None:
    """Print the settings as JSON, defaults filled in."""
    settings = load(path)
    shown: Settings | Domain = settings.domain(*_range(first, last)) if as_domain else settings
    click.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())


@command.command()
@_FILE
@_FIRST
@_LAST
@click.option(
    "--version", type=int, help="Version it gets; a newer one replaces what is in force [now, in seconds]."
)
@click.option(
    "--warm-up/--no-warm-up", default=True, help="Send stored bars first, so that new indicators are warm."
)
def apply(
    path: Path | None, first: datetime | None, last: datetime | None, version: int | None, *, warm_up: bool
) -> None:
    """Put the configuration in force: a Config record in every partition of ticks.raw and lines.raw.

    Indicators that it adds are warmed up: stored bars go to bars.1m before it does.
    """
    # The clients are loaded here, so that `check` and `show` start without them.
    from barline.settings import apply as configuration  # noqa: PLC0415
    from runtime.kafka import KafkaSettings, partition_counts, security  # noqa: PLC0415
    from runtime.producer import Producer  # noqa: PLC0415
    from schemas.registry import register_all  # noqa: PLC0415

    settings = load(path)
    domain = settings.domain(*_range(first, last), version=version or int(time.time()))
    endpoints = settings.endpoints()
    kafka = KafkaSettings(endpoints.kafka, security())
    partitions = partition_counts(kafka, "config")
    if missing := [topic for topic in configuration.TOPICS if topic not in partitions]:
        raise SchemaError(
            f"topic {missing[0]} must exist, was not found (create it with `barline topics apply`)"
        )
    producer = Producer(kafka, "config")
    ids = register_all(endpoints.registry)
    if warm_up:
        from barline.cli._warm_up import warm_up as send_history  # noqa: PLC0415

        click.echo(f"warm-up: {send_history(domain, endpoints, producer, ids, partitions)}")
    count = configuration.apply(domain, producer, ids, partitions, time.time_ns())
    producer.wait()
    producer.close()
    click.echo(f"version {domain.version} is in force: {count} records, {len(domain.symbols)} symbols")


def soon(domain: Domain, today: date) -> list[str]:
    """A line for each calendar that ends within 30 days."""
    ends = {name: EPOCH + timedelta(seconds=max(rows.closes)) for name, rows in domain.calendars.items()}
    return [
        f"warning: calendar {name} must reach {_ENDS_SOON.days} days ahead, was known to {end} "
        f"(fix: [calendars.{name}] until = {today + _AHEAD})"
        for name, end in sorted(ends.items())
        if end < today + _ENDS_SOON
    ]


def _range(first: datetime | None, last: datetime | None) -> tuple[date, date]:
    today = datetime.now(UTC).date()
    return (first.date() if first else today - _PAST), (last.date() if last else today + _AHEAD)
