"""Relative strength index of the close, by Wilder.

Formula: ``100 * gain / (gain + loss)``, where gain and loss are means of the rises and of the falls from bar
to bar, smoothed by ``mean = (mean * (n - 1) + change) / n``.
Seed: the simple means of the first n changes.
Warm-up: n + 1 bars; no value while there was neither a rise nor a fall (pandas-ta-classic: NaN, TA-Lib: 0).
Unseen history: the weight of the seed, ``(1 - 1 / n) ** (changes - n)``.
State: 64 bytes.
Source: TA-Lib ``RSI``, pandas-ta-classic ``rsi``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.indicators import smooth
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row

_HEAD: Final = 2  # count and close before


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    gain, loss = at + _HEAD, at + _HEAD + smooth.WIDTH
    change = bar["close"] - state[at + 1]
    state[at] += 1.0
    state[at + 1] = bar["close"]
    values[to] = np.nan
    if state[at] == 1.0:
        return 1.0
    smooth.wilder(state, gain, length, max(change, 0.0), 0.0)
    smooth.wilder(state, loss, length, max(-change, 0.0), 0.0)
    total = state[gain + 1] + state[loss + 1]
    if smooth.ready(state, gain, length) and total > 0.0:
        values[to] = 100.0 * state[gain + 1] / total
    return float(state[gain + 2])


INDICATOR: Final = Indicator("rsi", step, lambda _length, _b, _c: _HEAD + 2 * smooth.WIDTH)
