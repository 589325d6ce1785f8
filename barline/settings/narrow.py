"""Signals and venues of some symbols alone: what files or a test leave of a whole configuration."""

from collections.abc import Collection, Sequence

import msgspec

from schemas.config import SignalConfig, VenueConfig


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
