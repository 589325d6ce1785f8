"""What a symbol has to be read now: its newest bars, their values, and how long they are fresh.

A value of the past is that of the newest bar closed by then: ``ema_20@1h`` at the 1m bar before is the one
that was newest when that bar closed.

Order: a row holds what was read of a symbol last. The next bar of all changes those columns alone that read
its minute, or a derived bar that it closes; after anything else the symbol is read anew.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.jit import inlined, kernel
from schemas.prefetch import ask
from streams.core.analytics.abreast import Group, stands_of
from streams.core.analytics.derive import PUBLISHED
from streams.core.analytics.room import Room
from streams.core.analytics.rows import BAR, FLAT, HALT, NO_TRADES, NONE, Floats, Ints, Row, Rows
from streams.core.analytics.scan.edges import AWAY
from streams.core.analytics.scan.features import QUALITY, VALUE, code_of, field
from streams.core.analytics.scan.latest import Latest
from streams.core.analytics.scan.program import MOST_HOPS, Program
from streams.core.analytics.state import SymbolState
from streams.core.analytics.window import Window

NOW: Final = 2**62
"""An instant after all bars."""

_INTERVAL, _CODE, _MASK, _HOPS = range(4)
_AHEAD: Final = 8  # symbols whose memory is asked for before it is needed
_SIZE, _LINE, _MOST_BEHIND = BAR.itemsize, 64, 4
_CLOSE_AT: Final = int(BAR.fields["close"][1])  # type: ignore[index]  # it has fields
_REVISION_AT: Final = int(BAR.fields["revision"][1])  # type: ignore[index]
_NOTHING: Final = np.zeros(0, np.int64)
_NOTHING_FOUND: Final = np.zeros((0, 0), np.int64)


class Reader:
    """Reads the columns of one program from symbols.

    Args:
        program: whose columns.
        names: names of the indicator values of each interval, in the order of its chain.
    """

    def __init__(self, program: Program, names: list[list[str]]) -> None:
        self._wants = np.zeros((len(program.columns), _HOPS + 2 * MOST_HOPS), np.int64)
        self._values: list[tuple[int, int, int]] = []
        self._behind = np.zeros(len(names), np.int64)
        for number, column in enumerate(program.columns):
            code = code_of(column.name)
            if code == VALUE:
                self._values.append((number, column.interval, names[column.interval].index(column.name)))
            read = 1 << column.interval | sum({1 << interval for interval, _ in column.hops})
            hops = [part for hop in column.hops for part in hop]
            for interval, count in column.hops:
                self._behind[interval] = min(max(self._behind[interval], count), _MOST_BEHIND)
            self._wants[number, : _HOPS + len(hops)] = (column.interval, code, read, *hops)

    def read(self, states: Sequence[SymbolState], rows: Ints, by: int, latest: Latest) -> None:
        """Read the newest values closed by an instant, whatever was read before.

        Args:
            states: the symbols.
            rows: int64[n], row of each.
            by: the instant, ns.
            latest: receives them.
        """
        latest.begun[rows] = NONE
        lanes = np.array([state.lane for state in states], np.int64)
        of, stands = stands_of(states)
        for number, (room, window) in enumerate(stands):
            own = of == number
            self._read(room, window, lanes[own], _NOTHING, _NOTHING_FOUND, rows[own], by, latest)

    def follow(self, group: Group, members: Ints, rows: Ints, latest: Latest) -> None:
        """Read the newest values of symbols after their bars: of what they change, where that is known.

        Args:
            group: the bars.
            members: int64[n], which of them.
            rows: int64[n], row of each.
            latest: receives them; whatever else changed a symbol was told by ``forget``.
        """
        places, found = group.places[members], group.found[members]
        self._read(group.room, group.window, group.lanes[members], places, found, rows, NOW, latest)

    def _read(
        self, room: Room, window: Window, lanes: Ints, places: Ints, found: Ints, rows: Ints, by: int,
        latest: Latest,
    ) -> None:  # fmt: skip
        picks = np.zeros((len(self._wants), 2), np.int64)
        for number, interval, row in self._values:
            part = room.parts[interval]
            picks[number] = part.first + row, len(part.program.names)
        _read(
            room.bars, room.reach, room.expiry, room.values, room.begun, lanes, places, found,
            window.slot_of, window.begins, window.closes, window.due_next, by, self._behind, self._wants,
            picks, rows,
            latest.values, latest.closes, latest.expires, latest.newest, latest.tallies, latest.begun,
            latest.changed,
        )  # fmt: skip


def latest_close(state: SymbolState) -> int:
    """Close of the last minute of which it is known what became of it, AWAY where there is none."""
    return int(_latest_close(state.room.bars, state.lane, state.window.closes, state.reach))


@inlined
def _is_decided(bar: Row) -> bool:
    """Whether it is known what became of a minute."""
    return bool(bar["revision"] >= 0 or bar["cause"] >= 0 or bar["unfilled"] == 1)


@inlined
def _newest(bars: Rows, lane: int, closes: Ints, begin: int, end: int, by: int) -> int:
    """Last place of [begin, end) with a bar closed by an instant, NONE where there is none."""
    for place in range(end - 1, begin - 1, -1):
        if closes[place] <= by and bars[lane, place]["revision"] >= 0:
            return place
    return NONE


@inlined
def _decided(bars: Rows, lane: int, closes: Ints, minutes: int, by: int) -> int:
    """Last decided minute closed by an instant, NONE where there is none."""
    for place in range(minutes - 1, -1, -1):
        if closes[place] <= by and _is_decided(bars[lane, place]):
            return place
    return NONE


@inlined
def _back(
    bars: Rows, lane: int, closes: Ints, begins: Ints, newest: Ints, slot: int, wants: Ints, column: int,
    by: int,
) -> int:  # fmt: skip
    """The instant that a column looks at: back by the bars of each hop; AWAY where there are not so many."""
    for hop in range(_HOPS, wants.shape[1], 2):
        interval, count = wants[column, hop], wants[column, hop + 1]
        if count == 0:
            break
        place = newest[slot, interval] + 1
        for _ in range(count + 1):
            place = _newest(bars, lane, closes, begins[interval], place, by)
            if place < 0:
                return AWAY
        by = closes[place]
    return by


@inlined
def _tally(bars: Rows, lane: int, newest: int, since: int, tallies: Ints, slot: int) -> None:
    """Count the known and the expected minutes of the session up to a minute.

    Those up to ``since``, NONE for none, are counted already.
    """
    good, expected, place = 0, 0, newest
    session = bars[lane, newest]["session_date"]
    while place > since and bars[lane, place]["session_date"] == session:
        bar = bars[lane, place]
        there = bar["revision"] >= 0 and bar["fill"] != FLAT
        if there or (_is_decided(bar) and bar["cause"] != HALT):
            expected += 1
        if there or bar["cause"] == NO_TRADES:
            good += 1
        place -= 1
    if place == since and since >= 0 and bars[lane, since]["session_date"] == session:
        good, expected = good + tallies[slot, 0], expected + tallies[slot, 1]
    tallies[slot, 0], tallies[slot, 1] = good, expected


@inlined
def _begin(
    bars: Rows, lane: int, reach: int, slot_of: Ints, begins: Ints, closes: Ints, by: int, newest: Ints,
    slot: int,
) -> None:  # fmt: skip
    """Find the newest bar of each interval; the last place is that of the newest decided minute.

    No derived bar is there beyond that of the last minute of which anything is known.
    """
    last = newest.shape[1] - 1
    newest[slot, last] = _decided(bars, lane, closes, reach, by)
    newest[slot, 0] = _newest(bars, lane, closes, begins[0], newest[slot, last] + 1, by)
    for interval in range(1, last):
        end = slot_of[interval, reach - 1] + 1 if reach > 0 else begins[interval]
        newest[slot, interval] = _newest(bars, lane, closes, begins[interval], end, by)


@inlined
def _next(found: Ints, i: int, place: int, slot_of: Ints, newest: Ints, slot: int) -> int:
    """Take up a bar that comes after all others: a bit for each interval that it changes, else 0."""
    last = newest.shape[1] - 1
    changed = 1 | 1 << last if newest[slot, last] < place else 0
    for interval in range(1, last):
        if found[i, interval] == PUBLISHED:
            is_next = newest[slot, interval] < slot_of[interval, place]
            changed = changed | 1 << interval if is_next and changed else 0
    if changed:
        for interval in range(1, last):
            if changed >> interval & 1:
                newest[slot, interval] = slot_of[interval, place]
        newest[slot, 0], newest[slot, last] = place, place
    return changed


@inlined
def _value(
    bars: Rows, lane: int, begins: Ints, closes: Ints, by: int, wants: Ints, column: int, cells: Floats,
    picks: Ints, slot: int, newest: Ints, tallies: Ints, past: Ints,
) -> float:  # fmt: skip
    """What one column says, NaN where there is nothing."""
    interval, code = wants[column, _INTERVAL], wants[column, _CODE]
    place, tallied = newest[slot, interval], slot
    if wants[column, _HOPS + 1] > 0 and place >= 0:
        then = _back(bars, lane, closes, begins, newest, slot, wants, column, by)
        if code == QUALITY:
            place, tallied = _decided(bars, lane, closes, place + 1, then), 0
            if place >= 0:
                _tally(bars, lane, place, NONE, past, 0)
        else:
            place = _newest(bars, lane, closes, begins[interval], place + 1, then)
    if place < 0:
        return np.nan
    if code == VALUE:
        return float(cells[lane, picks[column, 0] + (place - begins[interval]) * picks[column, 1]])
    if code != QUALITY:
        return field(bars[lane, place], code, interval == 0)
    counts = past if wants[column, _HOPS + 1] > 0 else tallies
    return 100.0 * counts[tallied, 0] / counts[tallied, 1] if counts[tallied, 1] else np.nan


@inlined
def _ask(bars: Rows, lane: int, place: int, found: Ints, i: int, slot_of: Ints, behind: Ints) -> None:
    """Ask for the memory of a new minute, of bars that it closes, and of those before them."""
    for interval in range(len(behind)):
        if interval > 0 and found[i, interval] != PUBLISHED:
            continue
        at = (lane * bars.shape[1] + (slot_of[interval, place] if interval > 0 else place)) * _SIZE
        for line in range(0, _SIZE, _LINE):
            ask(bars, at + line)
        for back in range(1, behind[interval] + 1):
            ask(bars, at - back * _SIZE + _CLOSE_AT)
            ask(bars, at - back * _SIZE + _REVISION_AT)


@inlined
def _ask_values(cells: Floats, lane: int, place: int, begin: int, wants: Ints, picks: Ints) -> None:
    """Ask for the memory of the values of a minute."""
    for column in range(len(wants)):
        if wants[column, _INTERVAL] == 0 and wants[column, _CODE] == VALUE:
            ask(cells, 8 * (lane * cells.shape[1] + picks[column, 0] + (place - begin) * picks[column, 1]))


@kernel
def _read(
    bars: Rows, reach: Ints, expiry: Ints, cells: Floats, begun_of: Ints, lanes: Ints, places: Ints,
    found: Ints, slot_of: Ints, begins: Ints, closes_of: Ints, due_next: Ints, by: int, behind: Ints,
    wants: Ints, picks: Ints, rows: Ints, values: Floats, closes: Ints, expires: Ints, newest: Ints,
    tallies: Ints, begun: Ints, told: Ints,
) -> None:  # fmt: skip
    """Bring the rows of some symbols up to date."""
    past, last = np.zeros((1, 2), np.int64), newest.shape[1] - 1
    for i in range(len(lanes)):
        if i + _AHEAD < len(places):
            _ask(bars, lanes[i + _AHEAD], places[i + _AHEAD], found, i + _AHEAD, slot_of, behind)
            _ask_values(cells, lanes[i + _AHEAD], places[i + _AHEAD], begins[0], wants, picks)
        lane, slot, changed, since = lanes[i], rows[i], 0, newest[rows[i], last]
        if begun[slot] == begun_of[lane]:
            changed = _next(found, i, places[i], slot_of, newest, slot)
        if not changed:
            _begin(bars, lane, reach[lane], slot_of, begins, closes_of, by, newest, slot)
            changed, since, begun[slot] = -1, NONE, begun_of[lane]
        told[slot] = changed
        if newest[slot, last] >= 0:
            _tally(bars, lane, newest[slot, last], since, tallies, slot)
        for interval in range(last + 1):
            place = newest[slot, interval]
            closes[slot, interval] = closes_of[place] if place >= 0 else AWAY
            expires[slot, interval] = due_next[place] + expiry[lane] if place >= 0 else AWAY
        for column in range(len(wants)):
            if wants[column, _MASK] & changed:
                values[slot, column] = _value(
                    bars, lane, begins, closes_of, by, wants, column, cells, picks, slot, newest, tallies,
                    past,
                )  # fmt: skip


@kernel
def _latest_close(bars: Rows, lane: int, closes: Ints, reach: int) -> int:
    place = _decided(bars, lane, closes, reach, NOW)
    return int(closes[place]) if place >= 0 else AWAY
