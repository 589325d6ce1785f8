"""Volume-weighted average price since the start of the session.

Formula: ``sum(notional) / sum(volume)`` over the bars of the trade date so far, where a bar without a
notional counts ``(high + low + close) / 3 * volume``.
Seed: none; it begins anew with each trade date.
Warm-up: none; no value while the volume is 0.
Unseen history: none once the session began under our eyes: with its first slot, or with any bar after one of
an earlier trade date; until then all of it (1).
State: 32 bytes.
Source: the market's own definition; pandas-ta-classic ``vwap(anchor="D")`` is the form without notional,
TA-Lib ``VWAP`` that over all bars.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.lane import (
    CLOSE,
    DATE,
    HIGH,
    LANES,
    LOW,
    NOTIONAL,
    ROW,
    ROW_2,
    ROW_3,
    STARTS,
    STATE,
    VOLUME,
    U,
    row,
)
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


@lanewise
def across(
    state: Floats,
    at: int,
    bars: Floats,
    _a: int,
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
        there, date, volume = bars[STATE + i] > 0.0, bars[DATE + i], bars[VOLUME + i]
        day, money, traded, seen = (
            state[own + i], state[own + ROW + i], state[own + ROW_2 + i], state[own + ROW_3 + i]
        )  # fmt: skip
        goes_on = (seen > 0.0) & (day == date)
        typical = (bars[HIGH + i] + bars[LOW + i] + bars[CLOSE + i]) / 3.0 * volume
        notional = bars[NOTIONAL + i] if bars[NOTIONAL + i] == bars[NOTIONAL + i] else typical
        spent, sold = (money if goes_on else 0.0) + notional, (traded if goes_on else 0.0) + volume
        begun = 2.0 if (bars[STARTS + i] > 0.0) | (seen > 0.0) else 1.0
        state[own + i] = date if there else day
        state[own + ROW + i] = spent if there else money
        state[own + ROW_2 + i] = sold if there else traded
        state[own + ROW_3 + i] = (seen if goes_on else begun) if there else seen
        out[first + i] = spent / (sold if sold > 0.0 else 1.0) if sold > 0.0 else np.nan
        out[weight + i] = 0.0 if state[own + ROW_3 + i] > 1.0 else 1.0


INDICATOR: Final = Indicator("vwap", step, lambda _a, _b, _c: _SEEN + 1)
