"""Conditions over one symbol: noted update by update, judged together.

What a condition says of an update depends on that symbol alone, so the updates of a step are gathered as
columns and evaluated at once; where a step ends changes nothing.
"""

from collections.abc import Collection, Iterator
from typing import Final

import numpy as np

from streams.core.analytics.abreast import Group, Turn
from streams.core.analytics.derive import PUBLISHED
from streams.core.analytics.rows import Bools, Floats, Ints
from streams.core.analytics.scan.edges import AWAY
from streams.core.analytics.scan.features import NOW
from streams.core.analytics.scan.machine import BLOCK, evaluate, run
from streams.core.analytics.scan.plan import ScanPlan
from streams.core.analytics.scan.watch import Fired, Watch
from streams.core.analytics.state import SymbolState

_ALL: Final = np.ones((1, 1), np.bool_)


class Single:
    """The conditions over one symbol, for all symbols of a partition.

    Attributes:
        watch: the symbols and their edges.
    """

    def __init__(self, plan: ScanPlan) -> None:
        self.watch = Watch(plan.single, plan)
        self._concerns: dict[bytes, bool] = {}
        self._values: list[Floats] = []
        self._closes: list[Ints] = []
        self._expires: list[Ints] = []
        self._rows: list[tuple[bytes, int, int, bool]] = []
        self._marks: list[tuple[int, int]] = []

    def wants(self, symbol: bytes, changed: Collection[int]) -> bool:
        """Whether a change of a symbol touches any condition; quality moves with every minute."""
        reads = self.watch.reads
        return self._concerned(symbol) and (self.watch.intervals in reads or not reads.isdisjoint(changed))

    def _concerned(self, symbol: bytes) -> bool:
        found = self._concerns.get(symbol)
        if found is None:
            found = self._concerns[symbol] = self.watch.concerns(symbol)
        return found

    def note(self, state: SymbolState, order: int, marks: tuple[int, int], *, awake: bool) -> None:
        """Note what a symbol is after an update.

        Args:
            state: the symbol.
            order: place among the signals of the step.
            marks: the watermark after the record and before it, ns.
            awake: whether the edges of the symbol do not reflect the record yet.
        """
        values = np.empty(len(self.watch.program.columns))
        closes, expires = np.empty((2, self.watch.intervals + 1), np.int64)
        self.watch.reader.read(state, NOW, values, closes, expires)
        self._values.append(values[np.newaxis])
        self._closes.append(closes[np.newaxis])
        self._expires.append(expires[np.newaxis])
        self._marks.append(marks)
        self._rows.append((state.name, self.watch.slot(state.name), order, awake))

    def note_turn(self, turn: Turn, order: int, marks: tuple[int, int]) -> None:
        """Note what the symbols of a turn are after it; they are awake.

        Args:
            turn: its bars.
            order: place of the first of them among the signals of the step.
            marks: see ``note``.
        """
        watch, count = self.watch, len(turn.states)
        values = np.empty((count, len(watch.program.columns)))
        closes, expires = np.empty((2, count, watch.intervals + 1), np.int64)
        wanted = np.zeros(count, np.bool_)
        for group in turn.groups:
            own = [
                np.empty((len(group.order), *one.shape[1:]), one.dtype) for one in (values, closes, expires)
            ]
            watch.reader.read_many(group.room, group.lanes, *own)
            values[group.order], closes[group.order], expires[group.order] = own
            wanted[group.order] = self._touched(group)
        names = [state.name for state in turn.states]
        wanted &= np.array([self._concerned(name) for name in names], np.bool_)
        self._values.append(values[wanted])
        self._closes.append(closes[wanted])
        self._expires.append(expires[wanted])
        for place in np.flatnonzero(wanted).tolist():
            self._marks.append(marks)
            self._rows.append((names[place], watch.slot(names[place]), order + place, True))

    def _touched(self, group: Group) -> Bools:
        """Which bars of a turn change what any condition reads."""
        reads = self.watch.reads
        if 0 in reads or self.watch.intervals in reads:
            return np.ones(len(group.order), np.bool_)
        return np.asarray((group.found[:, sorted(reads)] == PUBLISHED).any(axis=1))

    def judge(self) -> Iterator[Fired]:
        """The signals of what was noted, in order."""
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        values: Floats = np.ascontiguousarray(np.concatenate(self._values).T)
        closes: Ints = np.ascontiguousarray(np.concatenate(self._closes).T)
        expires: Ints = np.ascontiguousarray(np.concatenate(self._expires).T)
        marks, before = np.ascontiguousarray(np.array(self._marks, np.int64).T)
        self._values, self._closes, self._expires, self._marks = [], [], [], []
        slots = np.array([row[1] for row in rows], np.int64)
        awake = np.array([row[3] for row in rows], np.bool_)
        program = self.watch.program
        truth = np.empty((len(program.roots), len(rows)))
        until = np.empty(truth.shape, np.int64)
        evaluate(program.ops, program.constants, program.roots, values, expires, marks, BLOCK, truth, until)
        fired = list(self.watch.judge(truth, until, before, closes, slots, awake))
        registers = self._registers(values, expires, marks, [one[0] for one in fired])
        for number, (row, condition, ts_event, revision, ts_expires) in enumerate(fired):
            told = {name: registers[at][number] for name, at in condition.told.items()}
            known = {name: value for name, value in told.items() if value == value}  # noqa: PLR0124 (NaN)
            yield Fired(rows[row][2], rows[row][0], condition, ts_event, revision, ts_expires, known)

    def _registers(self, values: Floats, expires: Ints, marks: Ints, rows: list[int]) -> list[list[float]]:
        """All registers of some rows: by register, of each row."""
        program, count = self.watch.program, len(rows)
        if not count:
            return []
        registers = np.full((len(program.ops), count), np.nan)
        until = np.full(registers.shape, AWAY, np.int64)
        own = np.ascontiguousarray(values[:, rows]), np.ascontiguousarray(expires[:, rows]), marks[rows]
        run(program.ops, program.constants, *own, _ALL, 0, count, registers, until)
        return registers.tolist()
