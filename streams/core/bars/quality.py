"""Quality of a symbol's session: how many of its expected bars are known to be true, for each interval.

quality = 100 * (real + refetched + no_trades) / expected, over the bars whose minutes are all decided. Of an
interval above 1m a bar is known when every minute of it is; halted minutes are not expected, and neither is a
bar of halted minutes alone.

::

    minutes       real real flat(no_trades)   real flat(outage) -    halt halt halt     real ...
    3m bars       | known: real           |   | not known        |   | not expected |   | not decided yet
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.jit import inlined, kernel
from schemas.market.grid import Grid
from schemas.market.intervals import Interval
from streams.core.bars.state import (
    EMPTY,
    FLAT,
    HALT,
    NO_TRADES,
    OUTAGE,
    REAL,
    REFETCHED,
    UNDECIDED,
    Ints,
    Row,
    Rows,
)

Bits = NDArray[np.uint8]

_DECIDED, _HALTED, _KNOWN, _REAL, _REFETCHED, _FLAT, _REVISED, _OUTAGE = (1 << bit for bit in range(8))
_EVERY: Final = 255
_PARTS: Final = 7


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


class Slots:
    """The bars of a trade date.

    Args:
        grid: its calendar.
        intervals: of the bars.
        session_date: the trade date, in days.

    Attributes:
        bounds: first open and last close of the trade date.
        minutes: int64, starts of its expected minutes.
        names: the intervals.
        opens: int64, starts of the bars of one interval after the other.
        borders: int64[intervals + 1], where those of each begin.
        planned: how many each has.
    """

    def __init__(self, grid: Grid, intervals: list[Interval], session_date: int) -> None:
        each = [grid.slots(one, session_date)[0] for one in intervals]
        self.bounds, self.minutes = grid.session_bounds(session_date), grid.minutes(session_date)
        self.names = [one.name.encode() for one in intervals]
        self.planned = [len(opens) for opens in each]
        self.opens, self.borders = np.concatenate(each), np.cumsum([0, *self.planned])


@inlined
def is_halted(row: Row) -> bool:
    """Whether a minute has no bar of its own and was halted."""
    return bool(row["cause"] == HALT and (row["kind"] == FLAT or row["kind"] == EMPTY))


@inlined
def is_known(row: Row) -> bool:
    """Whether the truth of a minute is known: a real or refetched bar, no trades, or a halt."""
    kind, cause = row["kind"], row["cause"]
    if kind in (FLAT, EMPTY):
        return bool(cause in (NO_TRADES, HALT))
    return bool(kind in (REAL, REFETCHED))


def parts(rows: Rows, slots: Slots) -> list[Parts]:
    """Parts of the quality by the bars of each interval.

    Args:
        rows: ``MINUTE`` rows of the trade date.
        slots: its bars.
    """
    found = np.zeros((len(slots.names), _PARTS), np.int64)
    rejected, late = _sum_up(rows, slots.opens, slots.borders, found)
    return [Parts(*[*sums[:5], rejected, late, *sums[5:]]) for sums in found.tolist()]


@kernel
def _sum_up(rows: Rows, opens: Ints, borders: Ints, found: Ints) -> tuple[int, int]:
    """Count the bars of each interval; and the rejected and late records of all minutes."""
    bits, rejected, late = np.empty(len(rows), np.uint8), 0, 0
    for place in range(len(rows)):
        bits[place] = _bits(rows[place])
        rejected += rows[place]["rejected"]
        late += rows[place]["late"]
    for number in range(len(found)):
        at, end, first = borders[number], borders[number + 1], -1
        for place in range(len(rows)):
            if at < end and rows[place]["ts_open"] >= opens[at]:
                if first >= 0:
                    _count(bits, first, place, found[number])
                at, first = at + 1, place
        if first >= 0:
            _count(bits, first, len(rows), found[number])
    return rejected, late


@inlined
def _bits(row: Row) -> int:
    """What a minute is."""
    kind = row["kind"]
    bits = _DECIDED if kind != UNDECIDED else 0
    bits |= _REAL if kind == REAL else 0
    bits |= _REFETCHED if kind == REFETCHED else 0
    bits |= _FLAT if kind == FLAT else 0
    bits |= _HALTED if is_halted(row) else 0
    bits |= _KNOWN if is_known(row) else 0
    bits |= _REVISED if row["revision"] > 0 else 0
    return bits | (_OUTAGE if row["cause"] == OUTAGE and kind in (FLAT, EMPTY) else 0)


@inlined
def _count(bits: Bits, first: int, end: int, sums: Ints) -> None:
    """Count a bar by its minutes: expected, real, refetched, flat, no_trades, revised, outage."""
    every, some = _EVERY, 0
    for place in range(first, end):
        every &= bits[place]
        some |= bits[place]
    sums[5] += some & _REVISED != 0
    if every & _DECIDED == 0 or every & _HALTED:
        return
    sums[0] += 1
    sums[6] += some & _OUTAGE != 0
    if every & _KNOWN:
        sums[1] += some & _REAL != 0
        sums[2] += some & (_REAL | _REFETCHED) == _REFETCHED
        sums[4] += some & (_REAL | _REFETCHED) == 0
    sums[3] += some & (_REAL | _REFETCHED | _FLAT) == _FLAT
