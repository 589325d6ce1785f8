"""Simple moving average of the volume.

Formula: the mean of the last n volumes; flat bars count with their 0.
Seed: none.
Warm-up: n bars.
Unseen history: none once n bars were seen.
State: 48 + 8 n bytes.
Source: TA-Lib ``SMA`` and pandas-ta-classic ``sma`` of the volume.
"""

from typing import Final

from schemas.jit import inlined, lanewise
from streams.core.analytics.indicators import mean
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.lane import VOLUME
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    return mean.step(state, at, length, bar["volume"], values, to)


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
    mean.across(state, at, length, bars, VOLUME, out, to, sums)


INDICATOR: Final = Indicator("volume_average", step, mean.width)
