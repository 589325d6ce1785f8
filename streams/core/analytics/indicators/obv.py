"""On-balance volume.

Formula: the sum of the volumes of bars that close higher than the one before, less those that close lower.
Seed: the volume of the first bar.
Warm-up: none.
Unseen history: all of it, always (1): the level depends on where the sum began, its changes do not.
State: 24 bytes.
Source: TA-Lib ``OBV``, pandas-ta-classic ``obv``.
"""

from typing import Final

from schemas.jit import inlined
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row


@inlined
def step(
    state: Floats, at: int, bar: Row, _a: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    close, before = bar["close"], state[at + 1]
    if state[at] == 0.0 or close > before:
        state[at + 2] += bar["volume"]
    elif close < before:
        state[at + 2] -= bar["volume"]
    state[at] += 1.0
    state[at + 1] = close
    values[to] = state[at + 2]
    return 1.0


INDICATOR: Final = Indicator("obv", step, lambda _a, _b, _c: 3)
