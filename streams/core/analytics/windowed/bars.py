"""The bars that such a function is given, and what it may give back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from schemas.history import HISTORY
from streams.core.analytics.rows import Floats, Ints, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Closed bars of one symbol and interval, ascending, the newest one last; all arrays are copies.

    Attributes:
        ts_open: starts, instants in ns.
        session_date: trade dates in days.
        open: prices.
        high: prices.
        low: prices.
        close: prices.
        volume: 0 for flat bars.
        notional: sum of price * size, NaN where unknown.
    """

    ts_open: Ints
    session_date: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    notional: Floats

    @staticmethod
    def of(rows: Rows) -> "Bars":
        """Those of HISTORY rows."""
        return Bars(*(rows[name].copy() for name in HISTORY.names or ()))

    def __len__(self) -> int:
        """How many bars there are."""
        return len(self.ts_open)


Values: TypeAlias = Mapping[str, float | None]
"""By output: None or NaN for a value that is not ready. The name of the only one may be empty."""

Function: TypeAlias = Callable[..., Values | float | None]
"""(bars, \\*\\*parameters) -> the values of the newest bar."""


def history_of(rows: Rows) -> Rows:
    """BAR rows as HISTORY rows."""
    found = np.zeros(len(rows), HISTORY)
    for name in HISTORY.names or ():
        found[name] = rows[name]
    return found
