"""Average true range, by Wilder.

Formula: the true range, smoothed by ``atr = (atr * (n - 1) + range) / n``.
Seed: the simple mean of the first n true ranges, those of bars 2 to n + 1.
Warm-up: n + 1 bars.
Unseen history: the weight of the seed, ``(1 - 1 / n) ** (ranges - n)``.
State: 40 bytes.
Source: TA-Lib ``ATR``, pandas-ta-classic ``atr``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators import lane, smooth, spread
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.lane import CLOSE, HIGH, LANES, LOW, ROW, ROW_2, STATE, U, row
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    found, mean = spread.true_range(state, at, bar), at + spread.WIDTH
    values[to] = np.nan
    if found < 0.0:
        return 1.0
    smooth.wilder(state, mean, length, found, 0.0)
    if smooth.ready(state, mean, length):
        values[to] = state[mean + 1]
    return float(state[mean + 2])


@lanewise
def across(
    state: Floats,
    at: int,
    bars: Floats,
    length: int,
    _b: int,
    _c: int,
    _factor: float,
    out: Floats,
    to: int,
    _sums: Floats,
) -> None:
    """Move all lanes on by their bars; see ``Across``."""
    own, mean, first, weight = row(at), row(at + spread.WIDTH), row(to), row(to + 1)
    for number in range(LANES):
        i = U(number)
        there = bars[STATE + i] > 0.0
        found = lane.true_range(state, own + i, there, bars[HIGH + i], bars[LOW + i], bars[CLOSE + i])
        begun = found >= 0.0
        lane.wilder(state, mean + i, there & begun, length, found, 0.0)
        out[first + i] = state[mean + ROW + i] if state[mean + i] >= length else np.nan
        out[weight + i] = state[mean + ROW_2 + i] if begun else 1.0


INDICATOR: Final = Indicator("atr", step, lambda _length, _b, _c: spread.WIDTH + smooth.WIDTH)
