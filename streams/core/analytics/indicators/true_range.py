"""True range.

Formula: the largest of ``high - low``, ``|high - close before|`` and ``|low - close before|``.
Seed: none.
Warm-up: 2 bars: the first has no close before it.
Unseen history: none once 2 bars were seen.
State: 16 bytes.
Source: TA-Lib ``TRANGE``, pandas-ta-classic ``true_range``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.indicators import spread
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, _a: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    found = spread.true_range(state, at, bar)
    values[to] = found if found >= 0.0 else np.nan
    return 0.0 if found >= 0.0 else 1.0


INDICATOR: Final = Indicator("true_range", step, lambda _a, _b, _c: spread.WIDTH)
