"""What a configuration asks of the scanner, checked and compiled."""

from collections.abc import Iterable

import numpy as np

from schemas.config import Domain
from schemas.indicators import value_names
from schemas.market.symbols import SymbolMap
from streams.core.analytics.rows import Bools, Ints
from streams.core.analytics.scan.meaning import Known
from streams.core.analytics.scan.program import Program, compiled


class ScanPlan:
    """Conditions and names of a configuration.

    Attributes:
        single: the conditions over one symbol.
        ranked: the conditions across symbols.
        names: per interval, names of its indicator values in the order of the configuration.
        symbols: what brokers call them.

    Raises:
        ConfigurationError: a condition is none, cannot be evaluated, or the names are not exact both ways.
    """

    def __init__(self, domain: Domain, intervals: Iterable[str]) -> None:
        known = [*intervals]
        names = [symbol.symbol for symbol in domain.symbols]
        self.symbols = SymbolMap(names, domain.venues)
        self.names = [
            [
                name
                for one in domain.indicators
                if not one.intervals or interval in one.intervals
                for name in value_names(one)
            ]
            for interval in known
        ]
        values = Known.of(known, domain.indicators, domain.trailing_dates)
        self.single, self.ranked = compiled(domain.signals, values, names, domain.partitions)


def reading(program: Program, intervals: int) -> Bools:
    """bool[conditions, intervals + 1], which intervals each condition reads."""
    found = np.zeros((len(program.conditions), intervals + 1), np.bool_)
    for number, condition in enumerate(program.conditions):
        found[number, sorted(condition.reads)] = True
    return found


def debounces(program: Program) -> Ints:
    """int64[conditions], ns."""
    return np.array([condition.debounce for condition in program.conditions], np.int64)
