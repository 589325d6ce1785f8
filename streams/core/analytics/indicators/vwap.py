"""Volume-weighted average price since the start of the session.

Formula: ``sum(notional) / sum(volume)`` over the bars of the trade date so far, where a bar without a
notional counts ``(high + low + close) / 3 * volume``.
Seed: none; it begins anew with each trade date.
Warm-up: none; no value while the volume is 0.
Unseen history: none once the session began under our eyes: with its first slot, or with any bar after one of
an earlier trade date; until then all of it (1).
State: 32 bytes.
Source: the market's own definition; pandas-ta-classic ``vwap(anchor="D")`` is the form without notional.
"""

from typing import Final

import numpy as np

from schemas.jit import kernel
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row, Rows

STATE: Final = np.dtype(
    [
        ("session_date", "<i8"),
        ("notional", "<f8"),
        ("volume", "<f8"),
        ("seen", "<i8"),  # 0 before the first bar, 1 since the middle of a session, 2 since its start
    ]
)


@kernel
def _anchor(state: Row, session_date: int, starts: int) -> None:
    if state["seen"] > 0 and state["session_date"] == session_date:
        return
    state["seen"] = 2 if starts or state["seen"] > 0 else 1
    state["session_date"] = session_date
    state["notional"] = 0.0
    state["volume"] = 0.0


@kernel
def advance(
    states: Rows, bars: Rows, first: int, end: int, _length: int, values: Floats, unseen: Floats
) -> None:
    """Move on by bars; see ``Advance``."""
    for i in range(first, end):
        states[i + 1] = states[i]
        values[i], unseen[i] = np.nan, 1.0
        bar = bars[i]
        if bar["revision"] < 0:
            continue
        state, notional = states[i + 1], bar["notional"]
        _anchor(state, bar["session_date"], bar["starts"])
        if np.isnan(notional):
            notional = (bar["high"] + bar["low"] + bar["close"]) / 3.0 * bar["volume"]
        state["notional"] += notional
        state["volume"] += bar["volume"]
        if state["volume"] > 0.0:
            values[i] = state["notional"] / state["volume"]
            unseen[i] = 0.0 if state["seen"] > 1 else 1.0


INDICATOR: Final = Indicator("vwap", STATE, advance, has_length=False)
