"""What a symbol has to be read now: its newest bars, their values, and how long they are fresh.

A value of the past is that of the newest bar closed by then: ``ema_20@1h`` at the 1m bar before is the one
that was newest when that bar closed.
"""

from typing import Final

import numpy as np

from schemas import flags
from schemas.jit import kernel
from streams.core.analytics.room import Room
from streams.core.analytics.rows import FLAT, HALT, NO_TRADES, NONE, NULL, REFETCHED, Floats, Ints, Row, Rows
from streams.core.analytics.scan.edges import AWAY
from streams.core.analytics.scan.meaning import FIELDS, QUALITY
from streams.core.analytics.scan.program import MOST_HOPS, Program
from streams.core.analytics.scan.tree import TRUTHS
from streams.core.analytics.state import SymbolState

NOW: Final = 2**62
"""An instant after all bars."""

_FLAGS: Final[dict[str, int]] = {
    name.lower(): bit for name, bit in vars(flags).items() if name.lower() in TRUTHS
}
_BAR_CODES: Final = {name: code for code, name in enumerate(FIELDS)}
_COMPLETE, _IS_FLAT, _IS_REFETCHED, _QUALITY, _VALUE, _FLAG = 100, 101, 102, 103, 104, 200
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _NOTIONAL, _TRADES, _COVERAGE, _EXPECTED, _ACTUAL, _FILLED = range(
    len(FIELDS)
)
_STATES: Final = {"complete": _COMPLETE, "flat": _IS_FLAT, "refetched": _IS_REFETCHED, QUALITY: _QUALITY}


class Reader:
    """Reads the columns of one program from symbols.

    Args:
        program: whose columns.
        names: names of the indicator values of each interval, in the order of its chain.
    """

    def __init__(self, program: Program, names: list[list[str]]) -> None:
        self._wants = np.zeros((len(program.columns), 2 + 2 * MOST_HOPS), np.int64)
        self._values: list[tuple[int, int, int]] = []
        for number, column in enumerate(program.columns):
            code = _code(column.name)
            if code == _VALUE:
                self._values.append((number, column.interval, names[column.interval].index(column.name)))
            hops = [part for hop in column.hops for part in hop]
            self._wants[number, : 2 + len(hops)] = (column.interval, code, *hops)
        self._places = np.zeros(len(program.columns), np.int64)

    def read(self, state: SymbolState, by: int, values: Floats, closes: Ints, expires: Ints) -> None:
        """Read the newest values closed by an instant.

        Args:
            state: the symbol.
            by: the instant, ns.
            values: float64[columns], overwritten; NaN where there is none.
            closes: int64[intervals + 1], receives the close of the newest bar of each interval.
            expires: int64[intervals + 1], receives until when it is fresh.
        """
        window = state.window
        _read(
            state.bars, state.reach, window.slot_of, window.begins, window.due_next, state.plan.expiry, by,
            self._wants, self._places, values, closes, expires,
        )  # fmt: skip
        for number, interval, row in self._values:
            place = self._places[number]
            values[number] = state.chains[interval].values[row, place] if place >= 0 else np.nan

    def read_many(self, room: Room, lanes: Ints, values: Floats, closes: Ints, expires: Ints) -> None:
        """``read`` the newest values of symbols of one room.

        Args:
            room: where they stand.
            lanes: int64[n], which of them.
            values: float64[n, columns], overwritten.
            closes: int64[n, intervals + 1], as well.
            expires: int64[n, intervals + 1], as well.
        """
        window, parts = room.window, room.parts
        found = [
            (number, parts[interval].first + row, len(parts[interval].program.names))
            for number, interval, row in self._values
        ]
        _read_many(
            room.bars, room.reach, room.expiry, lanes, window.slot_of, window.begins, window.due_next,
            self._wants, self._places, room.values, np.array(found, np.int64).reshape(-1, 3), values, closes,
            expires,
        )  # fmt: skip


def latest(state: SymbolState) -> int:
    """Close of the last minute of which it is known what became of it, AWAY where there is none."""
    place = _decided(state.bars, state.reach, NOW)
    close: int = state.bars["ts_close"][place] if place >= 0 else AWAY
    return close


def _code(name: str) -> int:
    if name in _FLAGS:
        return _FLAG + _FLAGS[name].bit_length() - 1
    return _STATES.get(name, _BAR_CODES.get(name, _VALUE))


@kernel
def _newest(bars: Rows, begin: int, end: int, by: int) -> int:
    """Last place of [begin, end) with a bar closed by an instant, NONE where there is none."""
    for place in range(end - 1, begin - 1, -1):
        if bars[place]["revision"] >= 0 and bars[place]["ts_close"] <= by:
            return place
    return NONE


@kernel
def _decided(bars: Rows, minutes: int, by: int) -> int:
    """Last minute closed by an instant of which it is known what became of it, NONE where there is none."""
    for place in range(minutes - 1, -1, -1):
        bar = bars[place]
        known = bar["revision"] >= 0 or bar["cause"] >= 0 or bar["unfilled"] == 1
        if known and bar["ts_close"] <= by:
            return place
    return NONE


@kernel
def _quality(bars: Rows, newest: int) -> float:
    """100 * (real + refetched + no_trades minutes) / expected minutes of the session up to a minute."""
    good, expected = 0, 0
    for place in range(newest, -1, -1):
        bar = bars[place]
        if bar["session_date"] != bars[newest]["session_date"]:
            break
        there = bar["revision"] >= 0 and bar["fill"] != FLAT
        decided = bar["revision"] >= 0 or bar["cause"] >= 0 or bar["unfilled"] == 1
        if there or (decided and bar["cause"] != HALT):
            expected += 1
        if there or bar["cause"] == NO_TRADES:
            good += 1
    return 100.0 * good / expected if expected else np.nan


@kernel
def _price(bar: Row, code: int) -> float:
    value = np.nan
    if code == _OPEN:
        value = bar["open"]
    elif code == _HIGH:
        value = bar["high"]
    elif code == _LOW:
        value = bar["low"]
    elif code == _CLOSE:
        value = bar["close"]
    elif code == _VOLUME:
        value = bar["volume"]
    elif code == _NOTIONAL:
        value = bar["notional"]
    elif bar["trades"] != NULL:
        value = 1.0 * bar["trades"]
    return value


@kernel
def _of_minute(bar: Row, code: int) -> float:
    """A minute is one expected minute, real or flat."""
    flat = bar["fill"] == FLAT
    value = 1.0
    if code == _ACTUAL:
        value = 0.0 if flat else 1.0
    elif code == _FILLED:
        value = 1.0 if flat else 0.0
    elif code == _COVERAGE:
        value = 0.0 if flat and bar["cause"] != NO_TRADES else 1.0
    return value


@kernel
def _of_derived(bar: Row, code: int) -> float:
    value = 1.0 if bar["actual"] + bar["filled"] == bar["expected"] else 0.0
    if code == _COVERAGE:
        value = bar["coverage"]
    elif code == _EXPECTED:
        value = 1.0 * bar["expected"]
    elif code == _ACTUAL:
        value = 1.0 * bar["actual"]
    elif code == _FILLED:
        value = 1.0 * bar["filled"]
    return value


@kernel
def _field(bar: Row, code: int, is_minute: bool) -> float:
    if code <= _TRADES:
        return _price(bar, code)
    if code >= _FLAG:
        return 1.0 if (bar["flags"] >> (code - _FLAG)) & 1 else 0.0
    if code == _IS_FLAT:
        return 1.0 if bar["fill"] == FLAT else 0.0
    if code == _IS_REFETCHED:
        return 1.0 if bar["fill"] == REFETCHED else 0.0
    return _of_minute(bar, code) if is_minute else _of_derived(bar, code)


@kernel
def _back(bars: Rows, begins: Ints, newest: Ints, want: Ints, by: int) -> int:
    """The instant that a column looks at: back by the bars of each hop; AWAY where there are not so many."""
    for hop in range(2, len(want), 2):
        interval, count = want[hop], want[hop + 1]
        if count == 0:
            break
        for number in range(count + 1):
            place = _newest(bars, begins[interval], newest[interval] + 1, by)
            if place < 0:
                return AWAY
            by = bars[place]["ts_close"] - (1 if number < count else 0)
    return by


@kernel
def _newest_of_all(bars: Rows, reach: int, slot_of: Ints, begins: Ints, by: int, newest: Ints) -> None:
    """Place of the newest bar of each interval; the last is that of the newest decided minute.

    No derived bar is there beyond that of the last minute of which anything is known.
    """
    last = len(newest) - 1
    newest[last] = _decided(bars, reach, by)
    newest[0] = _newest(bars, begins[0], newest[last] + 1, by)
    for interval in range(1, last):
        end = slot_of[interval, reach - 1] + 1 if reach > 0 else begins[interval]
        newest[interval] = _newest(bars, begins[interval], end, by)


@kernel
def _read(
    bars: Rows,
    reach: int,
    slot_of: Ints,
    begins: Ints,
    due_next: Ints,
    expiry: int,
    by: int,
    wants: Ints,
    places: Ints,
    values: Floats,
    closes: Ints,
    expires: Ints,
) -> None:
    """Read all columns but indicator values, for which ``places`` receives the place in their interval."""
    newest = np.empty(len(closes), np.int64)
    _newest_of_all(bars, reach, slot_of, begins, by, newest)
    for interval in range(len(closes)):
        place = newest[interval]
        closes[interval] = bars[place]["ts_close"] if place >= 0 else AWAY
        expires[interval] = due_next[place] + expiry if place >= 0 else AWAY
    for column in range(len(wants)):
        interval, code = wants[column, 0], wants[column, 1]
        values[column], places[column] = np.nan, NONE
        place = newest[interval]
        if wants[column, 3] > 0 and place >= 0:
            then = _back(bars, begins, newest, wants[column], by)
            if code == _QUALITY:
                place = _decided(bars, place + 1, then)
            else:
                place = _newest(bars, begins[interval], place + 1, then)
        if place < 0:
            continue
        if code == _VALUE:
            places[column] = place - begins[interval]
        elif code == _QUALITY:
            values[column] = _quality(bars, place)
        else:
            values[column] = _field(bars[place], code, interval == 0)


@kernel
def _read_many(
    bars: Rows, reach: Ints, expiry: Ints, lanes: Ints, slot_of: Ints, begins: Ints, due_next: Ints,
    wants: Ints, places: Ints, cells: Floats, found: Ints, values: Floats, closes: Ints, expires: Ints,
) -> None:  # fmt: skip
    """``_read`` of many symbols, with their indicator values: column, first cell, cells a place of each."""
    for i in range(len(lanes)):
        lane = lanes[i]
        _read(
            bars[lane], reach[lane], slot_of, begins, due_next, expiry[lane], NOW, wants, places, values[i],
            closes[i], expires[i],
        )  # fmt: skip
        for number in range(len(found)):
            column = found[number, 0]
            place = places[column]
            if place >= 0:
                values[i, column] = cells[lane, found[number, 1] + place * found[number, 2]]
