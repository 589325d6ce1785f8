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

from schemas.jit import inlined
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row

_SEEN: Final = 3  # 0 before the first bar, 1 since the middle of a session, 2 since its start


@inlined
def _anchor(state: Floats, at: int, session_date: int, starts: int) -> None:
    if state[at + _SEEN] > 0.0 and state[at] == session_date:
        return
    state[at + _SEEN] = 2.0 if starts or state[at + _SEEN] > 0.0 else 1.0
    state[at] = session_date
    state[at + 1] = 0.0
    state[at + 2] = 0.0


@inlined
def step(
    state: Floats, at: int, bar: Row, _a: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    notional, volume = bar["notional"], bar["volume"]
    _anchor(state, at, bar["session_date"], bar["starts"])
    if np.isnan(notional):
        notional = (bar["high"] + bar["low"] + bar["close"]) / 3.0 * volume
    state[at + 1] += notional
    state[at + 2] += volume
    values[to] = state[at + 1] / state[at + 2] if state[at + 2] > 0.0 else np.nan
    return 0.0 if state[at + _SEEN] > 1.0 else 1.0


INDICATOR: Final = Indicator("vwap", step, lambda _a, _b, _c: _SEEN + 1)
