"""Gaps: runs of minutes that no source had a bar for when they were decided.

A gap is named by its first minute. It grows while minutes are missed and ends at a real bar, or with the
trade date; a bar that comes later fills its minute but leaves it in the gap, which so never changes its name:

====================  ================================================
open                  a minute has no bar (halted ones apart)
filled                every minute has a bar, flat ones among them
refetched             every minute has a real or refetched bar by now
abandoned             open when its trade date could no longer be revised
====================  ================================================
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.jit import kernel
from streams.core.bars.state import BEGINS, EMPTY, FLAT, HALT, MISSED, REAL, Ints

Rows: TypeAlias = NDArray[np.void]

OPEN, FILLED, REFETCHED, ABANDONED = range(4)
_CAUSES: Final = 5
_WORTH: Final = np.array([0, 0, 0, 1, 2])  # by kind
_STATES: Final = (REFETCHED, FILLED, OPEN)


class Extent(NamedTuple):
    """A gap by the places of its first minute and of the one after its last."""

    start: int
    end: int


class Summary(NamedTuple):
    """What a gap's record says: minutes by cause, and its state."""

    minutes: int
    causes: tuple[int, ...]
    state: int


def begins(rows: Rows, place: int) -> int:
    """The bit ``BEGINS`` where a minute that is missed now begins a gap, else 0.

    It goes on with the gap of the minute before, unless that has got a real bar in the meantime.
    """
    goes_on = place > 0 and rows["bits"][place - 1] & MISSED and rows["kind"][place - 1] != REAL
    return 0 if goes_on else BEGINS


def around(rows: Rows, place: int) -> Extent:
    """The gap that a missed minute belongs to."""
    return Extent(*_extent(rows, place))


@kernel
def _extent(rows: Rows, place: int) -> tuple[int, int]:
    start, end = place, place + 1
    while start > 0 and not rows[start]["bits"] & BEGINS:
        start -= 1
    while end < len(rows) and rows[end]["bits"] & (BEGINS | MISSED) == MISSED:
        end += 1
    return start, end


def every(rows: Rows) -> list[tuple[Extent, Summary]]:
    """All gaps of a trade date with what is to be said of each, ascending, reckoned in one go."""
    missed = np.flatnonzero(rows["bits"] & MISSED)
    if len(missed) == 0:
        return []
    bits, cause, kind = rows["bits"][missed], rows["cause"][missed], rows["kind"][missed]
    starts = np.flatnonzero(bits & BEGINS)
    owners = np.zeros(len(missed), np.int64)
    owners[starts[1:]] = _CAUSES
    counts = np.bincount(owners.cumsum() + cause, minlength=len(starts) * _CAUSES).tolist()
    # 2: without a bar, 1: with a flat one; the worst minute says what the gap is.
    states = np.maximum.reduceat(_WORTH[kind] - (kind == EMPTY) * (cause == HALT), starts).tolist()
    places = missed[starts].tolist()
    ends = [*starts[1:].tolist(), len(missed)]
    found, before = [], 0
    for at, end, state in zip(places, ends, states, strict=True):
        size, before = end - before, end
        said = Summary(size, tuple(counts[:_CAUSES]), _STATES[state])
        del counts[:_CAUSES]
        found.append((Extent(at, at + size), said))
    return found


def touched(rows: Rows, places: Sequence[int]) -> list[Extent]:
    """The gaps that any of these minutes, ascending, belongs to."""
    found: list[Extent] = []
    for place in places:
        if rows["bits"][place] & MISSED and not (found and place < found[-1].end):
            found.append(around(rows, place))
    return found


def summary(rows: Rows, gap: Extent) -> Summary:
    """Minutes by cause and state of a gap."""
    counts = np.zeros(_CAUSES, np.int64)
    worst = _sum_up(rows, gap.start, gap.end, counts)
    return Summary(gap.end - gap.start, tuple(counts.tolist()), _STATES[worst])


@kernel
def _sum_up(rows: Rows, start: int, end: int, counts: Ints) -> int:
    """Count the minutes of a gap by cause; 2: one is without a bar, 1: one has a flat one, else 0."""
    worst = 0
    for place in range(start, end):
        row = rows[place]
        counts[row["cause"]] += 1
        if row["kind"] == EMPTY:
            worst = max(worst, 1 if row["cause"] == HALT else 2)
        elif row["kind"] == FLAT:
            worst = max(worst, 1)
    return worst
