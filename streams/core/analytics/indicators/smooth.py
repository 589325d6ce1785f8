"""The two smoothings, within the state of an indicator: ``[count, value, weight]``.

The value is the sum of the first n numbers while it warms up and their mean at the n-th: the seed. The weight
is that of history that was not seen: 1 at the seed, then smoothed as the value is, along with the weights of
the numbers that come in.
"""

from typing import Final

from schemas.jit import inlined
from streams.core.analytics.rows import Floats

WIDTH: Final = 3
"""Numbers of state."""


@inlined
def _seed(state: Floats, at: int, length: int, value: float) -> bool:
    """Take in one of the first n numbers; whether it was one."""
    state[at] += 1.0
    if state[at] > length:
        return False
    state[at + 1] += value
    state[at + 2] = 1.0
    if state[at] == length:
        state[at + 1] /= length
    return True


@inlined
def exponential(state: Floats, at: int, length: int, value: float, weight: float) -> None:
    """``value = alpha * new + (1 - alpha) * value`` with ``alpha = 2 / (n + 1)``."""
    if _seed(state, at, length, value):
        return
    alpha = 2.0 / (length + 1)
    state[at + 1] = alpha * value + (1.0 - alpha) * state[at + 1]
    state[at + 2] = alpha * weight + (1.0 - alpha) * state[at + 2]


@inlined
def wilder(state: Floats, at: int, length: int, value: float, weight: float) -> None:
    """``value = (value * (n - 1) + new) / n``."""
    if _seed(state, at, length, value):
        return
    state[at + 1] = (state[at + 1] * (length - 1) + value) / length
    state[at + 2] = (state[at + 2] * (length - 1) + weight) / length


@inlined
def ready(state: Floats, at: int, length: int) -> bool:
    """Whether the seed is there."""
    return bool(state[at] >= length)
