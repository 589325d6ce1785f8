"""The last n numbers of a series within the state of an indicator: ``[count, place of the oldest, numbers]``.

What is asked of a window is computed over its n numbers each time, so nothing that left the window weighs on
it: a running sum would keep the rounding of every number that ever passed. Four sums run side by side.
"""

from typing import Final

from schemas.jit import inlined
from streams.core.analytics.rows import Floats

HEAD: Final = 2
"""Numbers before the window."""


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
def mean(state: Floats, at: int, length: int) -> float:
    """Mean of a full window."""
    first, end = at + HEAD, at + HEAD + length
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    while first + 4 <= end:
        a += state[first]
        b += state[first + 1]
        c += state[first + 2]
        d += state[first + 3]
        first += 4
    while first < end:
        a += state[first]
        first += 1
    return (a + b + c + d) / length


@inlined
def variance(state: Floats, at: int, length: int, middle: float) -> float:
    """Mean of the squared distances of a full window from its mean."""
    first, end = at + HEAD, at + HEAD + length
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    while first + 4 <= end:
        a += (state[first] - middle) * (state[first] - middle)
        b += (state[first + 1] - middle) * (state[first + 1] - middle)
        c += (state[first + 2] - middle) * (state[first + 2] - middle)
        d += (state[first + 3] - middle) * (state[first + 3] - middle)
        first += 4
    while first < end:
        a += (state[first] - middle) * (state[first] - middle)
        first += 1
    return (a + b + c + d) / length


@inlined
def highest(state: Floats, at: int, length: int) -> float:
    """Largest number of a full window."""
    first, end = at + HEAD, at + HEAD + length
    a = b = state[first]
    while first + 2 <= end:
        a = max(a, state[first])
        b = max(b, state[first + 1])
        first += 2
    if first < end:
        a = max(a, state[first])
    return float(max(a, b))


@inlined
def lowest(state: Floats, at: int, length: int) -> float:
    """Smallest number of a full window."""
    first, end = at + HEAD, at + HEAD + length
    a = b = state[first]
    while first + 2 <= end:
        a = min(a, state[first])
        b = min(b, state[first + 1])
        first += 2
    if first < end:
        a = min(a, state[first])
    return float(min(a, b))
