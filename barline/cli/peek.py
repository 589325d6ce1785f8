"""Show what the indicators of the forming bar would be if it closed now."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from connectors.sources.history import Newest
    from schemas.config import Domain
    from schemas.history import Rows


@click.command(help=__doc__)
@click.argument("symbol")
@click.option("--config", "path", type=click.Path(path_type=Path), help="Settings; else barline.toml.")
@click.option("--interval", default="1m", show_default=True, help="Of the bar.")
def command(symbol: str, path: Path | None, interval: str) -> None:
    """Show what the indicators of the forming bar would be if it closed now.

    The bar is made of its closed minutes and the newest record of bars.forming. Ends with 1 where none forms.
    """
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from barline.cli._warm_up import closed_bars  # noqa: PLC0415
    from barline.settings.load import load  # noqa: PLC0415
    from connectors.sources.recorded import RecordedBars  # noqa: PLC0415
    from runtime.kafka import KafkaSettings, security  # noqa: PLC0415

    settings = load(path)
    endpoints, now = settings.endpoints(), datetime.now(UTC).date()
    topics = RecordedBars(KafkaSettings(endpoints.kafka, security()), endpoints.registry)
    stored = closed_bars(endpoints)
    try:
        minute = topics.newest("forming", [symbol], 1).get(symbol)
        if minute is None:
            click.echo(f"no bar of {symbol} is forming")
            click.get_current_context().exit(1)
        day = datetime.fromtimestamp(int(minute["ts_open"][0]) // 1_000_000_000, UTC).date()
        around = timedelta(days=10)
        domain = settings.domain(min(day, now) - around, max(day, now) + around)
        for name, value in values(domain, stored, symbol, interval, minute).items():
            click.echo(f"{name:<24}{value:>18.10g}")
    finally:
        stored.close()
        topics.close()


def values(
    domain: "Domain", stored: "Newest", symbol: str, interval: str, minute: "Rows"
) -> dict[str, float]:
    """The values of a forming bar by name, those that are ready.

    Args:
        domain: what is computed; its calendars must hold the minute.
        stored: closed bars.
        symbol: canonical name.
        interval: of the bar.
        minute: the minute that is forming, one row.
    """
    import numpy as np  # noqa: PLC0415

    from schemas.errors import ConfigurationError  # noqa: PLC0415
    from schemas.history import needed  # noqa: PLC0415
    from schemas.market.intervals import MINUTE, Interval  # noqa: PLC0415
    from streams.core.analytics.forming import Forming, composed  # noqa: PLC0415
    from streams.core.analytics.plan import Plan  # noqa: PLC0415

    plan = Plan(domain).symbols.get(symbol.encode())
    if plan is None:
        raise ConfigurationError(f"symbol must be one of the configuration, was {symbol!r}")
    length, ts = Interval.parse(interval), int(minute["ts_open"][0])
    begin = int(np.asarray(plan.layout.grid.bounds(length, np.array([ts]))[0])[0])
    wanted = [one for one in domain.indicators if not one.intervals or interval in one.intervals]
    count = max(needed(domain, interval), 1)
    closed = stored.newest(interval, [symbol], count, before=begin).get(symbol, minute[:0])
    within = stored.newest("1m", [symbol], max(length.ns // MINUTE, 1), before=ts).get(symbol, minute[:0])
    bar = composed(np.concatenate([within[within["ts_open"] >= begin], minute]))
    bar["ts_open"] = begin
    return Forming(wanted, closed).peek(bar)
