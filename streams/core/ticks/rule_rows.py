"""The rules of symbols as rows: few symbols differ in them."""

from typing import Final, get_args

import numpy as np

from schemas.config import Action, AssetRules, Domain, PriceBasis, RuleChanges, SymbolConfig, rules_of
from streams.core.ticks.conditions import SPELLINGS
from streams.core.ticks.rows import RULE, Rows

_MS: Final = 1_000_000


class Rules:
    """The rules of symbols, worked out once for all symbols of a class with the same differences."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._found: dict[tuple[str, RuleChanges], AssetRules] = {}

    def of(self, symbol: SymbolConfig) -> AssetRules:
        """The rules of a symbol."""
        key = symbol.asset, symbol.rules
        if key not in self._found:
            self._found[key] = rules_of(self._domain, symbol)
        return self._found[key]

    def all(self) -> list[AssetRules]:
        """Every rule that may hold for a symbol."""
        for symbol in self._domain.symbols:
            self.of(symbol)
        return [*self._domain.assets.values(), *self._found.values()] or [AssetRules()]


def rule_rows(
    domain: Domain, rules: Rules, symbols: list[SymbolConfig | None], spans: dict[str, tuple[int, int]]
) -> Rows:
    """A row of each symbol, None for one that the configuration does not know; few rows differ."""
    plain = np.zeros(1, RULE)
    plain["window"], plain["conditions"] = 64, -1
    different, numbers = [plain], dict[object, int]()
    places = np.zeros(len(symbols), np.int64)
    for place, symbol in enumerate(symbols):
        if symbol is None:
            continue
        said = (
            symbol.asset,
            symbol.rules,
            symbol.price,
            symbol.tick_size,
            symbol.conditions,
            symbol.calendar,
        )
        if said not in numbers:
            numbers[said] = len(different)
            different.append(plain.copy())
            _fill(different[-1], domain, symbol, rules.of(symbol), spans[symbol.calendar])
        places[place] = numbers[said]
    return np.concatenate(different)[places]


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
    row["auction"] = domain.auction_ms * _MS
    if symbol.conditions:
        row["conditions"] = sorted(domain.conditions).index(symbol.conditions)
        row["spelling"] = SPELLINGS.index(domain.conditions[symbol.conditions].spelling)
    row["first"], row["last"] = segments
