"""Store the output topics in ClickHouse."""

import logging
from pathlib import Path
from socket import gethostname
from typing import Final

import click

from barline.settings.load import load
from connectors.sinks.clickhouse.assemble import assemble
from connectors.sinks.clickhouse.limits import Limits
from runtime import quiet
from runtime.health import HealthServer
from runtime.kafka import KafkaSettings, security
from runtime.logs import configure
from runtime.process import StopSignal

_GROUP: Final = "barline-sink"
_OLD: Final = 100
_SAID_BY_US: Final = ("clickhouse_connect", "urllib3")
"""Libraries that warn at every attempt of what the sink says once."""


@click.command(help=__doc__)
@click.option("--config", "path", type=click.Path(path_type=Path), help="Settings; else barline.toml.")
@click.option(
    "--group", default=_GROUP, show_default=True, help="Consumer group; its members share the work."
)
@click.option(
    "--instance", help="Name of this member, which keeps its partitions over a restart [host name]."
)
@click.option("--rows", type=int, help=f"Store when so many rows wait [{Limits().rows}].")
@click.option("--age", type=float, help=f"Store after so many seconds [{Limits().age_s}].")
@click.option("--port", type=int, help="Health and metrics; BARLINE_HEALTH_PORT, else a free one.")
def command(
    path: Path | None, group: str, instance: str | None, rows: int | None, age: float | None, port: int | None
) -> None:
    """Run until told to stop."""
    configure()
    for library in _SAID_BY_US:
        logging.getLogger(library).setLevel(logging.ERROR)
    stop = StopSignal()
    settings = load(path)
    endpoints = settings.endpoints()
    said = {name: value for name, value in (("rows", rows), ("age_s", age)) if value is not None}
    kafka = KafkaSettings(endpoints.kafka, security())
    sink, close = assemble(
        kafka, endpoints, group, Limits(**(settings.sink | said)), instance or gethostname()
    )
    health = HealthServer(ready=lambda: sink.problem, port=port)
    click.echo(f"sink: stores {group}, health on port {health.port}")
    quiet.settle(_OLD)
    try:
        sink.run(lambda: bool(stop))
    finally:
        close()
        health.close()
