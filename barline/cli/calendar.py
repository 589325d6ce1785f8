"""Show the grid of a calendar's trade dates."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click

from barline.settings.calendars import calendar_rows
from barline.settings.load import DEFAULT_PATH, load
from barline.settings.sections import CalendarSettings
from schemas.errors import ConfigurationError
from schemas.market.cuts import EPOCH
from schemas.market.grid import Grid
from schemas.market.intervals import SECOND, Interval

_AROUND: Final = timedelta(days=10)
_INTERVALS: Final = ("1m", "5m", "15m", "30m", "1h", "1d")


@click.group(help=__doc__)
def command() -> None:
    """Show the grid of a calendar's trade dates."""


@command.command()
@click.argument("name")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--interval", "interval_name", help="List the slots of this interval.")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="Settings; without, barline.toml if there is one.",
)
def show(name: str, day: datetime, interval_name: str | None, path: Path | None) -> None:
    """Print segments, expected bars and, where asked for, the slots of one trade date."""
    said = _settings(path).get(name)
    asked = day.date()
    grid = Grid(calendar_rows(name, asked - _AROUND, asked + _AROUND, said))
    for line in lines(grid, asked, interval_name):
        click.echo(line)


def lines(grid: Grid, day: date, interval_name: str | None) -> Iterator[str]:
    """What is printed of one trade date.

    Raises:
        ConfigurationError: it is no trade date.
    """
    number = (day - EPOCH).days
    if number not in grid.sessions:
        raise ConfigurationError(f"date must be a trade date of {grid.name}, was {day} ({day:%A})")
    yield f"{grid.name} {day} {day:%A}, anchor {grid.anchor}"
    own = grid.session_dates == number
    for opens, closes in zip(grid.opens[own].tolist(), grid.closes[own].tolist(), strict=True):
        yield f"  segment   {_text(opens, grid.zone)} - {_text(closes, grid.zone)}"
    for name in _INTERVALS:
        _, _, expected = grid.slots(Interval.parse(name), number)
        yield f"  {name:<9} {len(expected)} bars, {int(expected.sum())} minutes"
    if interval_name:
        parts = (part.tolist() for part in grid.slots(Interval.parse(interval_name), number))
        for opens, closes, count in zip(*parts, strict=True):
            yield f"  {_text(opens, grid.zone)} - {_text(closes, grid.zone)}  {count} minutes"


def _settings(path: Path | None) -> dict[str, CalendarSettings]:
    return load(path).calendars if path or DEFAULT_PATH.exists() else {}


def _text(ns: int, zone: str) -> str:
    moment = datetime.fromtimestamp(ns / SECOND, UTC)
    return f"{moment:%Y-%m-%d %H:%M}Z ({moment.astimezone(ZoneInfo(zone)):%a %H:%M %Z})"
