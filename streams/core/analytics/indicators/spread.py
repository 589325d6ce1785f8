"""The true range of a bar, within the state of an indicator: ``[count, close before]``."""

from typing import Final

from schemas.jit import inlined
from streams.core.analytics.rows import Floats, Row

WIDTH: Final = 2
"""Numbers of state."""


@inlined
def true_range(state: Floats, at: int, bar: Row) -> float:
    """Take in a bar; the largest of its range and its distances from the close before, -1 of the first."""
    found = -1.0
    if state[at] > 0.0:
        before = state[at + 1]
        found = max(bar["high"] - bar["low"], abs(bar["high"] - before), abs(bar["low"] - before))
    state[at] += 1.0
    state[at + 1] = bar["close"]
    return float(found)
