"""Run CSV and JSNL files through the stages in this process and write the outputs as CSV."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from schemas.config import PriceBasis

_F = TypeVar("_F", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OF_FILES = ("--ticks", "--corrections", "--quotes", "--bars", "--lines")


def _each_named(args: Iterable[str]) -> Iterator[str]:
    """``--ticks a b`` as ``--ticks a --ticks b``."""
    option, given = "", False
    for arg in args:
        if arg.startswith("-"):
            name, equals, _ = arg.partition("=")
            option, given = name if name in _OF_FILES else "", bool(equals)
        elif option and given:
            yield option
        else:
            given = True
        yield arg


class _Command(click.Command):
    """One option takes several files, as a shell's ``*.csv.gz`` gives them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_each_named(args)))


def _files(name: str, text: str) -> Callable[[_F], _F]:
    return click.option(name, multiple=True, type=_FILE, metavar="FILE...", help=text)


@click.command(cls=_Command)
@click.option("--config", type=_FILE, help="Settings [barline.toml].")
@click.option(
    "--calendar", default="", help="Calendar of symbols that the settings lack, such as FX or XNYS."
)
@click.option(
    "--price", type=click.Choice(get_args(PriceBasis)), default="last", help="Price of their quotes."
)
@_files("--ticks", "CSV: symbol,time,price,size[,trade_id][,conditions].")
@_files("--corrections", "CSV: symbol,time,action,trade_id,price,size; cancel or correct a tick.")
@_files("--quotes", "CSV: symbol,time,bid,ask.")
@_files("--bars", "CSV of 1m bars: symbol,time,open,high,low,close,volume.")
@_files("--lines", "JSNL: one JSON object a line.")
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where to write."
)
@click.option("--batch", default=10_000, type=click.IntRange(1), help="Records a step; changes no output.")
def command(
    config: Path | None,
    calendar: str,
    price: PriceBasis,
    ticks: tuple[Path, ...],
    corrections: tuple[Path, ...],
    quotes: tuple[Path, ...],
    bars: tuple[Path, ...],
    lines: tuple[Path, ...],
    out: Path,
    batch: int,
) -> None:
    """Make clean bars, indicators, gaps and equity from files.

    Writes one CSV an output topic, in topic order, and manifest.json with the counts and the SHA-256 of each.
    The same files and settings give the same bytes, whatever the batch.
    """
    # Kernels and calendars take a while to load, which `barline --help` must not pay for.
    from barline.offline.domain import file_domain  # noqa: PLC0415
    from barline.offline.run import run, write  # noqa: PLC0415
    from barline.settings.load import load  # noqa: PLC0415
    from connectors.sources.files import read_file  # noqa: PLC0415
    from connectors.sources.jsnl import LinesSource  # noqa: PLC0415
    from connectors.sources.player import Player  # noqa: PLC0415

    if not (ticks or quotes or bars or lines):
        raise click.UsageError("name at least one file with --ticks, --quotes, --bars or --lines")
    kinds = {"Tick": ticks, "Correction": corrections, "Quote": quotes, "Bar": bars}
    files = [read_file(path, record) for record, paths in kinds.items() for path in paths]
    domain = file_domain(load(config), files, calendar, price)
    pipeline = run(Player(files, domain).blocks(), LinesSource(lines).blocks(), domain, batch=batch)
    manifest = write(pipeline, domain, (*ticks, *corrections, *quotes, *bars, *lines), out)
    for name, facts in manifest.outputs.items():
        click.echo(f"{facts['rows']:>12,}  {name}")
    for agent, counts in manifest.counts.items():
        if counts.get("in"):
            click.echo(f"{agent}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
