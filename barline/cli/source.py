"""Play files or the simulated day to Kafka."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from runtime.logs import configure

if TYPE_CHECKING:
    from schemas.columns import Columns

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_CONFIG = click.option("--config", "path", type=_FILE, help="Settings; BARLINE_CONFIG, else barline.toml.")
_SPEED = click.option(
    "--speed",
    default=0.0,
    type=click.FloatRange(0),
    help="Minutes of the day a second; 0 as fast as it goes.",
)
_MINUTE_MS: Final = 60_000


@click.group(help=__doc__)
def command() -> None:
    """Play files or the simulated day to Kafka."""
    configure()


@command.command()
@_CONFIG
@_SPEED
@click.option(
    "--ticks", multiple=True, type=_FILE, help="CSV: symbol,time,price,size[,trade_id][,conditions]."
)
@click.option("--corrections", multiple=True, type=_FILE, help="CSV: symbol,time,action,trade_id,price,size.")
@click.option("--quotes", multiple=True, type=_FILE, help="CSV: symbol,time,bid,ask.")
@click.option(
    "--bars", multiple=True, type=_FILE, help="CSV of 1m bars: symbol,time,open,high,low,close,volume."
)
@click.option(
    "--name", default="files", show_default=True, help="Name of the source; bars come from <name>.bars."
)
def play(
    path: Path | None,
    speed: float,
    ticks: tuple[Path, ...],
    corrections: tuple[Path, ...],
    quotes: tuple[Path, ...],
    bars: tuple[Path, ...],
    name: str,
) -> None:
    """Play CSV files as one source, merged by event time."""
    # Kernels and calendars take a while to load, which `barline --help` must not pay for.
    from barline.cli._publisher import publisher  # noqa: PLC0415
    from barline.offline.domain import file_domain  # noqa: PLC0415
    from barline.settings.load import load  # noqa: PLC0415
    from connectors.sources.files import read_file  # noqa: PLC0415
    from connectors.sources.player import Player  # noqa: PLC0415

    kinds = {"Tick": ticks, "Correction": corrections, "Quote": quotes, "Bar": bars}
    files = [read_file(file, record) for record, paths in kinds.items() for file in paths]
    if not files:
        raise click.UsageError("name at least one file with --ticks, --quotes or --bars")
    player = Player(files, file_domain(load(path), files), name)
    with publisher(name, "ticks.raw") as publish:
        click.echo(f"{paced(player.blocks(), publish, speed)} records sent")


@command.command()
@_CONFIG
@_SPEED
@click.option("--seed", default=7, show_default=True, help="Another seed, another day.")
@click.option(
    "--scale", default=1.0, show_default=True, type=click.FloatRange(0.25), help="1 is 300,000 ticks."
)
@click.option(
    "--lines", "folder", type=click.Path(file_okay=False, path_type=Path), help="Also write strategy files."
)
def simulate(path: Path | None, speed: float, seed: int, scale: float, folder: Path | None) -> None:
    """Play the simulated day of twelve symbols, and say which faults it holds."""
    from datetime import timedelta  # noqa: PLC0415

    from barline.cli._publisher import publisher  # noqa: PLC0415
    from barline.settings.load import load  # noqa: PLC0415
    from connectors.sources.simulator.lines import write_lines  # noqa: PLC0415
    from connectors.sources.simulator.simulator import SIMULATED, Simulator  # noqa: PLC0415

    around = timedelta(days=1)
    simulator = Simulator(load(path).domain(SIMULATED - around, SIMULATED + around), seed=seed, scale=scale)
    planted = simulator.planted + (write_lines(folder, SIMULATED, seed)[1] if folder else [])
    with publisher("sim", "ticks.raw") as publish:
        click.echo(f"{paced(simulator.blocks(), publish, speed)} records sent")
    for one in planted:
        click.echo(f"{one.count:>6}  {one.name:<32} {one.symbol:<14} {one.outcome:<24} {one.detail}")


def paced(
    blocks: "Iterable[Columns]",
    publish: "Callable[[Columns], int]",
    speed: float,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Send blocks no faster than asked for; gives the number of records sent.

    Args:
        blocks: what a source yields.
        publish: sends one block.
        speed: minutes of event time a second, 0 for no limit.
        sleep: how to wait.
    """
    total, first, began = 0, -1, time.monotonic()
    for block in blocks:
        at = int(block.timestamps[-1])
        first = at if first < 0 else first
        if speed > 0:
            sleep(max(0.0, (at - first) / _MINUTE_MS / speed - (time.monotonic() - began)))
        total += publish(block)
    return total
