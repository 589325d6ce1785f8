"""All indicators of one interval, moved on by one bar of many symbols side by side.

The kinds that nearly everybody asks for do all lanes of a block at once (``lane``); the others go through
them one by one, with the kernel that moves one symbol along. Either way gives the bits of ``steps``.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined, kernel, lanewise
from streams.core.analytics.indicators import (
    atr,
    bollinger,
    ema,
    macd,
    momentum,
    rsi,
    sma,
    volume_average,
    vwap,
)
from streams.core.analytics.indicators.lane import ABSENT, EMPTY, INPUTS, LANES, THERE
from streams.core.analytics.indicators.steps import (
    ATR,
    BOLLINGER,
    EMA,
    MACD,
    MOMENTUM,
    RSI,
    SMA,
    STRIDE,
    VOLUME_AVERAGE,
    VWAP,
    Codes,
    step_of,
)
from streams.core.analytics.rows import Bools, Floats, Ints, Row, Rows

FEW: Final = 8
"""Fewer symbols of a block than this are moved on one by one: that is quicker."""

_SUMS: Final = INPUTS * LANES


def room_for(codes: Codes, outputs: int, blocks: int) -> tuple[Floats, Floats]:
    """The last two of what ``run_across`` takes."""
    return np.zeros((blocks, (outputs + len(codes)) * LANES)), np.zeros(_SUMS + 4 * LANES)


@lanewise
def _recursive(code: Row, state: Floats, at: int, bars: Floats, out: Floats, to: int, sums: Floats) -> bool:
    kind, a, b, c, factor = code["kind"], code["first"], code["second"], code["third"], code["factor"]
    if kind == EMA:
        ema.across(state, at, bars, a, b, c, factor, out, to, sums)
    elif kind == RSI:
        rsi.across(state, at, bars, a, b, c, factor, out, to, sums)
    elif kind == ATR:
        atr.across(state, at, bars, a, b, c, factor, out, to, sums)
    elif kind == VWAP:
        vwap.across(state, at, bars, a, b, c, factor, out, to, sums)
    elif kind == MACD:
        macd.across(state, at, bars, a, b, c, factor, out, to, sums)
    else:
        return False
    return True


@lanewise
def _windows(code: Row, state: Floats, at: int, bars: Floats, out: Floats, to: int, sums: Floats) -> bool:
    kind, a, b, c, factor = code["kind"], code["first"], code["second"], code["third"], code["factor"]
    if kind == SMA:
        sma.across(state, at, bars, a, b, c, factor, out, to, sums)
    elif kind == BOLLINGER:
        bollinger.across(state, at, bars, a, b, c, factor, out, to, sums)
    elif kind == VOLUME_AVERAGE:
        volume_average.across(state, at, bars, a, b, c, factor, out, to, sums)
    elif kind == MOMENTUM:
        momentum.across(state, at, bars, a, b, c, factor, out, to, sums)
    else:
        return False
    return True


@inlined
def _gather(bar: Row, bars: Floats, lane: int) -> None:
    """Take up the bar of a lane."""
    bars[lane] = THERE
    bars[LANES + lane], bars[2 * LANES + lane] = bar["high"], bar["low"]
    bars[3 * LANES + lane], bars[4 * LANES + lane] = bar["close"], bar["volume"]
    bars[5 * LANES + lane], bars[6 * LANES + lane] = bar["notional"], bar["session_date"]
    bars[7 * LANES + lane] = bar["starts"]


@inlined
def _alone(code: Row, state: Floats, bar: Row, out: Floats, to: int) -> None:
    """Move one symbol on by one indicator; its results stand as ``across`` leaves them.

    Args:
        code: PROGRAM.
        state: of its lane alone, every LANES-th number of those of the block.
        bar: BAR.
        out: receives, of its lane alone.
        to: where, in that.
    """
    out[to + code["values"]] = step_of(code, state, code["state"], bar, out, to)


@kernel
def _block(
    codes: Codes, state: Floats, bars: Rows, lanes: Ints, places: Ints, taken: Bools, out: Floats,
    room: Floats,
) -> None:  # fmt: skip
    """Move symbols of one block on."""
    inputs, sums = room[:_SUMS], room[_SUMS:]
    together = len(lanes) >= FEW
    if together:
        for lane in range(LANES):
            inputs[lane] = ABSENT if taken[lane] else EMPTY
        for i in range(len(lanes)):
            _gather(bars[lanes[i], places[i]], inputs, lanes[i] % LANES)
    for number in range(len(codes)):
        code = codes[number]
        to = code["value"] + number
        if together and _recursive(code, state, code["state"], inputs, out, to, sums):
            continue
        if together and _windows(code, state, code["state"], inputs, out, to, sums):
            continue
        for i in range(len(lanes)):
            lane = lanes[i] % LANES
            _alone(code, state[lane::LANES], bars[lanes[i], places[i]], out[lane::LANES], to)


@kernel
def run_across(
    codes: Codes, states: Floats, bars: Rows, lanes: Ints, places: Ints, taken: Bools, out: Floats,
    room: Floats,
) -> None:  # fmt: skip
    """Move the states of many symbols on by one bar each.

    Args:
        codes: PROGRAM[n].
        states: float64[blocks, width * LANES].
        bars: BAR[symbols, places]; a symbol is a lane of a block.
        lanes: int64[n], the symbols, ascending.
        places: int64[n], the place of the bar of each.
        taken: bool[symbols], which lanes have a symbol.
        out: float64[blocks, (values + n) * LANES], receives of each indicator its values, NaN while not
            ready, and the weight of bars before the first one seen.
        room: what it works in, bars and sums of a block; see ``room_for``.
    """
    first = 0
    while first < len(lanes):
        block, end = lanes[first] // LANES, first
        while end < len(lanes) and lanes[end] // LANES == block:
            end += 1
        _block(
            codes, states[block], bars, lanes[first:end], places[first:end],
            taken[block * LANES : (block + 1) * LANES], out[block], room,
        )  # fmt: skip
        first = end


@kernel
def keep_states(
    states: Floats, lanes: Ints, places: Ints, newest: Ints, number: int, begin: int, width: int,
    kept: Floats, at: int,
) -> None:  # fmt: skip
    """Keep the states before every STRIDE-th place on the way to a bar, whether a bar came there or not.

    Args:
        states: see ``run_across``, lanes and places as well.
        lanes: as above.
        places: as above.
        newest: int64[symbols, intervals], number of the bar before in its interval, -1 for none.
        number: of the interval.
        begin: place of the first bar of the interval.
        width: numbers of one state.
        kept: float64[symbols, ...], receives them.
        at: where those of the interval begin.
    """
    for i in range(len(lanes)):
        lane, state = lanes[i], states[lanes[i] // LANES]
        for stride in range(newest[lane, number] // STRIDE + 1, (places[i] - begin) // STRIDE + 1):
            for own in range(width):
                kept[lane, at + stride * width + own] = state[own * LANES + lane % LANES]


@kernel
def tell_values(
    codes: Codes, out: Floats, lanes: Ints, places: Ints, begin: int, outputs: int, at: int, values: Floats,
    unseen: Floats,
) -> None:  # fmt: skip
    """Give each symbol the values of its bar.

    Args:
        codes: PROGRAM[n].
        out: see ``run_across``, lanes and places as well.
        lanes: as above.
        places: as above.
        begin: place of the first bar of the interval.
        outputs: values of a bar.
        at: where the values of the interval begin.
        values: float64[symbols, ...], receives them.
        unseen: float64[symbols, ...], receives the weight beside each.
    """
    for i in range(len(lanes)):
        own, lane = out[lanes[i] // LANES], lanes[i] % LANES
        first = at + (places[i] - begin) * outputs
        for number in range(len(codes)):
            code = codes[number]
            to = code["value"] + number
            weight = own[(to + code["values"]) * LANES + lane]
            for place in range(code["values"]):
                values[lanes[i], first + code["value"] + place] = own[(to + place) * LANES + lane]
                unseen[lanes[i], first + code["value"] + place] = weight
