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

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators import lane, smooth
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.lane import CLOSE, LANES, ROW, ROW_2, STATE, U, row
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


@lanewise
def across(
    state: Floats,
    at: int,
    bars: Floats,
    one: int,
    two: int,
    signal: int,
    _factor: float,
    out: Floats,
    to: int,
    _sums: Floats,
) -> None:
    """Move all lanes on by their bars; see ``Across``."""
    fast, slow = min(one, two), max(one, two)
    own, second, third = row(at), row(at + smooth.WIDTH), row(at + 2 * smooth.WIDTH)
    first, line, histogram, weight = row(to), row(to + 1), row(to + 2), row(to + 3)
    for number in range(LANES):
        i = U(number)
        there, close = bars[STATE + i] > 0.0, bars[CLOSE + i]
        lane.exponential(state, own + i, there, fast, close, 0.0)
        lane.exponential(state, second + i, there, slow, close, 0.0)
        out[first + i] = state[own + ROW + i] - state[second + ROW + i]
    for number in range(LANES):
        i = U(number)
        begun, seen, value = state[second + i] >= slow, state[second + ROW_2 + i], out[first + i]
        lane.exponential(state, third + i, (bars[STATE + i] > 0.0) & begun, signal, value, seen)
        smoothed, ready = state[third + ROW + i], begun & (state[third + i] >= signal)
        out[first + i] = value if begun else np.nan
        out[line + i] = smoothed if ready else np.nan
        out[histogram + i] = value - smoothed if ready else np.nan
        out[weight + i] = lane.larger(seen, state[third + ROW_2 + i]) if begun else 1.0


INDICATOR: Final = Indicator("macd", step, lambda _one, _two, _signal: 3 * smooth.WIDTH)
