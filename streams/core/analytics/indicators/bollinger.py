"""Bollinger bands around the mean of the close.

Formula: ``middle`` is the mean of the last n closes, ``lower`` and ``upper`` are ``factor`` standard
deviations (of a population) away from it.
Seed: none.
Warm-up: n bars.
Unseen history: none once n bars were seen.
State: 48 + 8 n bytes.
Source: TA-Lib ``BBANDS``, pandas-ta-classic ``bbands(ddof=0)``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators import lane, mean, ring
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.lane import CLOSE, LANES, U, row
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    ring.push_summed(state, at, length, bar["close"])
    if state[at] < length:
        values[to] = values[to + 1] = values[to + 2] = np.nan
        return 1.0
    middle = ring.summed_mean(state, at, length)
    width = factor * np.sqrt(ring.variance(state, at, length, middle))
    values[to], values[to + 1], values[to + 2] = middle - width, middle, middle + width
    return 0.0


@lanewise
def across(
    state: Floats,
    at: int,
    bars: Floats,
    length: int,
    _b: int,
    _c: int,
    factor: float,
    out: Floats,
    to: int,
    sums: Floats,
) -> None:
    """Move all lanes on by their bars; see ``Across``."""
    own, low, middle, high, weight = row(at), row(to), row(to + 1), row(to + 2), row(to + 3)
    lane.push_summed(state, at, length, bars, CLOSE, sums)
    lane.summed_mean(state, at, length, out, middle)
    for number in range(LANES):
        out[high + U(number)] = out[middle + U(number)]
    lane.variance(state, at, length, sums, out, high)
    for number in range(LANES):
        i = U(number)
        full, centre = state[own + i] >= length, out[middle + i]
        width = factor * np.sqrt(out[high + i])
        out[low + i] = centre - width if full else np.nan
        out[middle + i] = centre if full else np.nan
        out[high + i] = centre + width if full else np.nan
        out[weight + i] = 0.0 if full else 1.0


INDICATOR: Final = Indicator("bollinger", step, mean.width)
