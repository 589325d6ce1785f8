"""The last n numbers of a series within the state of an indicator: ``[count, place of the oldest, numbers]``.

What is asked of a window is computed over its n numbers each time, so nothing that left the window weighs on
it: a running sum would keep the rounding of every number that ever passed. Four sums run side by side, each
over every fourth number; where only the mean is asked for they are kept behind the numbers, and a number that
comes in makes its own sum anew: a quarter of the work, the same bits.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.rows import Floats

HEAD: Final = 2
"""Numbers before the window."""

SUMS: Final = 4
"""Numbers after a window whose sums are kept."""


U: Final = np.uint64
"""Indexes are unsigned: with a signed one numba looks for negative ones at every access."""
_1: Final = U(1)
_2: Final = U(2)
_3: Final = U(3)
_4: Final = U(4)


@inlined
def push(state: Floats, at: int, length: int, value: float) -> float:
    """Take in a number; the one that leaves, or 0 while the window is not full."""
    place = int(state[at + 1])
    left = state[at + HEAD + place]
    state[at + HEAD + place] = value
    state[at] += 1.0
    place += 1
    state[at + 1] = 0.0 if place == length else float(place)
    return float(left)


@inlined
def sum_of(length: int, place: int) -> int:
    """Which of the four sums a place of the window counts in."""
    return place % SUMS if place < length - length % SUMS else 0


@inlined
def push_summed(state: Floats, at: int, length: int, value: float) -> None:
    """Take in a number and make its sum anew."""
    place = int(state[at + 1])
    push(state, at, length, value)
    number, first, whole = sum_of(length, place), at + HEAD, length - length % SUMS
    total = 0.0
    for other in range(first + number, first + whole, SUMS):
        total += state[other]
    if number == 0:
        for other in range(first + whole, first + length):
            total += state[other]
    state[first + length + number] = total


@inlined
def summed_mean(state: Floats, at: int, length: int) -> float:
    """``mean`` where the sums are kept."""
    first = at + HEAD + length
    return float((state[first] + state[first + 1] + state[first + 2] + state[first + 3]) / length)


@inlined
def mean(state: Floats, at: int, length: int) -> float:
    """Mean of a full window."""
    first, end = U(at + HEAD), U(at + HEAD + length)
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    while first + _4 <= end:
        a += state[first]
        b += state[first + _1]
        c += state[first + _2]
        d += state[first + _3]
        first += _4
    while first < end:
        a += state[first]
        first += _1
    return (a + b + c + d) / length


@inlined
def variance(state: Floats, at: int, length: int, middle: float) -> float:
    """Mean of the squared distances of a full window from its mean."""
    first, end = U(at + HEAD), U(at + HEAD + length)
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    while first + _4 <= end:
        a += (state[first] - middle) * (state[first] - middle)
        b += (state[first + _1] - middle) * (state[first + _1] - middle)
        c += (state[first + _2] - middle) * (state[first + _2] - middle)
        d += (state[first + _3] - middle) * (state[first + _3] - middle)
        first += _4
    while first < end:
        a += (state[first] - middle) * (state[first] - middle)
        first += _1
    return (a + b + c + d) / length


@inlined
def highest(state: Floats, at: int, length: int) -> float:
    """Largest number of a full window."""
    first, end = U(at + HEAD), U(at + HEAD + length)
    a = b = state[first]
    while first + _2 <= end:
        a = max(a, state[first])
        b = max(b, state[first + _1])
        first += _2
    if first < end:
        a = max(a, state[first])
    return float(max(a, b))


@inlined
def lowest(state: Floats, at: int, length: int) -> float:
    """Smallest number of a full window."""
    first, end = U(at + HEAD), U(at + HEAD + length)
    a = b = state[first]
    while first + _2 <= end:
        a = min(a, state[first])
        b = min(b, state[first + _1])
        first += _2
    if first < end:
        a = min(a, state[first])
    return float(min(a, b))
