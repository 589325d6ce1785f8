"""Quality of a symbol's session: how many of its expected bars are known to be true, for each interval.

quality = 100 * (real + refetched + no_trades) / expected, over the bars whose minutes are all decided. Of an
interval above 1m a bar is known when every minute of it is; halted minutes are not expected, and neither is a
bar of halted minutes alone.

::

    minutes       real real flat(no_trades)   real flat(outage) -    halt halt halt     real ...
    3m bars       | known: real           |   | not known        |   | not expected |   | not decided yet
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.bars.state import EMPTY, FLAT, HALT, NO_TRADES, OUTAGE, REAL, REFETCHED, UNDECIDED, Ints

Bools = NDArray[np.bool_]


class Parts(NamedTuple):
    """Bars of a session so far, and records that went wrong in it."""

    expected: int
    real: int
    refetched: int
    flat: int
    no_trades: int
    rejected: int
    late: int
    revised: int
    outage: int

    @property
    def quality(self) -> float | None:
        """0 to 100, None where no bar is expected."""
        if self.expected == 0:
            return None
        return 100.0 * (self.real + self.refetched + self.no_trades) / self.expected


def halted(rows: NDArray[np.void]) -> Bools:
    """Minutes without a bar of their own that were halted."""
    return _is_missing(rows, HALT)


def known(rows: NDArray[np.void]) -> Bools:
    """Minutes of which the truth is known: a real or refetched bar, no trades, or a halt."""
    there: Bools = (rows["kind"] == REAL) | (rows["kind"] == REFETCHED)
    return there | _is_missing(rows, NO_TRADES) | _is_missing(rows, HALT)


def parts(rows: NDArray[np.void], firsts: Ints) -> Parts:
    """Parts of the quality of a trade date.

    Args:
        rows: ``MINUTE`` rows.
        firsts: places of the first minutes of the bars, ascending.
    """
    if len(firsts) == 0:
        return Parts(*(0,) * 9)
    kind = rows["kind"]
    has_real, has_refetched = _any(kind == REAL, firsts), _any(kind == REFETCHED, firsts)
    expected = _all(kind != UNDECIDED, firsts) & ~_all(halted(rows), firsts)
    true = expected & _all(known(rows), firsts)
    bare = ~has_real & ~has_refetched
    return Parts(
        expected=_count(expected),
        real=_count(true & has_real),
        refetched=_count(true & has_refetched & ~has_real),
        flat=_count(expected & bare & _any(kind == FLAT, firsts)),
        no_trades=_count(true & bare),
        rejected=int(rows["rejected"].sum()),
        late=int(rows["late"].sum()),
        revised=_count(_any(rows["revision"] > 0, firsts)),
        outage=_count(expected & _any(_is_missing(rows, OUTAGE), firsts)),
    )


def _is_missing(rows: NDArray[np.void], cause: int) -> Bools:
    """Minutes without a real bar for a cause."""
    found: Bools = (rows["cause"] == cause) & ((rows["kind"] == FLAT) | (rows["kind"] == EMPTY))
    return found


def _all(minutes: Bools, firsts: Ints) -> Bools:
    return np.logical_and.reduceat(minutes, firsts)


def _any(minutes: Bools, firsts: Ints) -> Bools:
    return np.logical_or.reduceat(minutes, firsts)


def _count(bars: Bools) -> int:
    return int(np.count_nonzero(bars))
