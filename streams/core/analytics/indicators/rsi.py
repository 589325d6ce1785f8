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

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators import lane, smooth
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.lane import CLOSE, LANES, ROW, ROW_2, STATE, U, row
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
    gain, loss = row(at + _HEAD), row(at + _HEAD + smooth.WIDTH)
    for number in range(LANES):
        i = U(number)
        there, close, before = bars[STATE + i] > 0.0, bars[CLOSE + i], state[own + ROW + i]
        change, begun = close - before, lane.count(state, own + i, there) > 1.0
        state[own + ROW + i] = close if there else before
        lane.wilder(state, gain + i, there & begun, length, lane.larger(change, 0.0), 0.0)
        lane.wilder(state, loss + i, there & begun, length, lane.larger(-change, 0.0), 0.0)
        total = state[gain + ROW + i] + state[loss + ROW + i]
        moved = total > 0.0
        value = 100.0 * state[gain + ROW + i] / (total if moved else 1.0)
        out[first + i] = value if moved & (state[gain + i] >= length) else np.nan
        out[weight + i] = state[gain + ROW_2 + i] if begun else 1.0


INDICATOR: Final = Indicator("rsi", step, lambda _length, _b, _c: _HEAD + 2 * smooth.WIDTH)
