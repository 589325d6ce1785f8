"""Signals and venues of some symbols alone: what files or a test leave of a whole configuration."""

from collections.abc import Collection, Sequence

import msgspec

from schemas.config import Domain, SignalConfig, VenueConfig
from schemas.errors import ConfigurationError


def of_symbols(venue: VenueConfig, symbols: Collection[str]) -> VenueConfig:
    """A venue with the names of some symbols alone."""
    names = {symbol: name for symbol, name in venue.names.items() if symbol in symbols}
    return msgspec.structs.replace(venue, names=names)


def signals_of(signals: Sequence[SignalConfig], symbols: Collection[str]) -> list[SignalConfig]:
    """Signals for some symbols alone; one that is about none of them is left out."""
    found = []
    for signal in signals:
        kept = [symbol for symbol in signal.symbols if symbol in symbols]
        if kept or not signal.symbols:
            found.append(msgspec.structs.replace(signal, symbols=kept))
    return found


def only_indicators(
    domain: Domain, symbols: Collection[str], intervals: Collection[str], names: Collection[str]
) -> Domain:
    """What is left of a configuration to compute indicators, and some of them alone; empty stands for all.

    Raises:
        ConfigurationError: one of those named is not there.
    """
    computed = ["1m", *domain.intervals]
    _check("symbol", symbols, [one.symbol for one in domain.symbols])
    _check("interval", intervals, computed)
    _check("indicator", names, [one.name for one in domain.indicators])
    wanted = list(intervals or computed)
    return msgspec.structs.replace(
        domain,
        symbols=[one for one in domain.symbols if not symbols or one.symbol in symbols],
        indicators=[
            msgspec.structs.replace(one, intervals=own)
            for one in domain.indicators
            if (not names or one.name in names)
            and (own := [interval for interval in wanted if not one.intervals or interval in one.intervals])
        ],
        signals=[],
        venues=[],
    )


def _check(what: str, wanted: Collection[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            raise ConfigurationError(f"{what} must be one of {', '.join(known) or 'none'}, was {name!r}")
