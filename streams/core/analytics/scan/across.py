"""Conditions across symbols: judged for all at once, when the watermark says that every bar up to it is in.

Between two heartbeats some symbols have their new bar and others wait for theirs, and a rank among them would
mix two minutes. So ranks are taken at heartbeats alone, over the bars closed by the watermark.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from streams.core.analytics.rows import Bools
from streams.core.analytics.scan.edges import AWAY
from streams.core.analytics.scan.fired import Fired
from streams.core.analytics.scan.latest import Latest
from streams.core.analytics.scan.machine import run
from streams.core.analytics.scan.plan import ScanPlan
from streams.core.analytics.scan.reader import latest_close
from streams.core.analytics.scan.watch import Watch
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
        self._latest = Latest(len(plan.ranked.columns), self.watch.intervals, 0)

    def moved(self, symbols: Iterable[bytes]) -> None:
        """Note that symbols have something new."""
        self._moved.update(symbols)

    def judge(
        self, symbols: Mapping[bytes, SymbolState], order: int, watermark: int, asleep: set[bytes]
    ) -> list[Fired]:
        """The signals at a heartbeat, by symbol.

        Args:
            symbols: every symbol there is.
            order: place among the signals of the step.
            watermark: of the heartbeat, ns.
            asleep: symbols whose edges reflect this heartbeat already.
        """
        self._gather(symbols, watermark)
        if not self._order:
            return []
        program, count = self.watch.program, len(self._order)
        registers = np.empty((len(program.ops), count))
        until = np.empty(registers.shape, np.int64)
        marks = np.full(count, watermark, np.int64)
        latest = self._latest
        every = np.arange(len(program.ops))
        values, expires = np.ascontiguousarray(latest.values.T), np.ascontiguousarray(latest.expires.T)
        run(
            program.ops, program.constants, every, values, expires, marks, self._among(), 0, count, registers,
            until,
        )  # fmt: skip
        counts = np.array([name not in asleep for name in self._order], np.bool_)
        before, orders = np.full(count, _BEFORE, np.int64), np.full(count, order, np.int64)
        closes = np.ascontiguousarray(latest.closes.T)
        return [self.watch.rise(registers, until, before, closes, orders, self._slots, counts)]

    def _gather(self, symbols: Mapping[bytes, SymbolState], watermark: int) -> None:
        """Read what moved, by the watermark; what has bars beyond it is read again the next time."""
        if self._everything or self._moved - set(self._order):
            self._everything = False
            self._moved = set(symbols)
            self._order = sorted(symbols)
            self._slots = np.array([self.watch.slot(name) for name in self._order], np.int64)
            self._latest = Latest(len(self.watch.program.columns), self.watch.intervals, len(self._order))
        rows = [row for row, name in enumerate(self._order) if name in self._moved and name in symbols]
        states = [symbols[self._order[row]] for row in rows]
        self.watch.reader.read(states, np.array(rows, np.int64), watermark, self._latest)
        self._moved = {state.name for state in states if latest_close(state) > watermark}

    def _among(self) -> Bools:
        """bool[universes, n], the symbols that each rank is taken among."""
        universes = self.watch.program.universes
        rows = [[not one or name in one for name in self._order] for one in universes]
        return np.array(rows, np.bool_).reshape(len(universes), len(self._order))
