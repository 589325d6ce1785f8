"""Carry the agents: read topics, decide, write topics.

Several workers share the partitions, and a restart takes up at the last checkpoint. Agents may be split over
workers (``--agents``); each such list is a consumer group of its own.
"""

import socket
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from barline.settings.load import load_if_there
from runtime.health import asked_address
from runtime.kafka import KafkaSettings, security
from runtime.logs import configure
from schemas.errors import ConfigurationError
from schemas.registry import Registry, registered
from streams.agents import NAMES, load
from streams.transport.codec import Codec
from streams.transport.settings import WorkerSettings
from streams.transport.worker import run


def _listed(_context: click.Context, _option: click.Parameter, text: str) -> tuple[str, ...]:
    wanted = {name.strip() for name in text.split(",")}
    if unknown := wanted - set(NAMES):
        raise click.BadParameter(f"must be of {', '.join(NAMES)}, was {', '.join(sorted(unknown))}")
    return tuple(name for name in NAMES if name in wanted)


@click.command(help=__doc__)
@click.option("--config", "path", type=click.Path(path_type=Path), help="Settings; else barline.toml.")
@click.option("--agents", default=",".join(NAMES), show_default=True, callback=_listed, help="What to carry.")
@click.option("--instance", default=None, help="Name under which a restart keeps its partitions.")
@click.option("--log-level", default="INFO", show_default=True, help="Least level of what is logged.")
def command(path: Path | None, agents: tuple[str, ...], instance: str | None, log_level: str) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    configure(log_level)
    said = load_if_there(path)
    settings, endpoints = _settings(said.worker_settings(), instance), said.endpoints()
    group = settings.name if agents == NAMES else "-".join([settings.name, *agents])
    codec = Codec(registered(endpoints.registry), writer_schema=Registry(endpoints.registry).schema)
    kafka = KafkaSettings(endpoints.kafka, security())
    run(kafka, settings, [load(name) for name in agents], codec, group=group)


def _settings(said: dict[str, Any], instance: str | None) -> WorkerSettings:
    """Settings of the file and the environment, with a name for static membership where there can be one."""
    try:
        settings = WorkerSettings(**said)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "worker"
        raise ConfigurationError(
            f"{name} must be right, was {first['input']!r}: {first['msg']} (BARLINE_WORKER_{name.upper()} or "
            "[worker] of the settings)"
        ) from error
    return settings.model_copy(update={"instance": instance or settings.instance or _own_name()})


def _own_name() -> str:
    """Host and health port where that is fixed: unique, and the same after a restart; empty otherwise."""
    port = asked_address()[1]
    return f"{socket.gethostname()}-{port}" if port else ""
