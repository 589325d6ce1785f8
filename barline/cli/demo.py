"""Play a day through the whole system on real servers, and check every row."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_CONFIG = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(help=__doc__)
@click.option("--config", "path", type=_CONFIG, help="Settings; BARLINE_CONFIG, else barline.toml.")
@click.option(
    "--data", type=_FOLDER, help="Play real files (<market>/trades|quotes|bars_1m/*.csv.gz) instead."
)
@click.option("--chaos", is_flag=True, help="Kill the worker and the sink with SIGKILL on the way.")
@click.option(
    "--kills", default=6, show_default=True, type=click.IntRange(1), help="How often, with --chaos."
)
@click.option("--keep", is_flag=True, help="Leave the stack running afterwards, until Ctrl-C.")
@click.option("--partitions", default=2, show_default=True, help="Of every topic; a core each will do.")
@click.option("--seconds", default=40.0, show_default=True, help="How long the play takes.")
@click.option("--seed", default=7, show_default=True, help="Another seed, another simulated day.")
@click.option("--scale", default=1.0, show_default=True, help="1 is 300,000 ticks.")
def command(
    path: Path | None,
    data: Path | None,
    kills: int,
    partitions: int,
    seconds: float,
    seed: int,
    scale: float,
    *,
    chaos: bool,
    keep: bool,
) -> None:
    """Exit 0 only if every row of every table is as it must be."""
    # Kernels and calendars take a while to load, which `barline --help` must not pay for.
    from rich.console import Console  # noqa: PLC0415

    from barline.demo.day import real, simulated  # noqa: PLC0415
    from barline.demo.run import demo  # noqa: PLC0415
    from barline.settings.load import load  # noqa: PLC0415
    from barline.stack.running import running  # noqa: PLC0415
    from runtime.endpoints import home_directory  # noqa: PLC0415

    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    home = home_directory() / "demo"
    shutil.rmtree(home, ignore_errors=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="barline-lines-") as folder:
        settings = load(path)
        day = real(settings, data) if data else simulated(settings, Path(folder), seed, scale)
        with running(home, say=console.print, restart=()) as stack:
            console.print(f"servers up after {time.monotonic() - start:.1f} s")
            equal = demo(
                stack,
                day,
                console,
                partitions=partitions,
                seconds=seconds,
                kills=kills if chaos else 0,
                say=console.print,
            )
            console.print(f"done after {time.monotonic() - start:.0f} s")
            if keep:
                console.print(f"the stack stays up until Ctrl-C; clients: BARLINE_HOME={home}")
                _wait_for_interrupt()
    if not equal:
        raise click.exceptions.Exit(1)


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3_600)
    except KeyboardInterrupt:
        click.echo("stopping")
