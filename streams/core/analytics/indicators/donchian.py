"""Donchian channel.

Formula: ``lower`` is the lowest low and ``upper`` the highest high of the last n bars, ``middle`` their mean.
Seed: none.
Warm-up: n bars.
Unseen history: none once n bars were seen.
State: 32 + 16 n bytes.
Source: TA-Lib ``DONCHIAN``, pandas-ta-classic ``donchian``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.indicators import ring
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    lows = at + ring.HEAD + length
    ring.push(state, at, length, bar["high"])
    ring.push(state, lows, length, bar["low"])
    if state[at] < length:
        values[to] = values[to + 1] = values[to + 2] = np.nan
        return 1.0
    low, high = ring.lowest(state, lows, length), ring.highest(state, at, length)
    values[to], values[to + 1], values[to + 2] = low, 0.5 * (low + high), high
    return 0.0


INDICATOR: Final = Indicator("donchian", step, lambda length, _b, _c: 2 * (ring.HEAD + length))
