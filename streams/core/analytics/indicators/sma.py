"""Simple moving average of the close.

Formula: the mean of the last n closes.
Seed: none.
Warm-up: n bars.
Unseen history: none once n bars were seen.
State: 16 + 8 n bytes.
Source: TA-Lib ``SMA``, pandas-ta-classic ``sma``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators import lane, ring
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.lane import CLOSE, LANES, U, row
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    ring.push(state, at, length, bar["close"])
    if state[at] < length:
        values[to] = np.nan
        return 1.0
    values[to] = ring.mean(state, at, length)
    return 0.0


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
    sums: Floats,
) -> None:
    """Move all lanes on by their bars; see ``Across``."""
    own, first, weight = row(at), row(to), row(to + 1)
    lane.push(state, at, length, bars, CLOSE, sums)
    lane.mean(state, at, length, sums, out, first)
    for number in range(LANES):
        i = U(number)
        full = state[own + i] >= length
        out[first + i] = out[first + i] if full else np.nan
        out[weight + i] = 0.0 if full else 1.0


INDICATOR: Final = Indicator("sma", step, lambda length, _b, _c: ring.HEAD + length)
