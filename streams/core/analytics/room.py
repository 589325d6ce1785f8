"""Room for the symbols of a partition side by side: each array has a row for a symbol, each state a lane.

::

    bars      [symbol, place]            a symbol's own window, in one piece
    values    [symbol, place x name]
    states    [block, number, lane]      the same number of 64 symbols together, see ``indicators.lane``

A symbol works on its own part of it (``SymbolState``), or many are moved on together (``abreast``).
"""

from collections.abc import Sequence
from itertools import count
from typing import Final

import numpy as np

from streams.core.analytics.indicators.across import room_for
from streams.core.analytics.indicators.lane import LANES
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.indicators.steps import STRIDE
from streams.core.analytics.rows import BAR, NONE
from streams.core.analytics.shelf import Shelf
from streams.core.analytics.window import Window
from streams.core.plain import plain

_MOST_BYTES: Final = 1 << 28
"""A room is not made larger than this, but for one block; there may be several for a window."""


class Part:
    """One interval of a room.

    Attributes:
        program: its indicators.
        begin: place of its first bar.
        states: float64[blocks, numbers * LANES].
        out: results of ``run_across``.
        work: what it works in.
        first: where its values begin in those of a symbol.
        kept: where its kept states begin.
        places: how many it has.
    """

    def __init__(self, program: Program, begin: int, places: int, blocks: int, first: int, kept: int) -> None:
        self.program, self.begin, self.places, self.first, self.kept = program, begin, places, first, kept
        self.states = np.zeros((blocks, program.width * LANES))
        self.out, self.work = room_for(program.codes, len(program.names), blocks)

    @property
    def values_end(self) -> int:
        """Where its values end."""
        return self.first + self.places * len(self.program.names)

    @property
    def kept_end(self) -> int:
        """Where its kept states end."""
        return self.kept + (self.places // STRIDE + 1) * self.program.width


class Room:
    """Arrays for so many symbols whose windows have as many places of each interval.

    Attributes:
        starts: see ``Window``.
        parts: one for each interval.
        bars: BAR[symbols, places].
        touched: bool[symbols, places].
        values: float64[symbols, ...], of all intervals one after the other.
        unseen: float64[symbols, ...].
        kept: float64[symbols, ...].
        newest: int64[symbols, intervals].
        reach: int64[symbols].
        expiry: int64[symbols], see ``SymbolPlan``.
        watched: int64[symbols], row of each in the scanner, NONE where it was not asked for.
        begun: int64[symbols], another number each time that a symbol begins in a lane.
        taken: bool[symbols].
    """

    def __init__(self, starts: tuple[int, ...], programs: Sequence[Program], symbols: int) -> None:
        self.starts = starts
        self.parts = list[Part]()
        blocks, first, kept = symbols // LANES, 0, 0
        for program, begin, end in zip(programs, starts, starts[1:], strict=False):
            part = Part(program, begin, end - begin, blocks, first, kept)
            self.parts.append(part)
            first, kept = part.values_end, part.kept_end
        # Memory that no symbol has come to yet is not there yet either.
        self.bars = np.empty((symbols, starts[-1]), BAR)
        self.touched = np.empty(self.bars.shape, np.bool_)
        self.values, self.unseen = np.empty((symbols, first)), np.empty((symbols, first))
        self.kept = np.empty((symbols, kept))
        self.newest = np.full((symbols, len(programs)), -1, np.int64)
        self.reach, self.expiry, self.begun = np.zeros((3, symbols), np.int64)
        self.watched = np.full(symbols, NONE, np.int64)
        self.taken = np.zeros(symbols, np.bool_)
        self._free = list(range(symbols - 1, -1, -1))

    @property
    def has_room(self) -> bool:
        """Whether a lane is free."""
        return bool(self._free)

    def take(self) -> int:
        """A lane for a symbol, which is to begin in it."""
        lane = self._free.pop()
        self.taken[lane] = True
        return lane

    def begin(self, lane: int, window: Window, expiry: int, number: int) -> None:
        """Let a symbol begin in its lane, with its window empty.

        Args:
            lane: it has been taken.
            window: of as many places as the room has.
            expiry: see ``SymbolPlan``.
            number: see ``begun``.
        """
        self.reach[lane], self.expiry[lane], self.begun[lane] = 0, expiry, number
        plain(self.bars)[lane], self.touched[lane] = plain(window.bars), False
        self.values[lane], self.unseen[lane], self.kept[lane] = np.nan, 1.0, 0.0
        self.newest[lane], self.watched[lane] = -1, NONE
        for part in self.parts:
            part.states[lane // LANES, lane % LANES :: LANES] = 0.0

    def leave(self, lane: int) -> bool:
        """Free a lane; whether nobody is left."""
        self.taken[lane] = False
        self._free.append(lane)
        return len(self._free) == len(self.taken)

    def shelf(self, lane: int, number: int) -> Shelf:
        """What a symbol has of one interval."""
        part = self.parts[number]
        own = slice(part.first, part.values_end)
        return Shelf(
            self.values[lane, own],
            self.unseen[lane, own],
            self.kept[lane, part.kept : part.kept_end],
            part.states[lane // LANES, lane % LANES :: LANES],
            self.newest[lane, number : number + 1],
        )


class Rooms:
    """All rooms of a configuration.

    Args:
        programs: by interval, what is computed.
        symbols: so many are expected.
    """

    def __init__(self, programs: Sequence[Program], symbols: int) -> None:
        self._programs, self._symbols = programs, symbols
        self._rooms: dict[tuple[int, ...], list[Room]] = {}
        self._begun = count()

    def take(self, window: Window, expiry: int) -> tuple[Room, int]:
        """A room for a symbol under a window, and its lane there."""
        rooms = self._rooms.setdefault(window.starts, [])
        room = next((one for one in rooms if one.has_room), None)
        if room is None:
            room = Room(window.starts, self._programs, self._size(window.starts[-1]))
            rooms.append(room)
        lane = room.take()
        room.begin(lane, window, expiry, next(self._begun))
        return room, lane

    def move(self, room: Room, lane: int, window: Window, expiry: int) -> tuple[Room, int]:
        """A symbol begins anew under another window, where it stands if that has as many places.

        Memory is touched there already: at the turn of a trade date that is what would take longest.
        """
        if room.starts == window.starts:
            room.begin(lane, window, expiry, next(self._begun))
            return room, lane
        self._leave(room, lane)
        return self.take(window, expiry)

    def _leave(self, room: Room, lane: int) -> None:
        """A symbol moves out; a room that nobody is left in is given up."""
        if room.leave(lane):
            self._rooms[room.starts].remove(room)
            if not self._rooms[room.starts]:
                del self._rooms[room.starts]

    def _size(self, places: int) -> int:
        most = max((len(program.names) for program in self._programs), default=0)
        each = places * (BAR.itemsize + 16 * most)
        wanted, fit = -(-self._symbols // LANES), _MOST_BYTES // (each * LANES)
        return max(min(wanted, fit), 1) * LANES
