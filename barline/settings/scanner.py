"""Checks of ``[[signals]]`` and ``[venues.<name>]``: conditions are parsed, names looked up."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from barline.settings.narrow import of_symbols
from barline.settings.reading import Problem
from barline.settings.settings import Settings
from schemas.config import SignalConfig, VenueConfig
from schemas.errors import ConfigurationError
from schemas.market.symbols import SymbolMap

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def signal_problems(settings: Settings) -> Iterator[Problem]:
    """What is wrong with signals and venues."""
    if settings.signals:
        # The grammar is loaded only where something is said in it.
        from streams.core.analytics.scan.meaning import MOST, Known  # noqa: PLC0415

        dates = settings.policies.trailing_dates
        known = Known.of(["1m", *settings.intervals], settings.indicators, dates)
        if len(settings.signals) > MOST:
            yield Problem(("signals",), f"must be at most {MOST}, was {len(settings.signals)}", "remove some")
        for place, signal in enumerate(settings.signals):
            yield from _named(settings, place, signal)
            yield from _condition(("signals", place), signal, known)
    for venue in settings.venues.values():
        yield from _venue(list(settings.symbols), venue)


def _named(settings: Settings, place: int, signal: SignalConfig) -> Iterator[Problem]:
    path = ("signals", place)
    if not _NAME.fullmatch(signal.name):
        yield Problem((*path, "name"), f"must be a name without spaces, was {signal.name!r}", "rename it")
    if signal.name in {other.name for other in settings.signals[:place]}:
        yield Problem((*path, "name"), f"must be unique, was {signal.name!r} again", "rename it")
    if signal.debounce_ms < 0:
        yield Problem((*path, "debounce_ms"), f"must be 0 or more, was {signal.debounce_ms}", "write 300_000")
    for symbol in signal.symbols:
        if symbol not in settings.symbols:
            fix = f"write one of {', '.join(settings.symbols) or 'none'}"
            yield Problem((*path, "symbols"), f"must name known symbols, was {symbol!r}", fix)


def _condition(path: tuple[str, int], signal: SignalConfig, known: object) -> Iterator[Problem]:
    from streams.core.analytics.scan.meaning import Known, meaning  # noqa: PLC0415
    from streams.core.analytics.scan.tokens import ConditionError  # noqa: PLC0415

    assert isinstance(known, Known)  # noqa: S101 (the type is not loaded where no signal is)
    if signal.interval not in known.values:
        fix = f"write one of {', '.join(known.values)}"
        yield Problem((*path, "interval"), f"must be computed, was {signal.interval!r}", fix)
        return
    try:
        meaning(signal, known)
    except ConditionError as error:
        yield Problem((*path, "when"), f"{error.rule} (column {error.column})", error.fix)


def _venue(symbols: Sequence[str], venue: VenueConfig) -> Iterator[Problem]:
    path = ("venues", venue.name)
    if not _NAME.fullmatch(venue.name):
        yield Problem(path, f"must be a name without spaces, was {venue.name!r}", "rename it")
    unknown = [symbol for symbol in venue.names if symbol not in symbols]
    for symbol in unknown:
        fix = f"write one of {', '.join(symbols) or 'none'}, or add [symbols.{symbol}]"
        yield Problem((*path, "names", symbol), f"must be a known symbol, was {symbol!r}", fix)
    try:
        SymbolMap(symbols, [of_symbols(venue, symbols)])
    except ConfigurationError as error:
        yield Problem((*path, "names"), str(error).removeprefix("name "), 'rename one, or others = "none"')
