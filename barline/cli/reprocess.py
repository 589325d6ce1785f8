"""Compute stored indicators of the past anew, beside the live ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from connectors.sinks.clickhouse.beside import Part
    from connectors.sinks.clickhouse.store import Store
    from connectors.sources.history import StoredBars
    from schemas.config import Domain

_AHEAD = timedelta(days=15)
_BEHIND = timedelta(days=10)
_DATE = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group(help=__doc__)
def command() -> None:
    """Compute stored indicators of the past anew, beside the live ones."""


@command.command()
@click.option("--config", "path", type=click.Path(path_type=Path), help="Settings; else barline.toml.")
@click.option("--from", "first", type=_DATE, required=True, help="Bars that begin from then on, UTC.")
@click.option("--to", "end", type=_DATE, help="Bars that begin before, UTC [now].")
@click.option("--symbol", "symbols", multiple=True, help="Only this one; may be repeated.")
@click.option("--interval", "intervals", multiple=True, help="Only this one; may be repeated.")
@click.option("--indicator", "names", multiple=True, help="Only this one, by its name; may be repeated.")
@click.option("--switch/--no-switch", default=True, help="Let the values count; else they stand beside.")
def indicators(
    path: Path | None,
    first: datetime,
    end: datetime | None,
    symbols: tuple[str, ...],
    intervals: tuple[str, ...],
    names: tuple[str, ...],
    *,
    switch: bool,
) -> None:
    """Compute the indicators of barline.toml anew over the stored bars of a range, as after a change of it.

    The values stand in a table beside `indicators`; when all are there they count, all at once.
    Each is warmed up by as many bars before the range as it needs.
    """
    from barline.settings.load import load  # noqa: PLC0415
    from barline.settings.narrow import only_indicators  # noqa: PLC0415
    from connectors.sinks.clickhouse.beside import Beside, left  # noqa: PLC0415
    from connectors.sinks.clickhouse.store import Store  # noqa: PLC0415
    from connectors.sources.history import StoredBars  # noqa: PLC0415

    settings = load(path)
    until = end or datetime.now(UTC).replace(tzinfo=None)
    domain = only_indicators(settings.domain(*_dates(first, until)), symbols, intervals, names)
    access = settings.endpoints().clickhouse_settings()
    store, stored = Store(access), StoredBars(access)
    try:
        for table in left(store):
            click.echo(
                f"{table} is left from before: `barline reprocess switch {table}`, or `drop`", err=True
            )
        beside = Beside(store)
        made = parts(domain, stored, beside.revisions, _ns(first), _ns(until))
        rows = sum(map(beside.put, made))
        click.echo(f"{rows:,} values stand in {beside.table}")
        if switch:
            click.echo(f"{beside.switch():,} values count now")
        else:
            click.echo(f"`barline reprocess switch {beside.table}` lets them count, `drop` gives them up")
    finally:
        store.close()
        stored.close()


@command.command()
@click.argument("table")
def switch(table: str) -> None:
    """Let the values of a table that was left beside count."""
    from connectors.sinks.clickhouse.beside import Beside  # noqa: PLC0415

    with _store() as store:
        click.echo(f"{Beside(store, table).switch():,} values count now")


@command.command()
@click.argument("table")
def drop(table: str) -> None:
    """Give up the values of a table that was left beside."""
    from connectors.sinks.clickhouse.beside import Beside  # noqa: PLC0415

    with _store() as store:
        Beside(store, table).drop()


def parts(
    domain: "Domain",
    stored: "StoredBars",
    revisions: Callable[[str, str], dict[int, int]],
    first: int,
    end: int,
) -> Iterator["Part"]:
    """The values of every symbol and interval in a range of instants (ns).

    Args:
        domain: what is computed; its calendars must hold the range.
        stored: the bars.
        revisions: gives those of the values stored, as ``Beside.revisions`` does.
        first: bars that begin from then on.
        end: bars that begin before.
    """
    import numpy as np  # noqa: PLC0415

    from connectors.sinks.clickhouse.beside import Part  # noqa: PLC0415
    from schemas.history import needed  # noqa: PLC0415
    from streams.core.analytics.anew import computed, expires  # noqa: PLC0415
    from streams.core.analytics.plan import Plan  # noqa: PLC0415
    from streams.core.analytics.windowed.runner import Calls  # noqa: PLC0415
    from streams.functions.apart import shared  # noqa: PLC0415

    plan, calls = Plan(domain), Calls(shared(), _Told())
    for interval, program in zip(plan.intervals, plan.programs, strict=True):
        for name, symbol in plan.symbols.items() if program.names else ():
            text, count = name.decode(), needed(domain, interval.name)
            known = revisions(text, interval.name)
            range_ = stored.between(interval.name, [text], first, end).get(text)
            if range_ is None:
                continue
            lead = stored.newest(interval.name, [text], count, before=first).get(text, range_[:0])
            rows, where = np.concatenate([lead, range_]), f"{text} {interval.name}"
            found = computed(program, rows, len(lead), where, calls)
            opens, closes = range_["ts_open"].copy(), range_["ts_close"].copy()
            until = expires(symbol.layout.grid, interval, opens, closes, symbol.expiry)
            yield Part(
                text, interval.name, known, opens, closes, until, range_["revision"].copy(), found.names,
                found.values, found.converged,
            )  # fmt: skip


class _Told:
    """Tells whoever runs the command which functions failed."""

    def took(self, name: str, seconds: float) -> None:
        """Count nothing."""

    def disabled(self, name: str, where: str, reason: str) -> None:
        """Say it."""
        click.echo(f"{name} has no values from there on ({where or 'everywhere'}): {reason}", err=True)


@contextmanager
def _store() -> "Iterator[Store]":
    from connectors.sinks.clickhouse.store import Store  # noqa: PLC0415
    from runtime.endpoints import Endpoints  # noqa: PLC0415

    store = Store(Endpoints.load().clickhouse_settings())
    try:
        yield store
    finally:
        store.close()


def _dates(first: datetime, until: datetime) -> tuple[date, date]:
    """Trade dates that hold a range, and the bars after it."""
    return first.date() - _BEHIND, until.date() + _AHEAD


def _ns(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000_000
