"""What nearly all bars are: the next minute of their symbols, many at once. They are moved on side by side.

::

    bars of a batch     A 09:31  B 09:31  C 09:31 (a revision)  D 09:31  A 09:32
    side by side        ^^^^^^^^^^^^^^^^  by itself             ^^^^^^^  another one of A: the next turn

A bar that is anything else (a revision, out of its turn, of a symbol not yet awake) goes the way of ``stage``
by itself; either way gives the same bytes, for what a bar does depends on its symbol and the watermark alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.jit import kernel
from streams.core.analytics.derive import PUBLISHED, derive_around
from streams.core.analytics.incoming import Incoming
from streams.core.analytics.indicators.across import keep_states, run_across, tell_values
from streams.core.analytics.revise import put
from streams.core.analytics.room import Room
from streams.core.analytics.rows import BAR, Bools, Ints, Rows
from streams.core.analytics.state import SymbolState
from streams.core.analytics.window import Window

LEAST: Final = 8
"""Fewer bars are taken up one by one: that is quicker."""
MOST: Final = 4_096
"""More bars are not looked at together."""


@dataclass(slots=True, eq=False)
class Group:
    """Bars of the symbols of one room and window.

    Attributes:
        room: where they stand.
        window: their places.
        order: int64[n], which bars of the turn they are.
        lanes: int64[n], ascending.
        places: int64[n], of their minutes.
        found: int64[n, intervals], what ``derive_around`` found.
    """

    room: Room
    window: Window
    order: Ints
    lanes: Ints
    places: Ints
    found: Ints

    def members(self, number: int) -> tuple[Ints, Ints]:
        """Which of them have a new bar of an interval, and its place."""
        if number == 0:
            return np.arange(len(self.lanes)), self.places
        own = np.flatnonzero(self.found[:, number] == PUBLISHED)
        return own, self.window.slot_of[number, self.places[own]]


@dataclass(slots=True, eq=False)
class Turn:
    """Bars that are moved on together, one of each symbol.

    Attributes:
        states: their symbols in the order of the log.
        groups: the same by room and window.
    """

    states: list[SymbolState]
    groups: list[Group]


NO_TURN: Final = Turn([], [])
"""No bars."""


def runs(kinds: NDArray[np.int8], kind: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of records of a kind, then twice the end of all; few records have none."""
    if len(kinds) < LEAST:
        yield len(kinds), len(kinds)
        return
    is_kind = np.concatenate([[False], kinds == kind, [False]])
    changes = np.flatnonzero(is_kind[1:] != is_kind[:-1]).tolist()
    yield from zip(changes[::2], changes[1::2], strict=True)
    yield len(kinds), len(kinds)


def candidates(
    symbols: Mapping[bytes, SymbolState],
    bars: Incoming,
    rows: Sequence[int],
    *,
    watched: bool,
) -> tuple[list[SymbolState], list[int]]:
    """The first of some bars that may go side by side: their symbols, and the places of their minutes.

    Args:
        symbols: those that are awake.
        bars: of the batch.
        rows: which of them, in the order of the log.
        watched: whether the scanner must have met them.
    """
    states, places, met = list[SymbolState](), list[int](), set[bytes]()
    for row in rows:
        name = bars.symbols[row]
        state = symbols.get(name)
        if state is None or name in met or bars.faults[row] or (watched and not state.watched):
            break
        place = state.window.place_of.get(bars.opens[row])
        if place is None or state.functions or state.history:
            break
        met.add(name)
        states.append(state)
        places.append(place)
    return states, places


def turn_of(states: list[SymbolState], places: list[int], bars: Incoming, rows: Sequence[int]) -> Turn:
    """As many of these bars, from the first on, as are the next ones of their symbols."""
    lanes, at = np.array([state.lane for state in states], np.int64), np.array(places, np.int64)
    of, stands = stands_of(states)
    groups, count, opens = [], len(states), np.array(rows, np.int64)
    for number, (room, window) in enumerate(stands):
        order = np.flatnonzero(of == number)
        order = order[np.argsort(lanes[order])]
        found = np.zeros((len(order), len(room.parts)), np.int64)
        group = Group(room, window, order, lanes[order], at[order], found)
        fit = np.zeros(len(order), np.bool_)
        _fit(room.bars, room.newest, window.slot_of, window.begins, group.lanes, group.places, bars.rows,
             opens[order], fit)  # fmt: skip
        if not fit.all():
            count = min(count, int(order[~fit].min()))
        groups.append(group)
    if count < len(states):
        for group in groups:
            kept = group.order < count
            group.order, group.lanes = group.order[kept], group.lanes[kept]
            group.places, group.found = group.places[kept], group.found[kept]
    return Turn(states[:count], [group for group in groups if len(group.order)])


def stands_of(states: Sequence[SymbolState]) -> tuple[Ints, list[tuple[Room, Window]]]:
    """By number the rooms and windows that symbols stand in, before them the number of each symbol's."""
    numbers: dict[tuple[Room, Window], int] = {}
    of = [numbers.setdefault((state.room, state.window), len(numbers)) for state in states]
    return np.array(of, np.int64), list(numbers)


@kernel
def _fit(
    bars: Rows, newest: Ints, slot_of: Ints, begins: Ints, lanes: Ints, places: Ints, incoming: Rows,
    rows: Ints, fit: Bools,
) -> None:  # fmt: skip
    """Which bars are new and follow all others of their symbols, in every interval."""
    for i in range(len(lanes)):
        lane, place = lanes[i], places[i]
        own = bars[lane, place]
        fits = own["revision"] < 0 and own["values_revision"] < 0 and newest[lane, 0] < place
        fits = fits and incoming[rows[i]]["revision"] >= 0
        for number in range(1, slot_of.shape[0]):
            slot = slot_of[number, place]
            if slot >= 0:
                bar = bars[lane, slot]
                fits = fits and bar["revision"] < 0 and bar["values_revision"] < 0 and bar["last"] < place
                fits = fits and newest[lane, number] < slot - begins[number]
        fit[i] = fits


def set_bars(turn: Turn, bars: Incoming, rows: Sequence[int], limit: float, watermark: int) -> None:
    """Put the bars into their places and bring the derived ones around them up to date.

    Args:
        turn: the bars; ``found`` of its groups is set.
        bars: of the batch.
        rows: which of them.
        limit: see ``derive``.
        watermark: through which every minute is decided, ns.
    """
    own = np.array(rows[: len(turn.states)], np.int64)
    bars.rows["source"][own] = [
        state.source_number(bars.sources[row]) for state, row in zip(turn.states, rows, strict=False)
    ]
    before = np.zeros(2, BAR)
    for group in turn.groups:
        room, window = group.room, group.window
        _set(
            room.bars, room.touched, room.reach, group.lanes, group.places, bars.rows, own[group.order],
            window.slot_of, window.firsts, window.counts, limit, watermark, before, group.found,
        )  # fmt: skip
        for at, number in np.argwhere(group.found).tolist():
            _note(turn.states[int(group.order[at])], number, group, at)


def _note(state: SymbolState, number: int, group: Group, at: int) -> None:
    """Note that a derived bar waits for more, or no longer."""
    slot = int(group.window.slot_of[number, group.places[at]])
    waiting = (int(group.window.closes[slot]), number, slot - group.window.starts[number])
    if group.found[at, number] == PUBLISHED:
        state.waiting.discard(waiting)
    else:
        state.waiting.add(waiting)


@kernel
def _set(
    bars: Rows, touched: Bools, reach: Ints, lanes: Ints, places: Ints, incoming: Rows, rows: Ints,
    slot_of: Ints, firsts: Ints, counts: Ints, limit: float, watermark: int, before: Rows, found: Ints,
) -> None:  # fmt: skip
    for i in range(len(lanes)):
        lane, place = lanes[i], places[i]
        put(bars[lane], place, incoming, rows[i], before)
        touched[lane, place] = True
        reach[lane] = max(reach[lane], place + 1)
        derive_around(
            bars[lane], place, slot_of, before, firsts, counts, limit, watermark, touched[lane], found[i]
        )  # fmt: skip


def move_on(turn: Turn) -> None:
    """Move the indicators of every interval on by its new bars."""
    for group in turn.groups:
        room = group.room
        for number, part in enumerate(room.parts):
            program = part.program
            own, places = group.members(number)
            if not len(own) or not program.names:
                continue
            lanes = group.lanes[own]
            keep_states(
                part.states, lanes, places, room.newest, number, part.begin, program.width, room.kept,
                part.kept,
            )  # fmt: skip
            run_across(program.codes, part.states, room.bars, lanes, places, room.taken, part.out, part.work)
            tell_values(
                program.codes, part.out, lanes, places, part.begin, len(program.names), part.first,
                room.values, room.unseen,
            )  # fmt: skip
            _count(room.bars, room.touched, room.newest, number, lanes, places, part.begin)


@kernel
def _count(
    bars: Rows, touched: Bools, newest: Ints, number: int, lanes: Ints, places: Ints, begin: int
) -> None:
    """Note that bars have their first values."""
    for i in range(len(lanes)):
        bars[lanes[i], places[i]]["values_revision"] += 1
        touched[lanes[i], places[i]] = True
        newest[lanes[i], number] = places[i] - begin
