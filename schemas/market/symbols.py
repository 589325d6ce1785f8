"""Symbols by their names: ours, which is canonical, and what each provider and each broker calls them.

Both ways are exact: within one venue no name means two symbols and no symbol has two names, or the map is
refused as a whole.
"""

from collections.abc import Iterable, Mapping

from schemas.config import VenueConfig
from schemas.errors import ConfigurationError


class SymbolMap:
    """The names of symbols at every venue.

    Args:
        symbols: canonical names.
        venues: what each venue calls them.

    Raises:
        ConfigurationError: a venue stands there twice, names an unknown symbol or gives two one name.

    Example:
        >>> oanda = VenueConfig("oanda", names={"XAUUSD": "XAU_USD"}, others="none")
        >>> names = SymbolMap(["XAUUSD", "SPY"], [oanda])
        >>> names.venue_symbol("oanda", "XAUUSD"), names.symbol("oanda", "XAU_USD")
        ('XAU_USD', 'XAUUSD')
        >>> names.venue_symbol("oanda", "SPY") is None
        True
    """

    def __init__(self, symbols: Iterable[str], venues: Iterable[VenueConfig]) -> None:
        known = list(dict.fromkeys(symbols))
        self._names: dict[str, dict[str, str]] = {}
        self._symbols: dict[str, dict[str, str]] = {}
        self._brokers: list[str] = []
        for venue in venues:
            if venue.name in self._names:
                raise ConfigurationError(f"venue must be named once, was {venue.name!r} twice")
            names = venue_names(known, venue)
            self._names[venue.name] = names
            self._symbols[venue.name] = _inverse(venue.name, names)
            if venue.kind == "broker":
                self._brokers.append(venue.name)

    def venue_symbol(self, venue: str, symbol: str) -> str | None:
        """What a venue calls a symbol, None where it lacks it or is unknown."""
        return self._names.get(venue, {}).get(symbol)

    def symbol(self, venue: str, venue_symbol: str) -> str | None:
        """The symbol that a venue calls so, None where there is none."""
        return self._symbols.get(venue, {}).get(venue_symbol)

    @property
    def has_brokers(self) -> bool:
        """Whether any venue is a broker."""
        return bool(self._brokers)

    def brokers(self, symbol: str) -> list[tuple[str, str]]:
        """Brokers that trade a symbol, in the order of the configuration, each with its name of it."""
        found = ((broker, self._names[broker].get(symbol)) for broker in self._brokers)
        return [(broker, name) for broker, name in found if name is not None]


def venue_names(symbols: Iterable[str], venue: VenueConfig) -> dict[str, str]:
    """Names at one venue by canonical name, in the order of ``symbols``.

    Raises:
        ConfigurationError: it names a symbol that is not one of ``symbols``, or gives it an empty name.
    """
    known = list(symbols)
    for symbol, name in venue.names.items():
        if symbol not in known:
            raise ConfigurationError(f"names of venue {venue.name} must be of known symbols, was {symbol!r}")
        if not name:
            raise ConfigurationError(f"name of {symbol} at venue {venue.name} must not be empty, was ''")
    if venue.others == "same":
        return {symbol: venue.names.get(symbol, symbol) for symbol in known}
    return {symbol: venue.names[symbol] for symbol in known if symbol in venue.names}


def _inverse(venue: str, names: Mapping[str, str]) -> dict[str, str]:
    symbols: dict[str, str] = {}
    for symbol, name in names.items():
        if name in symbols:
            both = f"{symbols[name]} and {symbol}"
            raise ConfigurationError(f"name at venue {venue} must mean one symbol, was {name!r} for {both}")
        symbols[name] = symbol
    return symbols
