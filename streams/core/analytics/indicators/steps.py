"""All indicators of one interval in one compiled pass over its bars.

A program is a row for each indicator: its number among ``ORDER``, where its state and its values begin, and
its parameters.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.jit import inlined, kernel
from streams.core.analytics.indicators import (
    adx,
    atr,
    bollinger,
    deviation,
    donchian,
    ema,
    keltner,
    macd,
    momentum,
    obv,
    roc,
    rsi,
    sma,
    stochastic,
    true_range,
    volume_average,
    vwap,
)
from streams.core.analytics.rows import Floats, Row, Rows

Codes: TypeAlias = NDArray[np.void]

PROGRAM: Final = np.dtype(
    [
        ("kind", "<i8"),  # number among ORDER
        ("state", "<i8"),
        ("width", "<i8"),  # numbers of its state
        ("value", "<i8"),
        ("values", "<i8"),  # how many
        ("first", "<i8"),
        ("second", "<i8"),
        ("third", "<i8"),
        ("factor", "<f8"),
    ]
)
"""One indicator of a program."""

STRIDE: Final = 32
"""So many places lie between two states that are kept."""

ORDER: Final = (
    ema, rsi, sma, bollinger, atr, vwap, volume_average, macd, momentum, roc, true_range, deviation,
    stochastic, adx, obv, donchian, keltner,
)  # fmt: skip
"""Their modules by the numbers that a program knows them by."""

(
    EMA, RSI, SMA, BOLLINGER, ATR, VWAP, VOLUME_AVERAGE, MACD, MOMENTUM, ROC, TRUE_RANGE, DEVIATION,
    STOCHASTIC, ADX, OBV, DONCHIAN, KELTNER,
) = range(len(ORDER))  # fmt: skip

_WINDOWED: Final = (SMA, BOLLINGER, VOLUME_AVERAGE, MOMENTUM, ROC, DEVIATION, STOCHASTIC, DONCHIAN)


@inlined
def _windows(code: Row, state: Floats, at: int, bar: Row, values: Floats, to: int) -> float:
    """Those that look at the last n bars."""
    kind, a, b, c, factor = code["kind"], code["first"], code["second"], code["third"], code["factor"]
    if kind == SMA:
        weight = sma.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == BOLLINGER:
        weight = bollinger.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == VOLUME_AVERAGE:
        weight = volume_average.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == MOMENTUM:
        weight = momentum.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == ROC:
        weight = roc.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == DEVIATION:
        weight = deviation.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == STOCHASTIC:
        weight = stochastic.step(state, at, bar, a, b, c, factor, values, to)
    else:
        weight = donchian.step(state, at, bar, a, b, c, factor, values, to)
    return weight


@inlined
def _recursive(code: Row, state: Floats, at: int, bar: Row, values: Floats, to: int) -> float:
    """Those that build on their last value."""
    kind, a, b, c, factor = code["kind"], code["first"], code["second"], code["third"], code["factor"]
    if kind == EMA:
        weight = ema.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == RSI:
        weight = rsi.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == ATR:
        weight = atr.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == VWAP:
        weight = vwap.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == MACD:
        weight = macd.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == TRUE_RANGE:
        weight = true_range.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == ADX:
        weight = adx.step(state, at, bar, a, b, c, factor, values, to)
    elif kind == OBV:
        weight = obv.step(state, at, bar, a, b, c, factor, values, to)
    else:
        weight = keltner.step(state, at, bar, a, b, c, factor, values, to)
    return weight


@inlined
def step_of(code: Row, state: Floats, at: int, bar: Row, values: Floats, to: int) -> float:
    """One indicator, moved on by one bar; see ``Step``."""
    kind = code["kind"]
    if kind in _WINDOWED:
        return _windows(code, state, at, bar, values, to)
    return _recursive(code, state, at, bar, values, to)


@inlined
def run_one(
    program: Codes, state: Floats, at: int, bar: Row, values: Floats, unseen: Floats, to: int
) -> None:
    """Every indicator of a program, moved on by one bar."""
    for number in range(len(program)):
        code = program[number]
        first = to + code["value"]
        weight = step_of(code, state, at + code["state"], bar, values, first)
        for place in range(first, first + code["values"]):
            unseen[place] = weight


@kernel
def run_along(
    program: Codes, state: Floats, kept: Floats, bars: Rows, first: int, end: int, values: Floats,
    unseen: Floats, outputs: int,
) -> None:  # fmt: skip
    """Move one state on along bars.

    Args:
        program: PROGRAM[n].
        state: float64[width], before the bar at ``first``; it becomes that before ``end``.
        kept: float64[places / STRIDE * width], receives the states before every STRIDE-th place on the way.
        bars: BAR[places]; one with a revision below 0 is not there.
        first: first place.
        end: place after the last.
        values: float64[places * outputs], NaN while not ready.
        unseen: float64[places * outputs], weight of bars before the first one seen.
        outputs: values of a bar.
    """
    width = len(state)
    for i in range(first, end):
        if i % STRIDE == 0:
            kept[i // STRIDE * width : (i // STRIDE + 1) * width] = state
        if bars[i]["revision"] < 0:
            values[i * outputs : (i + 1) * outputs] = np.nan
            unseen[i * outputs : (i + 1) * outputs] = 1.0
            continue
        run_one(program, state, 0, bars[i], values, unseen, i * outputs)
