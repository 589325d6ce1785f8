"""Conditions across symbols: judged for all at once, when the watermark says that every bar up to it is in.

Between two heartbeats some symbols have their new bar and others wait for theirs, and a rank among them would
mix two minutes. So ranks are taken at heartbeats alone, over the bars closed by the watermark.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from streams.core.analytics.rows import Bools
from streams.core.analytics.scan.edges import AWAY
from streams.core.analytics.scan.features import latest
from streams.core.analytics.scan.machine import run
from streams.core.analytics.scan.plan import ScanPlan
from streams.core.analytics.scan.watch import Fired, Watch
from streams.core.analytics.state import SymbolState

_BEFORE: Final = AWAY  # any condition that is true holds beyond it: what counts is the heartbeat before


class Across:
    """The conditions across symbols of a partition.

    Attributes:
        watch: the symbols and their edges.
    """

    def __init__(self, plan: ScanPlan) -> None:
        self.watch = Watch(plan.ranked, plan)
        self._moved: set[bytes] = set()
        self._everything = True
        self._order: list[bytes] = []
        self._slots = np.zeros(0, np.int64)
        count = self.watch.intervals + 1
        self._values = np.full((len(plan.ranked.columns), 0), np.nan)
        self._closes, self._expires = np.full((2, count, 0), AWAY, np.int64)

    def moved(self, symbol: bytes) -> None:
        """Note that a symbol has something new."""
        self._moved.add(symbol)

    def judge(
        self, symbols: Mapping[bytes, SymbolState], order: int, watermark: int, asleep: set[bytes]
    ) -> Iterator[Fired]:
        """The signals at a heartbeat, by symbol.

        Args:
            symbols: every symbol there is.
            order: place among the signals of the step.
            watermark: of the heartbeat, ns.
            asleep: symbols whose edges reflect this heartbeat already.
        """
        self._gather(symbols, watermark)
        if not self._order:
            return
        program, count = self.watch.program, len(self._order)
        registers = np.empty((len(program.ops), count))
        until = np.empty(registers.shape, np.int64)
        marks = np.full(count, watermark, np.int64)
        run(
            program.ops, program.constants, self._values, self._expires, marks, self._among(), 0, count,
            registers, until,
        )  # fmt: skip
        counts = np.array([name not in asleep for name in self._order], np.bool_)
        truth, holds = registers[program.roots], until[program.roots]
        before = np.full(count, _BEFORE, np.int64)
        for row, condition, ts_event, revision, ts_expires in self.watch.judge(
            truth, holds, before, self._closes, self._slots, counts
        ):
            told = {name: float(registers[at, row]) for name, at in condition.told.items()}
            known = {name: value for name, value in told.items() if value == value}  # noqa: PLR0124 (NaN)
            yield Fired(order, self._order[row], condition, ts_event, revision, ts_expires, known)

    def _gather(self, symbols: Mapping[bytes, SymbolState], watermark: int) -> None:
        """Read what moved, by the watermark; what has bars beyond it is read again the next time."""
        if self._everything or self._moved - set(self._order):
            self._everything = False
            self._moved = set(symbols)
            self._order = sorted(symbols)
            self._slots = np.array([self.watch.slot(name) for name in self._order], np.int64)
            shape = (len(self._closes), len(self._order))
            self._values = np.full((len(self._values), len(self._order)), np.nan)
            self._closes, self._expires = np.full(shape, AWAY, np.int64), np.full(shape, AWAY, np.int64)
        values, (closes, expires) = np.empty(len(self._values)), np.empty((2, len(self._closes)), np.int64)
        ahead = set()
        for number, name in enumerate(self._order):
            if name in self._moved and name in symbols:
                self.watch.reader.read(symbols[name], watermark, values, closes, expires)
                self._values[:, number], self._closes[:, number] = values, closes
                self._expires[:, number] = expires
                if latest(symbols[name]) > watermark:
                    ahead.add(name)
        self._moved = ahead

    def _among(self) -> Bools:
        """bool[universes, n], the symbols that each rank is taken among."""
        universes = self.watch.program.universes
        rows = [[not one or name in one for name in self._order] for one in universes]
        return np.array(rows, np.bool_).reshape(len(universes), len(self._order))
