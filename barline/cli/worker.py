"""Carry the agents: read topics, decide, write topics.

Several workers share the partitions, and a restart takes up at the last checkpoint. Agents may be split over
workers (``--agents``); each such list is a consumer group of its own.
"""

from pathlib import Path

import click

from barline.settings.load import load_if_there
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.logs import configure
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
@click.option("--instance", default=None, help="Name for static membership: a restart keeps its partitions.")
@click.option("--log-level", default="INFO", show_default=True, help="Least level of what is logged.")
def command(path: Path | None, agents: tuple[str, ...], instance: str | None, log_level: str) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    configure(log_level)
    said = load_if_there(path).worker_settings() | ({} if instance is None else {"instance": instance})
    settings = WorkerSettings(**said)
    group = settings.name if agents == NAMES else "-".join([settings.name, *agents])
    registry = Endpoints.load().registry
    codec = Codec(registered(registry), writer_schema=Registry(registry).schema)
    run(KafkaSettings.load(), settings, [load(name) for name in agents], codec, group=group)
