"""Store the output topics in ClickHouse."""

import os
from pathlib import Path
from typing import Final

import click

from barline.settings.load import load
from connectors.sinks.clickhouse.assemble import assemble
from connectors.sinks.clickhouse.sink import Limits
from runtime.health import HealthServer
from runtime.kafka import KafkaSettings, security
from runtime.logs import configure
from runtime.process import StopSignal

_GROUP: Final = "barline-sink"


@click.command(help=__doc__)
@click.option("--config", "path", type=click.Path(path_type=Path), help="Settings; else barline.toml.")
@click.option(
    "--group", default=_GROUP, show_default=True, help="Consumer group; its members share the work."
)
@click.option("--rows", default=Limits().rows, show_default=True, help="Store when so many rows wait.")
@click.option("--age", default=Limits().age_s, show_default=True, help="Store after so many seconds.")
@click.option("--port", type=int, help="Health and metrics; BARLINE_HEALTH_PORT, else a free one.")
def command(path: Path | None, group: str, rows: int, age: float, port: int | None) -> None:
    """Run until told to stop."""
    configure()
    stop = StopSignal()
    endpoints = load(path).endpoints()
    kafka = KafkaSettings(endpoints.kafka, security())
    sink, close = assemble(kafka, endpoints, group, Limits(rows, age))
    chosen = port if port is not None else int(os.environ.get("BARLINE_HEALTH_PORT", "0"))
    health = HealthServer(ready=lambda: sink.problem, port=chosen)
    click.echo(f"sink: stores {group}, health on port {health.port}")
    try:
        sink.run(lambda: bool(stop))
    finally:
        close()
        health.close()
