"""Send strategy files to lines.raw."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from runtime.logs import configure

if TYPE_CHECKING:
    from connectors.sources.jsnl import LinesSource
    from schemas.columns import Columns

_WAIT_S: Final = 0.2
_LONGEST_S: Final = 5.0
_SHARE: Final = 9.0
_KEPT_S: Final = 1.0


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
@click.option("--port", type=int, help="Health and metrics; BARLINE_HEALTH_PORT, else a free one.")
@click.option("--log-level", default="INFO", show_default=True)
def follow(
    paths: tuple[Path, ...],
    *,
    once: bool,
    idle: float,
    positions: Path | None,
    name: str,
    port: int | None,
    log_level: str,
) -> None:
    """Follow files and directories (files with .jsnl in their name), and go on where it stopped.

    Files may grow and be rotated; compressed ones (.gz, .bz2, .xz) are read once, when they are whole. A file
    is scanned for configurations before its first line is sent.
    """
    configure(log_level)
    from barline.cli._publisher import sender  # noqa: PLC0415
    from connectors.sources.jsnl import LinesSource, locked  # noqa: PLC0415
    from runtime.endpoints import home_directory  # noqa: PLC0415
    from runtime.health import HealthServer  # noqa: PLC0415
    from runtime.process import StopSignal  # noqa: PLC0415

    stop, problem = StopSignal(), ["kafka was not reached yet"]
    with locked(positions or home_directory() / "lines-positions.json") as kept, ExitStack() as opened:
        source = LinesSource(paths, kept, idle_s=idle)
        opened.callback(source.close)
        health = HealthServer(ready=lambda: problem[0], port=port)
        opened.callback(health.close)
        send, wait = opened.enter_context(sender(name))
        problem[0] = ""
        total = run(source, send, wait, lambda: bool(stop), once=once)
    click.echo(f"{total} records sent")


@command.command()
@click.option("--mode", required=True, help="Whose lines.")
@click.option("--open", "still_open", is_flag=True, help="Runs go on: their own end will publish them.")
@click.option("--name", default="lines", show_default=True, help="Its name, in the header made_by.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def replay(mode: str, paths: tuple[Path, ...], *, still_open: bool, name: str) -> None:
    """Bring in the lines of a mode that were ignored because its configuration was not known.

    They come from the dead letters and are added to what is there. With PATHS the mode's lines of these files
    are sent anew as a whole, and what is published of the runs they end is replaced.
    """
    configure("INFO")
    from barline.cli._publisher import publisher  # noqa: PLC0415
    from connectors.sources.jsnl.replay import again, anew, ignored  # noqa: PLC0415
    from runtime.endpoints import Endpoints  # noqa: PLC0415
    from runtime.kafka import KafkaSettings  # noqa: PLC0415
    from runtime.reader import Reader  # noqa: PLC0415
    from schemas.registry import registered  # noqa: PLC0415

    names = {number: record for record, number in registered(Endpoints.load().registry).items()}
    reader = Reader(KafkaSettings.load(), name)
    try:
        if paths:
            blocks = anew(list(paths), mode, str(time.time_ns()))
        else:
            blocks = again(ignored(reader, names, mode), ended=not still_open)
        with publisher(name) as publish:
            total = sum(publish(block) for block in blocks)
    finally:
        reader.close()
    click.echo(f"{total} records sent again")


def run(
    source: "LinesSource",
    send: "Callable[[Columns], int]",
    wait: Callable[[], None],
    stopped: Callable[[], bool],
    *,
    once: bool,
) -> int:
    """Send what is new until told to stop; gives the number of records sent.

    Args:
        source: the files.
        send: sends a block.
        wait: returns when everything sent has arrived.
        stopped: whether to stop.
        once: read to the end of every file, and leave.
    """
    from connectors.sources.jsnl.figures import RECORDS, show  # noqa: PLC0415

    total, kept = 0, time.monotonic()

    def keep() -> None:
        # A position may only be kept once the records before it have arrived.
        wait()
        source.commit()

    while not stopped():
        began, before = time.monotonic(), total
        for block in source.poll(final=once):
            total += (count := send(block))
            RECORDS.inc(count)
            if time.monotonic() - kept > _KEPT_S:
                keep()
                kept = time.monotonic()
            if stopped():
                break
        keep()
        show(source)
        if once:
            break
        if total == before:
            # Looking at thousands of files must not cost more than a tenth of a core.
            time.sleep(min(max(_WAIT_S, _SHARE * (time.monotonic() - began)), _LONGEST_S))
    return total
