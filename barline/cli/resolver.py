"""Answer modes.wanted from the store."""

import logging
from typing import Final

import click

from runtime.logs import configure

_LOG: Final = logging.getLogger(__name__)


@click.command(help=__doc__)
@click.option("--limit", default=5.0, show_default=True, help="Seconds in which the store must answer.")
@click.option("--remember", default=30.0, show_default=True, help="Seconds a missing mode is remembered.")
@click.option("--group", default="resolver", show_default=True, help="Consumer group.")
@click.option("--log-level", default="INFO", show_default=True)
def command(limit: float, remember: float, group: str, log_level: str) -> None:
    """Answer every mode that is asked for on lines.raw: its stored configuration, or that there is none."""
    configure(log_level)
    from barline.cli._publisher import publisher  # noqa: PLC0415
    from connectors.sources.resolver import Resolver, resolve  # noqa: PLC0415
    from connectors.sources.trading_instances import TradingInstances  # noqa: PLC0415
    from runtime.endpoints import Endpoints  # noqa: PLC0415
    from runtime.health import HealthServer  # noqa: PLC0415
    from runtime.kafka import KafkaSettings  # noqa: PLC0415
    from runtime.process import StopSignal  # noqa: PLC0415
    from runtime.reader import Reader  # noqa: PLC0415
    from schemas.registry import registered  # noqa: PLC0415

    endpoints = Endpoints.load()
    table = TradingInstances(endpoints.clickhouse_settings(reader=True), timeout_s=limit / 2)
    resolver = Resolver(table, limit_s=limit, remembered_s=remember)
    names = {number: record for record, number in registered(endpoints.registry).items()}
    reader = Reader(KafkaSettings.load(), group, group=group)
    stop = StopSignal()
    try:
        with publisher("resolver") as publish:
            health = HealthServer(ready=lambda: "")
            resolve(reader, resolver, publish, names, lambda: bool(stop))
            health.close()
    finally:
        reader.close()
        table.close()
