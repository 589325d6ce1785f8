"""One program over all symbols of a partition: what it read last, and the edges of every symbol.

Order: evaluations in the order they are given.
State: one row of edges a symbol, taken up when the first record above its offset comes.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from streams.core.analytics.rows import Bools, Floats, Ints, Rows
from streams.core.analytics.scan.edges import AWAY, EDGE, nothing, rise
from streams.core.analytics.scan.fired import Fired, Telling
from streams.core.analytics.scan.judge import BLOCK, WIDTH, judge, tell
from streams.core.analytics.scan.latest import Latest
from streams.core.analytics.scan.plan import ScanPlan, debounces, reading
from streams.core.analytics.scan.program import Program
from streams.core.analytics.scan.reader import Reader
from streams.core.analytics.scan.share import everything, of_minutes, rest_of

_FIRST: Final = 64  # symbols that there is room for at first
_AT_ONCE: Final = 4 * BLOCK  # updates for whose signals there is room, were all conditions to come true


class Watch:
    """The symbols under one program.

    Attributes:
        program: what is evaluated.
        reader: reads its columns from a symbol.
        swallowed: signals that the debounce kept back since they were last asked for.
    """

    def __init__(self, program: Program, plan: ScanPlan) -> None:
        self.program = program
        self.reader = Reader(program, plan.names)
        self.swallowed = 0
        self.intervals = len(plan.names)
        self.reads = program.reads
        self._reading = reading(program, self.intervals)
        self._debounces = debounces(program)
        self._telling = Telling(program)
        self._everything, self._minutes = everything(program), of_minutes(program, self.intervals)
        self._rest = rest_of(program, self._minutes)
        self._digests = {one.digest: number for number, one in enumerate(program.conditions)}
        self._slots: dict[bytes, int] = {}
        self._names: list[bytes] = []
        self._edges = nothing(_FIRST, len(program.conditions))
        self._dirty = np.zeros(_FIRST, np.bool_)
        self._quiet = np.full(_FIRST, AWAY, np.int64)
        self._allowed = np.zeros((len(program.conditions), _FIRST), np.bool_)
        registers, intervals, most = len(program.ops), self.intervals + 1, len(program.conditions) * _AT_ONCE
        self._work = (
            np.empty((registers, WIDTH)), np.empty((registers, WIDTH), np.int64),
            np.empty((len(program.columns), WIDTH)), np.empty((2, intervals, WIDTH), np.int64),
        )  # fmt: skip
        self._out = np.empty((most, 5), np.int64), np.empty((most, self._telling.registers.shape[1]))

    def __contains__(self, symbol: bytes) -> bool:
        return symbol in self._slots

    @property
    def symbols(self) -> list[bytes]:
        """Symbols it knows, in the order it met them."""
        return list(self._names)

    def concerns(self, symbol: bytes) -> bool:
        """Whether any condition is evaluated for a symbol."""
        return any(not one.symbols or symbol in one.symbols for one in self.program.conditions)

    def slot(self, symbol: bytes) -> int:
        """Number of a symbol, met now if it is new."""
        known = self._slots.get(symbol)
        if known is not None:
            return known
        number = self._slots[symbol] = len(self._slots)
        self._names.append(symbol)
        if number == len(self._edges):
            self._grow()
        for place, one in enumerate(self.program.conditions):
            self._allowed[place, number] = not one.symbols or symbol in one.symbols
        return number

    def _grow(self) -> None:
        more = len(self._edges)
        self._edges = np.concatenate([self._edges, nothing(more, len(self.program.conditions))])
        self._dirty = np.concatenate([self._dirty, np.zeros(more, np.bool_)])
        self._quiet = np.concatenate([self._quiet, np.full(more, AWAY, np.int64)])
        self._allowed = np.concatenate([self._allowed, np.zeros_like(self._allowed)], axis=1)

    def take_up(self, symbol: bytes, saved: Rows) -> None:
        """Take up the edges of a symbol; those of conditions that are no more fall away."""
        number = self.slot(symbol)
        for row in saved:
            place = self._digests.get(int(row["digest"]))
            if place is not None:
                self._edges[number, place] = row

    def edges(self, symbol: bytes) -> Rows:
        """EDGE rows of a symbol, of those conditions that ever came true."""
        rows = self._edges[self._slots[symbol]]
        rows["digest"] = [one.digest for one in self.program.conditions]
        return np.asarray(rows[(rows["holds"] != AWAY) | (rows["fired"] != AWAY)])

    def take_dirty(self) -> list[bytes]:
        """Symbols whose edges changed since the last call."""
        found = [symbol for symbol, number in self._slots.items() if self._dirty[number]]
        self._dirty[:] = False
        return found

    def is_quiet(self, slots: Ints, watermark: int) -> Bools:
        """Of which symbols the conditions that no minute changes are as they were when all were judged."""
        return np.asarray(self._quiet[slots] > watermark)

    def judge(
        self, latest: Latest, rows: Ints, marks: tuple[Ints, Ints], orders: Ints, slots: Ints, awake: Bools,
        *, minutes_alone: bool = False,
    ) -> Iterator[Fired]:  # fmt: skip
        """The signals of updates, in order.

        Args:
            latest: what was read.
            rows: int64[n], the row of each update there.
            marks: int64[n] each, the watermark after each update and before it, ns.
            orders: int64[n], place of each among the signals of the step.
            slots: int64[n], the symbol of each.
            awake: bool[n], updates that count.
            minutes_alone: whether only conditions on minutes and the quality can have changed.
        """
        share = self._minutes if minutes_alone else self._everything
        program, first, (fired, tells) = self.program, 0, self._out
        while first < len(rows):
            first, count, swallowed = judge(
                program.ops, program.constants, program.roots, self._telling.registers, self._reading,
                self._debounces, latest.values, latest.expires, latest.closes, rows, *marks, slots, awake,
                self._allowed, self._edges, self._dirty, share.registers, share.columns, share.conditions,
                self._rest, self._quiet, *self._work, first, fired, tells,
            )  # fmt: skip
            self.swallowed += swallowed
            if count:
                yield self._fired(fired[:count].copy(), tells[:count].copy(), orders, slots)

    def rise(
        self, registers: Floats, holds: Ints, before: Ints, closes: Ints, orders: Ints, slots: Ints,
        awake: Bools,
    ) -> Fired:  # fmt: skip
        """The signals of one evaluation of all symbols; see ``edges.rise`` and ``judge``."""
        fired = np.empty((len(slots) * len(self.program.conditions), 5), np.int64)
        count, swallowed = rise(
            registers, holds, self.program.roots, self._everything.conditions, before, closes, self._reading,
            slots, awake, self._allowed, self._debounces, self._edges, self._dirty, fired,
        )  # fmt: skip
        self.swallowed += swallowed
        tells = np.empty((count, self._telling.registers.shape[1]))
        tell(registers, self._telling.registers, fired, count, tells)
        return self._fired(fired[:count].copy(), tells, orders, slots)

    def _fired(self, found: Ints, values: Floats, orders: Ints, slots: Ints) -> Fired:
        rows = found[:, 0]
        symbols = [self._names[slot] for slot in slots[rows].tolist()]
        return Fired(self._telling, orders[rows], symbols, found, values)


NO_EDGES: Final = np.zeros(0, EDGE)
"""What is saved of a symbol for which nothing ever came true."""
