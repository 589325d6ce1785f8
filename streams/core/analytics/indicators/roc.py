"""Rate of change of the close, in percent.

Formula: ``100 * (close - before) / before``, where before is the close n bars before; no value while it is 0.
Seed: none.
Warm-up: n + 1 bars.
Unseen history: none once n + 1 bars were seen.
State: 16 + 8 n bytes.
Source: TA-Lib ``ROC``, pandas-ta-classic ``roc``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.indicators import ring
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    before = ring.push(state, at, length, bar["close"])
    if state[at] <= length or before == 0.0:
        values[to] = np.nan
        return 1.0
    values[to] = 100.0 * (bar["close"] - before) / before
    return 0.0


INDICATOR: Final = Indicator("roc", step, lambda length, _b, _c: ring.HEAD + length)
