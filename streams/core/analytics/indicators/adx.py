"""Average directional movement index, by Wilder, with both directional indicators.

Formula: ``up`` and ``down`` are the rise of the high and the fall of the low, each where it is the larger one
and positive. They and the true range are smoothed by ``sum = sum - sum / n + new``; ``plus`` and ``minus``
are 100 times their quotients. ``100 * |plus - minus| / (plus + minus)``, smoothed by
``adx = (adx * (n - 1) + new) / n``, is the index.
Seed: the sums of the first n - 1 of each; of the index the mean of its first n.
Warm-up: n + 1 bars for plus and minus, 2 n for the index; while nothing has moved they are 0 and there is no
index.
Unseen history: the weight of the seeds, ``(1 - 1 / n) ** bars``, carried through the index.
State: 88 bytes.
Source: TA-Lib ``ADX``, ``PLUS_DI`` and ``MINUS_DI``, pandas-ta-classic ``adx``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined
from streams.core.analytics.indicators import smooth, spread
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.rows import Floats, Row

_HIGH: Final = spread.WIDTH
_LOW: Final = _HIGH + 1
_PLUS: Final = _LOW + 1
_MINUS: Final = _PLUS + 1
_RANGE: Final = _MINUS + 1
_WEIGHT: Final = _RANGE + 1
_INDEX: Final = _WEIGHT + 1


@inlined
def _add(state: Floats, place: int, value: float, length: int, seeded: bool) -> None:
    if seeded:
        state[place] -= state[place] / length
    state[place] += value


@inlined
def _move(state: Floats, at: int, bar: Row, found: float, length: int) -> None:
    """Take in the movement of a bar that is not the first; ``state[at]`` counts it already."""
    up, down = bar["high"] - state[at + _HIGH], state[at + _LOW] - bar["low"]
    seeded = state[at] > length
    _add(state, at + _PLUS, up if up > down and up > 0.0 else 0.0, length, seeded)
    _add(state, at + _MINUS, down if down > up and down > 0.0 else 0.0, length, seeded)
    _add(state, at + _RANGE, found, length, seeded)
    state[at + _WEIGHT] = state[at + _WEIGHT] * (1.0 - 1.0 / length) if seeded else 1.0


@inlined
def step(
    state: Floats, at: int, bar: Row, length: int, _b: int, _c: int, _factor: float, values: Floats, to: int
) -> float:
    """Move on by a bar; see ``Step``."""
    found = spread.true_range(state, at, bar)
    if found >= 0.0:
        _move(state, at, bar, found, length)
    state[at + _HIGH], state[at + _LOW] = bar["high"], bar["low"]
    values[to] = values[to + 1] = values[to + 2] = np.nan
    if state[at] <= length:
        return 1.0
    scale = 100.0 / state[at + _RANGE] if state[at + _RANGE] > 0.0 else 0.0
    plus, minus = scale * state[at + _PLUS], scale * state[at + _MINUS]
    values[to + 1], values[to + 2] = plus, minus
    if plus + minus <= 0.0:
        return 1.0
    index = at + _INDEX
    smooth.wilder(state, index, length, 100.0 * abs(plus - minus) / (plus + minus), state[at + _WEIGHT])
    if smooth.ready(state, index, length):
        values[to] = state[index + 1]
    return float(state[index + 2])


INDICATOR: Final = Indicator("adx", step, lambda _length, _b, _c: _INDEX + smooth.WIDTH)
