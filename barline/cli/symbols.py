"""Translate symbols: what venues call ours, and what a venue's name means here."""

from pathlib import Path

import click


@click.group(help=__doc__)
def command() -> None:
    """Translate symbols: what venues call ours, and what a venue's name means here."""


_CONFIG = click.option(
    "--config", "path", type=click.Path(path_type=Path), help="Settings; else barline.toml."
)


@command.command(name="list")
@_CONFIG
@click.option("--venue", "wanted", help="Only this one.")
def list_(path: Path | None, wanted: str | None) -> None:
    """A line for each symbol at each venue that has it: venue, kind, symbol, its name there."""
    from barline.settings.load import load  # noqa: PLC0415
    from schemas.market.symbols import SymbolMap  # noqa: PLC0415

    settings = load(path)
    venues = _chosen(wanted, list(settings.venues))
    names = SymbolMap(settings.symbols, settings.venues.values())
    for venue in venues:
        for symbol in settings.symbols:
            found = names.venue_symbol(venue, symbol)
            if found is not None:
                click.echo(f"{venue:<16}{settings.venues[venue].kind:<12}{symbol:<20}{found}")


@command.command()
@click.argument("venue")
@click.argument("names", nargs=-1, required=True)
@_CONFIG
@click.option("--back", is_flag=True, help="The names are the venue's: give ours.")
def translate(path: Path | None, venue: str, names: tuple[str, ...], *, back: bool) -> None:
    """The venue's name of each symbol, a line each; with --back ours of each of the venue's names.

    Ends with 1, and an empty line for it, where one has no translation.
    """
    from barline.settings.load import load  # noqa: PLC0415
    from schemas.market.symbols import SymbolMap  # noqa: PLC0415

    settings = load(path)
    _chosen(venue, list(settings.venues))
    known = SymbolMap(settings.symbols, settings.venues.values())
    found = [known.symbol(venue, name) if back else known.venue_symbol(venue, name) for name in names]
    for name in found:
        click.echo(name or "")
    click.get_current_context().exit(1 if None in found else 0)


def _chosen(venue: str | None, known: list[str]) -> list[str]:
    from schemas.errors import ConfigurationError  # noqa: PLC0415

    if venue is None:
        return known
    if venue not in known:
        raise ConfigurationError(f"venue must be one of {', '.join(known) or 'none'}, was {venue!r}")
    return [venue]
