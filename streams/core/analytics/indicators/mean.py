"""The mean of the last n numbers of one field of the bars: what SMA and the volume average are."""

import numpy as np

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators import lane, ring
from streams.core.analytics.indicators.lane import LANES, U, row
from streams.core.analytics.rows import Floats


def width(length: int, _b: int, _c: int) -> int:
    """Numbers of state."""
    return ring.HEAD + length + ring.SUMS


@inlined
def step(state: Floats, at: int, length: int, value: float, values: Floats, to: int) -> float:
    """Take in a number; see ``Step``."""
    ring.push_summed(state, at, length, value)
    if state[at] < length:
        values[to] = np.nan
        return 1.0
    values[to] = ring.summed_mean(state, at, length)
    return 0.0


@lanewise
def across(
    state: Floats, at: int, length: int, bars: Floats, field: np.uint64, out: Floats, to: int, sums: Floats
) -> None:
    """Take in a field of all lanes; see ``Across``."""
    own, first, weight = row(at), row(to), row(to + 1)
    lane.push_summed(state, at, length, bars, field, sums)
    lane.summed_mean(state, at, length, out, first)
    for number in range(LANES):
        i = U(number)
        full = state[own + i] >= length
        out[first + i] = out[first + i] if full else np.nan
        out[weight + i] = 0.0 if full else 1.0
