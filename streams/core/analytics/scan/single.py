"""Conditions over one symbol: noted update by update, judged together.

What a condition says of an update depends on that symbol alone, so the updates of a step are gathered as
columns and evaluated at once; where a step ends changes nothing.
"""

from collections.abc import Collection, Iterator

import numpy as np

from streams.core.analytics.rows import Floats, Ints
from streams.core.analytics.scan.edges import AWAY
from streams.core.analytics.scan.machine import BLOCK, evaluate, run
from streams.core.analytics.scan.plan import ScanPlan
from streams.core.analytics.scan.watch import Fired, Watch
from streams.core.analytics.state import SymbolState

_NOW = 2**62


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
        if symbol not in self._concerns:
            self._concerns[symbol] = self.watch.concerns(symbol)
        reads = self.watch.reads
        return self._concerns[symbol] and (self.watch.intervals in reads or not reads.isdisjoint(changed))

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
        self.watch.reader.read(state, _NOW, values, closes, expires)
        self._values.append(values)
        self._closes.append(closes)
        self._expires.append(expires)
        self._marks.append(marks)
        self._rows.append((state.name, self.watch.slot(state.name), order, awake))

    def judge(self) -> Iterator[Fired]:
        """The signals of what was noted, in order."""
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        values: Floats = np.ascontiguousarray(np.array(self._values).T)
        closes: Ints = np.ascontiguousarray(np.array(self._closes).T)
        expires: Ints = np.ascontiguousarray(np.array(self._expires).T)
        marks, before = np.ascontiguousarray(np.array(self._marks, np.int64).T)
        self._values, self._closes, self._expires, self._marks = [], [], [], []
        slots = np.array([row[1] for row in rows], np.int64)
        awake = np.array([row[3] for row in rows], np.bool_)
        program = self.watch.program
        truth = np.empty((len(program.roots), len(rows)))
        until = np.empty(truth.shape, np.int64)
        evaluate(program.ops, program.constants, program.roots, values, expires, marks, BLOCK, truth, until)
        for row, condition, ts_event, revision, ts_expires in self.watch.judge(
            truth, until, before, closes, slots, awake
        ):
            registers = self._registers(values, expires, marks, row)
            told = {name: float(registers[at]) for name, at in condition.told.items()}
            known = {name: value for name, value in told.items() if value == value}  # noqa: PLR0124 (NaN)
            yield Fired(rows[row][2], rows[row][0], condition, ts_event, revision, ts_expires, known)

    def _registers(self, values: Floats, expires: Ints, marks: Ints, row: int) -> Floats:
        """All registers of one row."""
        program = self.watch.program
        registers = np.full((len(program.ops), 1), np.nan)
        until = np.full(registers.shape, AWAY, np.int64)
        among = np.ones((1, 1), np.bool_)
        run(
            program.ops, program.constants, values, expires, marks, among, row, row + 1, registers, until
        )  # fmt: skip
        return np.asarray(registers[:, 0])
