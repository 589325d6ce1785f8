"""One program over all symbols of a partition: what it read last, and the edges of every symbol.

Order: evaluations in the order they are given.
State: one row of edges a symbol, taken up when the first record above its offset comes.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from streams.core.analytics.rows import Bools, Floats, Ints, Rows
from streams.core.analytics.scan.edges import AWAY, EDGE, nothing, rise
from streams.core.analytics.scan.features import Reader
from streams.core.analytics.scan.plan import ScanPlan, debounces, reading
from streams.core.analytics.scan.program import Condition, Program

_FIRST: Final = 64  # symbols that there is room for at first


class Fired(NamedTuple):
    """One signal."""

    order: int
    symbol: bytes
    condition: Condition
    ts_event: int
    revision: int
    ts_expires: int
    values: dict[str, float]


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
        self._digests = {one.digest: number for number, one in enumerate(program.conditions)}
        self._slots: dict[bytes, int] = {}
        self._edges = nothing(_FIRST, len(program.conditions))
        self._dirty = np.zeros(_FIRST, np.bool_)
        self._allowed = np.zeros((len(program.conditions), _FIRST), np.bool_)

    def __contains__(self, symbol: bytes) -> bool:
        return symbol in self._slots

    @property
    def symbols(self) -> list[bytes]:
        """Symbols it knows, in the order it met them."""
        return list(self._slots)

    def concerns(self, symbol: bytes) -> bool:
        """Whether any condition is evaluated for a symbol."""
        return any(not one.symbols or symbol in one.symbols for one in self.program.conditions)

    def slot(self, symbol: bytes) -> int:
        """Number of a symbol, met now if it is new."""
        known = self._slots.get(symbol)
        if known is not None:
            return known
        number = self._slots[symbol] = len(self._slots)
        if number == len(self._edges):
            self._grow()
        for place, one in enumerate(self.program.conditions):
            self._allowed[place, number] = not one.symbols or symbol in one.symbols
        return number

    def _grow(self) -> None:
        more = len(self._edges)
        self._edges = np.concatenate([self._edges, nothing(more, len(self.program.conditions))])
        self._dirty = np.concatenate([self._dirty, np.zeros(more, np.bool_)])
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

    def judge(
        self, truth: Floats, until: Ints, held: Ints, closes: Ints, slots: Ints, awake: Bools
    ) -> Iterator[tuple[int, Condition, int, int, int]]:
        """Row, condition, event time, revision and expiry of each signal; see ``rise``."""
        fired = np.empty((truth.size, 4), np.int64)
        count, swallowed = rise(
            truth, until, held, closes, self._reading, slots, awake, self._allowed, self._debounces,
            self._edges, self._dirty, fired,
        )  # fmt: skip
        self.swallowed += swallowed
        for row, number, ts_event, revision in fired[:count].tolist():
            yield row, self.program.conditions[number], ts_event, revision, int(until[number, row])


NO_EDGES: Final = np.zeros(0, EDGE)
"""What is saved of a symbol for which nothing ever came true."""
