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

from schemas.jit import inlined
from streams.core.analytics.indicators import smooth, spread
from streams.core.analytics.indicators.indicator import Indicator
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


INDICATOR: Final = Indicator("atr", step, lambda _length, _b, _c: spread.WIDTH + smooth.WIDTH)
