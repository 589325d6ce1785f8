"""Moving average convergence and divergence of the close.

Formula: the EMA of ``fast`` bars less that of ``slow`` bars; ``signal`` is the EMA of that over its own n
values, ``histogram`` the difference. Where slow is below fast, the two change places.
Seed: each EMA at its own, the mean of its first n.
Warm-up: slow bars, for signal and histogram slow + signal - 1.
Unseen history: the weight of the slow seed, carried through the signal.
State: 72 bytes.
Source: pandas-ta-classic ``macd``; TA-Lib ``MACD`` seeds the fast EMA later, so its first values differ.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.indicators import smooth
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, one: int, two: int, signal: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    fast, slow = min(one, two), max(one, two)
    second, third = at + smooth.WIDTH, at + 2 * smooth.WIDTH
    smooth.exponential(state, at, fast, bar["close"], 0.0)
    smooth.exponential(state, second, slow, bar["close"], 0.0)
    values[to] = values[to + 1] = values[to + 2] = np.nan
    if not smooth.ready(state, second, slow):
        return 1.0
    values[to] = state[at + 1] - state[second + 1]
    smooth.exponential(state, third, signal, values[to], state[second + 2])
    if smooth.ready(state, third, signal):
        values[to + 1] = state[third + 1]
        values[to + 2] = values[to] - state[third + 1]
    return float(max(state[second + 2], state[third + 2]))


INDICATOR: Final = Indicator("macd", step, lambda _one, _two, _signal: 3 * smooth.WIDTH)
