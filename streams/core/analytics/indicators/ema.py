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

from schemas.jit import kernel
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Rows

STATE: Final = np.dtype(
    [
        ("count", "<i8"),
        ("value", "<f8"),  # sum of the closes while warming up
        ("unseen", "<f8"),
    ]
)


@kernel
def advance(
    states: Rows, bars: Rows, first: int, end: int, length: int, values: Floats, unseen: Floats
) -> None:
    """Move on by bars; see ``Advance``."""
    alpha = 2.0 / (length + 1)
    for i in range(first, end):
        states[i + 1] = states[i]
        values[i], unseen[i] = np.nan, 1.0
        if bars[i]["revision"] < 0:
            continue
        state, close = states[i + 1], bars[i]["close"]
        state["count"] += 1
        if state["count"] < length:
            state["value"] += close
            continue
        if state["count"] == length:
            state["value"] = (state["value"] + close) / length
            state["unseen"] = 1.0
        else:
            state["value"] = alpha * close + (1.0 - alpha) * state["value"]
            state["unseen"] *= 1.0 - alpha
        values[i], unseen[i] = state["value"], state["unseen"]


INDICATOR: Final = Indicator("ema", STATE, advance, has_length=True)
