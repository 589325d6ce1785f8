"""The rules of symbols as rows: few symbols differ in them."""

from collections.abc import Mapping
from typing import Final, get_args

import numpy as np

from schemas.config import Domain, PriceBasis, SourceConfig, SymbolConfig, rules_of
from schemas.rules import Action, AssetRules, RuleChanges
from streams.core.ticks.conditions import SPELLINGS
from streams.core.ticks.rows import TERMS, Rows

_MS: Final = 1_000_000
_LEAST_WORDS: Final = 1


class Rules:
    """The rules of symbols, worked out once for all symbols of a class with the same differences."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        alike = {(symbol.asset, symbol.rules): symbol for symbol in domain.symbols}
        self._found: dict[tuple[str, RuleChanges], AssetRules] = {
            key: rules_of(domain, symbol) for key, symbol in alike.items()
        }

    def of(self, symbol: SymbolConfig) -> AssetRules:
        """The rules of a symbol."""
        return self._found[symbol.asset, symbol.rules]

    def all(self) -> list[AssetRules]:
        """Every rule that may hold for a symbol."""
        return [*self._domain.assets.values(), *self._found.values()] or [AssetRules()]


class Terms:
    """What a configuration says of its pairs, a row for all that it treats alike.

    Args:
        domain: the configuration.
        rules: its rules.
        sources: the sources of ticks.
    """

    def __init__(self, domain: Domain, rules: Rules, sources: list[SourceConfig]) -> None:
        self._domain, self._rules, self._feeds = domain, rules, sources
        self._numbers: dict[object, int] = {}
        self._alike: list[tuple[SymbolConfig, int]] = []

    def of(self, symbol: SymbolConfig, feed: int) -> int:
        """Number of the row that a symbol has from a source, given the number of that."""
        price, calendar = symbol.price, symbol.calendar
        said = feed, symbol.asset, symbol.rules, price, symbol.tick_size, symbol.conditions, calendar
        number = self._numbers.setdefault(said, len(self._alike))
        if number == len(self._alike):
            self._alike.append((symbol, feed))
        return number

    def calendars(self) -> list[str]:
        """The calendars of all that was asked for, ascending."""
        return sorted({symbol.calendar for symbol, _ in self._alike})

    def rows(self, spans: Mapping[str, tuple[int, int]]) -> Rows:
        """The rows, TERMS[n], given where the segments of each calendar begin and end."""
        return np.concatenate([np.zeros(0, TERMS), *(self._row(*one, spans) for one in self._alike)])

    def _row(self, symbol: SymbolConfig, feed: int, spans: Mapping[str, tuple[int, int]]) -> Rows:
        rules, row = self._rules.of(symbol), strange(feed)
        _fill(row, self._domain, symbol, rules, spans[symbol.calendar])
        row["gapless"], row["last_price"] = self._feeds[feed].gapless, self._feeds[feed].last_price
        # where quotes are folded no print is kept
        row["kept"] = rules.correction_prints if symbol.price == "last" else 0
        return row


def strange(source: int) -> Rows:
    """TERMS[1] of a pair that the configuration does not name."""
    row = np.zeros(1, TERMS)
    row["window"], row["conditions"], row["source"], row["words"] = 64, -1, source, _LEAST_WORDS
    row["disorder"] = row["last_price"] = -1
    return row


def power(count: int) -> int:
    """The power of two that is not below a count."""
    return 1 << (int(count) - 1).bit_length()


def _fill(
    row: Rows, domain: Domain, symbol: SymbolConfig, rules: AssetRules, segments: tuple[int, int]
) -> None:
    """Fill in an array of one row."""
    row["lateness"] = domain.lateness_ms * _MS
    row["future"] = rules.future_ms * _MS
    row["nonpositive"] = get_args(Action).index(rules.nonpositive_price)
    row["basis"] = get_args(PriceBasis).index(symbol.price)
    row["tick_size"] = symbol.tick_size
    row["spread"] = rules.spread_limit
    row["share"] = rules.outlier_share
    row["sigmas"] = rules.outlier_sigmas
    row["median_of"] = rules.outlier_prints
    row["quiet"] = rules.quiet_ms * _MS
    row["window"] = rules.identity_window
    row["words"] = power(rules.identity_window) // 64
    row["auction"] = domain.auction_ms * _MS
    row["disorder"] = rules.disorder_ms * _MS
    if symbol.conditions:
        row["conditions"] = sorted(domain.conditions).index(symbol.conditions)
        row["spelling"] = SPELLINGS.index(domain.conditions[symbol.conditions].spelling)
    row["first"], row["last"] = segments
