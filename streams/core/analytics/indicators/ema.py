"""Exponential moving average of the close.

Formula: ``ema = alpha * close + (1 - alpha) * ema`` with ``alpha = 2 / (n + 1)``.
Seed: the simple mean of the first n closes.
Warm-up: n bars.
Unseen history: the weight of the seed, ``(1 - alpha) ** (bars - n)``.
State: 24 bytes.
Source: TA-Lib ``EMA``, pandas-ta-classic ``ema(sma=True)``.
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
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    smooth.exponential(state, at, length, bar["close"], 0.0)
    values[to] = state[at + 1] if smooth.ready(state, at, length) else np.nan
    return float(state[at + 2])


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
    own, first, weight = row(at), row(to), row(to + 1)
    for number in range(LANES):
        i = U(number)
        lane.exponential(state, own + i, bars[STATE + i] > 0.0, length, bars[CLOSE + i], 0.0)
        out[first + i] = state[own + ROW + i] if state[own + i] >= length else np.nan
        out[weight + i] = state[own + ROW_2 + i]


INDICATOR: Final = Indicator("ema", step, lambda _length, _b, _c: smooth.WIDTH)
