"""Simple moving average of the close.

Formula: the mean of the last n closes.
Seed: none.
Warm-up: n bars.
Unseen history: none once n bars were seen.
State: 48 + 8 n bytes.
Source: TA-Lib ``SMA``, pandas-ta-classic ``sma``.
"""

from typing import Final

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators import mean
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.lane import CLOSE
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    return mean.step(state, at, length, bar["close"], values, to)


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
    mean.across(state, at, length, bars, CLOSE, out, to, sums)


INDICATOR: Final = Indicator("sma", step, mean.width)
