"""Send strategy files to lines.raw."""

import time
from pathlib import Path
from typing import Final

import click

from runtime.logs import configure

_WAIT_S: Final = 0.2


@click.group(help=__doc__)
def command() -> None:
    """Send strategy files to lines.raw."""


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Read to the end of every file, end its runs, and leave.")
@click.option("--idle", default=300.0, show_default=True, help="Seconds without a line that end a run.")
@click.option(
    "--positions",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where it keeps how far each file was read.  [default: lines-positions.json in BARLINE_HOME]",
)
@click.option("--name", default="lines", show_default=True, help="Its name, in the header made_by.")
@click.option("--log-level", default="INFO", show_default=True)
def follow(
    paths: tuple[Path, ...], *, once: bool, idle: float, positions: Path | None, name: str, log_level: str
) -> None:
    """Follow files and directories (files with .jsnl in their name), and go on where it stopped.

    Files may grow and be rotated. A file is scanned for configurations before its first line is sent.
    """
    configure(log_level)
    from barline.cli._publisher import publisher  # noqa: PLC0415
    from connectors.sources.jsnl import LinesSource, Positions  # noqa: PLC0415
    from runtime.endpoints import home_directory  # noqa: PLC0415
    from runtime.process import StopSignal  # noqa: PLC0415

    kept = Positions(positions or home_directory() / "lines-positions.json")
    source = LinesSource(paths, kept, idle_s=idle)
    stop = StopSignal()
    total = 0
    with publisher(name) as publish:
        while not stop:
            count = 0
            for block in source.poll(final=once):
                count += publish(block)
                # The position may only be kept once the records before it have arrived.
                source.commit()
                if stop:
                    break
            total += count
            if once:
                break
            if not count:
                time.sleep(_WAIT_S)
    source.close()
    click.echo(f"{total} records sent")
