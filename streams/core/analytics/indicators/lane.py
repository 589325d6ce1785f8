"""Symbols side by side: each number of state is a row of LANES symbols, so an instruction moves several.

::

    lane      0    1    2   ...  63        a row of one number; the next number of the same symbols follows
    count     15   15   15       15
    value     1.2  7.3  9.1      4.4

What stands here does lane by lane what ``smooth``, ``ring`` and ``spread`` do to one symbol, the same
operations in the same order, so to the same bits: a branch becomes a choice between two results. Rows lie a
fixed distance apart, which is how LLVM knows that they do not overlap.
"""

from typing import Final

import numpy as np

from schemas.jit import lanewise
from streams.core.analytics.indicators import ring
from streams.core.analytics.rows import Floats

LANES: Final = 64
"""Symbols of a row."""

U: Final = np.uint64
"""Indexes are unsigned, see ``ring``."""
ROW: Final = U(LANES)
"""From a number to the next one of the same lane."""
ROW_2: Final = U(2 * LANES)
ROW_3: Final = U(3 * LANES)
ROW_4: Final = U(4 * LANES)
ROW_8: Final = U(8 * LANES)
ROW_12: Final = U(12 * LANES)

STATE: Final = U(0)
"""Row of what a lane is: ABSENT, THERE or EMPTY; its bar stands in the rows that follow."""
HIGH, LOW, CLOSE, VOLUME, NOTIONAL, DATE, STARTS = (U(row * LANES) for row in range(1, 8))
INPUTS: Final = 8
"""Rows of a bar."""
ABSENT: Final = 0.0
"""A symbol without a bar now: its state stays."""
THERE: Final = 1.0
EMPTY: Final = 2.0
"""No symbol has this lane, so what becomes of its state is no matter."""


@lanewise
def row(number: int) -> np.uint64:
    """Where a row begins."""
    return U(number * LANES)


@lanewise
def count(state: Floats, at: np.uint64, there: bool) -> float:
    """Count a bar; how many there are now."""
    counted = state[at] + 1.0
    state[at] = counted if there else state[at]
    return float(counted)


@lanewise
def exponential(state: Floats, at: np.uint64, there: bool, length: int, value: float, weight: float) -> None:
    """``smooth.exponential`` of a lane."""
    old, seen = state[at + ROW], state[at + ROW_2]
    counted = count(state, at, there)
    alpha, total = 2.0 / (length + 1), old + value
    seed = total / length if counted == length else total
    new = alpha * value + (1.0 - alpha) * old if counted > length else seed
    weighs = alpha * weight + (1.0 - alpha) * seen if counted > length else 1.0
    state[at + ROW] = new if there else old
    state[at + ROW_2] = weighs if there else seen


@lanewise
def wilder(state: Floats, at: np.uint64, there: bool, length: int, value: float, weight: float) -> None:
    """``smooth.wilder`` of a lane."""
    old, seen = state[at + ROW], state[at + ROW_2]
    counted, total = count(state, at, there), old + value
    seed = total / length if counted == length else total
    new = (old * (length - 1) + value) / length if counted > length else seed
    weighs = (seen * (length - 1) + weight) / length if counted > length else 1.0
    state[at + ROW] = new if there else old
    state[at + ROW_2] = weighs if there else seen


@lanewise
def larger(one: float, other: float) -> float:
    """The larger of two numbers, the first where they are equal."""
    return max(one, other)


@lanewise
def true_range(state: Floats, at: np.uint64, there: bool, high: float, low: float, close: float) -> float:
    """``spread.true_range`` of a lane."""
    before = state[at + ROW]
    is_first = count(state, at, there) == 1.0
    found = larger(larger(high - low, abs(high - before)), abs(low - before))
    state[at + ROW] = close if there else before
    return -1.0 if is_first else float(found)


@lanewise
def push(state: Floats, at: int, length: int, bars: Floats, field: np.uint64, left: Floats) -> int:
    """``ring.push`` of all lanes; ``left`` receives what leaves each.

    Symbols that came together are at the same place of their rings, which then is one row.

    Returns:
        That place, -1 where they did not.
    """
    head, place = row(at), row(at + 1)
    together, first = _together(state, place, bars)
    if together:
        own = row(at + 2 + first)
        following = 0.0 if first + 1 == length else float(first + 1)
        for lane in range(LANES):
            i = U(lane)
            left[i] = state[own + i]
            state[own + i] = bars[field + i]
            state[head + i] += 1.0
            state[place + i] = following
        return first
    for lane in range(LANES):
        i = U(lane)
        if bars[STATE + i] == THERE:
            at_ = int(state[place + i])
            own = row(at + 2 + at_) + i
            left[i], state[own] = state[own], bars[field + i]
            state[head + i] += 1.0
            state[place + i] = 0.0 if at_ + 1 == length else float(at_ + 1)
    return -1


@lanewise
def push_summed(state: Floats, at: int, length: int, bars: Floats, field: np.uint64, sums: Floats) -> None:
    """``ring.push_summed`` of all lanes."""
    place = push(state, at, length, bars, field, sums)
    if place >= 0:
        number = ring.sum_of(length, place)
        _sum(state, row(at + 2), length, number, sums)
        own = row(at + 2 + length + number)
        for lane in range(LANES):
            state[own + U(lane)] = sums[U(lane)]
        return
    for lane in range(LANES):
        i = U(lane)
        if bars[STATE + i] == THERE:
            following = int(state[row(at + 1) + i])
            number = ring.sum_of(length, (length if following == 0 else following) - 1)
            total = 0.0
            for other in range(number, length - length % 4, 4):
                total += state[row(at + 2 + other) + i]
            if number == 0:
                for other in range(length - length % 4, length):
                    total += state[row(at + 2 + other) + i]
            state[row(at + 2 + length + number) + i] = total


@lanewise
def _sum(state: Floats, first: np.uint64, length: int, number: int, sums: Floats) -> None:
    """One of the four sums of all lanes, into the first row of ``sums``."""
    whole, place = length - length % 4, number
    for lane in range(LANES):
        sums[U(lane)] = 0.0
    while place + 12 < whole:  # four numbers at a time: a sum is read and written once for them
        own = first + row(place)
        for lane in range(LANES):
            i, j = U(lane), own + U(lane)
            two = (sums[i] + state[j]) + state[j + ROW_4]
            sums[i] = (two + state[j + ROW_8]) + state[j + ROW_12]
        place += 16
    while place < whole:
        _add(state, first + row(place), sums)
        place += 4
    if number == 0:
        for other in range(whole, length):
            _add(state, first + row(other), sums)


@lanewise
def _add(state: Floats, first: np.uint64, sums: Floats) -> None:
    for lane in range(LANES):
        sums[U(lane)] += state[first + U(lane)]


@lanewise
def _together(state: Floats, place: np.uint64, bars: Floats) -> tuple[bool, int]:
    """Whether every symbol is there and at the same place of its ring, and the place."""
    first, others = 0.0, 0
    for lane in range(LANES):
        if bars[STATE + U(lane)] == THERE:
            first = state[place + U(lane)]
            break
    for lane in range(LANES):
        i = U(lane)
        others += (bars[STATE + i] == ABSENT) | ((bars[STATE + i] == THERE) & (state[place + i] != first))
    return others == 0, int(first)


@lanewise
def summed_mean(state: Floats, at: int, length: int, out: Floats, to: np.uint64) -> None:
    """``ring.summed_mean`` of all lanes."""
    first = row(at + 2 + length)
    for lane in range(LANES):
        j = first + U(lane)
        out[to + U(lane)] = (state[j] + state[j + ROW] + state[j + ROW_2] + state[j + ROW_3]) / length


@lanewise
def variance(state: Floats, at: int, length: int, sums: Floats, out: Floats, to: np.uint64) -> None:
    """``ring.variance`` of all lanes around the means in ``out``, which it replaces."""
    whole = length - length % 4
    for number in range(4):
        own, place = row(number), number
        for lane in range(LANES):
            sums[own + U(lane)] = 0.0
        while place + 12 < whole:  # four numbers at a time
            first = row(at + 2 + place)
            for lane in range(LANES):
                i, j, middle = own + U(lane), first + U(lane), out[to + U(lane)]
                a, b = state[j] - middle, state[j + ROW_4] - middle
                c, d = state[j + ROW_8] - middle, state[j + ROW_12] - middle
                two = (sums[i] + a * a) + b * b
                sums[i] = (two + c * c) + d * d
            place += 16
        while place < whole:
            _add_square(state, row(at + 2 + place), sums, own, out, to)
            place += 4
    for place in range(whole, length):
        _add_square(state, row(at + 2 + place), sums, U(0), out, to)
    _finish(sums, length, out, to)


@lanewise
def _add_square(
    state: Floats, first: np.uint64, sums: Floats, own: np.uint64, out: Floats, to: np.uint64
) -> None:
    for lane in range(LANES):
        i = U(lane)
        away = state[first + i] - out[to + i]
        sums[own + i] += away * away


@lanewise
def _finish(sums: Floats, length: int, out: Floats, to: np.uint64) -> None:
    for lane in range(LANES):
        i = U(lane)
        out[to + i] = (sums[i] + sums[i + ROW] + sums[i + ROW_2] + sums[i + ROW_3]) / length
