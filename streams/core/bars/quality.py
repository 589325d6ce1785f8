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


class Minutes:
    """What the minutes of a trade date are, found once for all intervals.

    Args:
        rows: ``MINUTE`` rows.
    """

    def __init__(self, rows: NDArray[np.void]) -> None:
        kind = rows["kind"]
        self._each = np.stack((kind != UNDECIDED, halted(rows), known(rows)))
        self._some = np.stack(
            (kind == REAL, kind == REFETCHED, kind == FLAT, rows["revision"] > 0, _is_missing(rows, OUTAGE))
        )
        self._records = [int(rows[name].sum()) for name in ("rejected", "late")]

    def parts(self, firsts: Ints) -> Parts:
        """Parts of the quality.

        Args:
            firsts: places of the first minutes of the bars, ascending.
        """
        if len(firsts) == 0:
            return Parts(*[0] * 5, *self._records, *[0] * 2)
        decided, closed, true = np.logical_and.reduceat(self._each, firsts, axis=1)
        real, refetched, flat, revised, outage = np.logical_or.reduceat(self._some, firsts, axis=1)
        expected = decided & ~closed
        true &= expected
        bare = ~(real | refetched)
        counted = (expected, true & real, true & refetched & ~real, expected & bare & flat, true & bare)
        sums = np.stack((*counted, revised, expected & outage)).sum(axis=1).tolist()
        return Parts(*sums[:5], *self._records, *sums[5:])


def _is_missing(rows: NDArray[np.void], cause: int) -> Bools:
    """Minutes without a real bar for a cause."""
    found: Bools = (rows["cause"] == cause) & ((rows["kind"] == FLAT) | (rows["kind"] == EMPTY))
    return found
