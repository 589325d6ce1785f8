"""Keltner channel.

Formula: ``middle`` is the EMA of the close, ``lower`` and ``upper`` are ``factor`` times the EMA of the true
range away from it, both over n.
Seed: the simple means of the first n closes and of the first n true ranges.
Warm-up: n bars for middle, n + 1 for the bands.
Unseen history: the weight of the later seed, ``(1 - alpha) ** (bars - n - 1)``.
State: 64 bytes.
Source: pandas-ta-classic ``kc(mamode="ema", tr=True)``; TA-Lib ``KC`` takes typical prices and the ATR.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.indicators import smooth, spread
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    found = spread.true_range(state, at, bar)
    middle, width = at + spread.WIDTH, at + spread.WIDTH + smooth.WIDTH
    smooth.exponential(state, middle, length, bar["close"], 0.0)
    values[to] = values[to + 1] = values[to + 2] = np.nan
    if smooth.ready(state, middle, length):
        values[to + 1] = state[middle + 1]
    if found < 0.0:
        return 1.0
    smooth.exponential(state, width, length, found, 0.0)
    if smooth.ready(state, width, length):
        values[to] = state[middle + 1] - factor * state[width + 1]
        values[to + 2] = state[middle + 1] + factor * state[width + 1]
    return float(state[width + 2])


INDICATOR: Final = Indicator("keltner", step, lambda _length, _b, _c: spread.WIDTH + 2 * smooth.WIDTH)
