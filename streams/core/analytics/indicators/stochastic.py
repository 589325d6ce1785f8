"""Stochastic oscillator.

Formula: ``raw = 100 * (close - lowest) / (highest - lowest)`` of the last n bars, 0 where highest is lowest;
``k`` is the simple mean of the last ``smooth`` raw values, ``d`` that of the last ``signal`` values of k.
Seed: none.
Warm-up: n + smooth - 1 bars, for d another signal - 1.
Unseen history: none once d is ready.
State: 64 + 16 n + 8 smooth + 8 signal bytes.
Source: TA-Lib ``STOCH``, pandas-ta-classic ``stoch``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.indicators import ring
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row


@inlined
def _raw(state: Floats, at: int, lows: int, length: int, close: float) -> float:
    low = ring.lowest(state, lows, length)
    width = ring.highest(state, at, length) - low
    return float(100.0 * (close - low) / width) if width > 0.0 else 0.0


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, smooth: int, signal: int, _factor: float, values: Floats,
    to: int,
) -> float:  # fmt: skip
    """Move on by a bar; see ``Step``."""
    lows = at + ring.HEAD + length
    raws = lows + ring.HEAD + length
    means = raws + ring.HEAD + smooth
    ring.push(state, at, length, bar["high"])
    ring.push(state, lows, length, bar["low"])
    values[to] = values[to + 1] = np.nan
    if state[at] < length:
        return 1.0
    ring.push(state, raws, smooth, _raw(state, at, lows, length, bar["close"]))
    if state[raws] < smooth:
        return 1.0
    values[to] = ring.mean(state, raws, smooth)
    ring.push(state, means, signal, values[to])
    if state[means] < signal:
        return 1.0
    values[to + 1] = ring.mean(state, means, signal)
    return 0.0


INDICATOR: Final = Indicator(
    "stochastic", step, lambda length, smooth, signal: 4 * ring.HEAD + 2 * length + smooth + signal
)
