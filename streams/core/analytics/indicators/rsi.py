"""Relative strength index of the close, by Wilder.

Formula: ``100 * gain / (gain + loss)``, where gain and loss are means of the rises and of the falls from bar
to bar, smoothed by ``mean = (mean * (n - 1) + change) / n``.
Seed: the simple means of the first n changes.
Warm-up: n + 1 bars; no value while there was neither a rise nor a fall (pandas-ta-classic: NaN, TA-Lib: 0).
Unseen history: the weight of the seed, ``(1 - 1 / n) ** (changes - n)``.
State: 40 bytes.
Source: TA-Lib ``RSI``, pandas-ta-classic ``rsi``.
"""

from typing import Final

import numpy as np

from schemas.jit import kernel
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row, Rows

STATE: Final = np.dtype(
    [
        ("count", "<i8"),
        ("close", "<f8"),
        ("gain", "<f8"),  # sum of the rises while warming up
        ("loss", "<f8"),
        ("unseen", "<f8"),
    ]
)


@kernel
def _smooth(state: Row, change: float, length: int) -> None:
    gain, loss = max(change, 0.0), max(-change, 0.0)
    changes = state["count"] - 1
    if changes <= length:
        state["gain"] += gain
        state["loss"] += loss
        if changes == length:
            state["gain"] /= length
            state["loss"] /= length
            state["unseen"] = 1.0
        return
    state["gain"] = (state["gain"] * (length - 1) + gain) / length
    state["loss"] = (state["loss"] * (length - 1) + loss) / length
    state["unseen"] *= 1.0 - 1.0 / length


@kernel
def advance(
    states: Rows, bars: Rows, first: int, end: int, length: int, values: Floats, unseen: Floats
) -> None:
    """Move on by bars; see ``Advance``."""
    for i in range(first, end):
        states[i + 1] = states[i]
        values[i], unseen[i] = np.nan, 1.0
        if bars[i]["revision"] < 0:
            continue
        state, close = states[i + 1], bars[i]["close"]
        state["count"] += 1
        if state["count"] > 1:
            _smooth(state, close - state["close"], length)
        state["close"] = close
        total = state["gain"] + state["loss"]
        if state["count"] > length and total > 0.0:
            values[i], unseen[i] = 100.0 * state["gain"] / total, state["unseen"]


INDICATOR: Final = Indicator("rsi", STATE, advance, has_length=True)
