"""Conditions over one symbol: noted update by update, judged together.

What a condition says of an update depends on that symbol alone, so the updates of a step are gathered as
rows and evaluated at once; where a step ends changes nothing. The bars of a turn are of one symbol each: they
are judged together right away, after what was noted before them.
"""

from collections.abc import Collection, Iterator
from typing import Final

import numpy as np

from streams.core.analytics.abreast import Group, Turn
from streams.core.analytics.derive import PUBLISHED
from streams.core.analytics.rows import NONE, Bools, Ints
from streams.core.analytics.scan.fired import Fired
from streams.core.analytics.scan.latest import Latest
from streams.core.analytics.scan.plan import ScanPlan
from streams.core.analytics.scan.reader import NOW
from streams.core.analytics.scan.watch import Watch
from streams.core.analytics.state import SymbolState

_UNCONCERNED: Final = -2  # where ``Room.watched`` says that no condition is evaluated for a symbol
_SOME: Final = 64


class Single:
    """The conditions over one symbol, for all symbols of a partition.

    Attributes:
        watch: the symbols and their edges.
    """

    def __init__(self, plan: ScanPlan) -> None:
        self.watch = Watch(plan.single, plan)
        self._concerns: dict[bytes, bool] = {}
        columns, intervals = len(plan.single.columns), self.watch.intervals
        self._latest = Latest(columns, intervals, _SOME)
        self._noted = Latest(columns, intervals, _SOME)
        self._rows: list[tuple[int, int, bool, int, int]] = []

    def wants(self, symbol: bytes, changed: Collection[int]) -> bool:
        """Whether a change of a symbol touches any condition; quality moves with every minute."""
        reads = self.watch.reads
        return self.concerns(symbol) and (self.watch.intervals in reads or not reads.isdisjoint(changed))

    def concerns(self, symbol: bytes) -> bool:
        """Whether any condition is evaluated for a symbol."""
        found = self._concerns.get(symbol)
        if found is None:
            found = self._concerns[symbol] = self.watch.concerns(symbol)
        return found

    def forget(self, symbol: bytes) -> None:
        """A symbol changed otherwise than by its next bar: what was read of it is not what it is now."""
        if symbol in self.watch:
            self._latest.forget(self._row(symbol))

    def note(self, state: SymbolState, order: int, marks: tuple[int, int], *, awake: bool) -> None:
        """Note what a symbol is after an update.

        Args:
            state: the symbol.
            order: place among the signals of the step.
            marks: the watermark after the record and before it, ns.
            awake: whether the edges of the symbol do not reflect the record yet.
        """
        row = len(self._rows)
        if row == len(self._noted):
            self._noted.grow()
        self.watch.reader.read([state], np.array([row]), NOW, self._noted)
        self._rows.append((order, self.watch.slot(state.name), awake, *marks))

    def judge(self) -> Iterator[Fired]:
        """The signals of what was noted, in order."""
        if not self._rows:
            return
        noted, self._rows = np.array(self._rows, np.int64).T.copy(), []
        orders, slots, awake, after, before = noted
        rows = np.arange(len(orders))
        yield from self.watch.judge(self._noted, rows, (after, before), orders, slots, awake == 1)

    def turn(self, turn: Turn, order: int, marks: tuple[int, int]) -> Iterator[Fired]:
        """The signals of the bars of a turn, whose symbols are awake, and of what was noted before.

        Args:
            turn: the bars.
            order: place of the first of them among the signals of the step.
            marks: see ``note``.
        """
        yield from self.judge()
        found = list[tuple[Ints, Ints]]()
        for group in turn.groups:
            rows = self._rows_of(group, turn)
            members = np.flatnonzero((rows >= 0) & self._touched(group))
            rows = rows[members]
            self.watch.reader.follow(group, members, rows, self._latest)
            found.append((rows, order + group.order[members]))
        rows, orders = (np.concatenate(parts) for parts in zip(*found, strict=True))
        is_alone = self._is_alone(rows, marks[0])
        for own, minutes_alone in ((is_alone, True), (~is_alone, False)):
            yield from self._judge(rows[own], orders[own], marks, minutes_alone=minutes_alone)

    def _judge(
        self, rows: Ints, orders: Ints, marks: tuple[int, int], *, minutes_alone: bool
    ) -> Iterator[Fired]:
        after, before = (np.full(len(rows), mark, np.int64) for mark in marks)
        awake = np.ones(len(rows), np.bool_)
        return self.watch.judge(
            self._latest, rows, (after, before), orders, rows, awake, minutes_alone=minutes_alone
        )

    def _is_alone(self, rows: Ints, watermark: int) -> Bools:
        """Of which symbols a minute came and nothing else, so that the other conditions are as they were."""
        others = ~(1 | 1 << self.watch.intervals)
        is_minute: Bools = self._latest.changed[rows] & others == 0
        return is_minute & self.watch.is_quiet(rows, watermark)

    def _rows_of(self, group: Group, turn: Turn) -> Ints:
        """Number of each symbol of a group here, negative for those that no condition is evaluated for."""
        rows: Ints = group.room.watched[group.lanes]
        for place in np.flatnonzero(rows == NONE).tolist():
            name = turn.states[int(group.order[place])].name
            rows[place] = self._row(name) if self.concerns(name) else _UNCONCERNED
            group.room.watched[group.lanes[place]] = rows[place]
        return rows

    def _row(self, symbol: bytes) -> int:
        row = self.watch.slot(symbol)
        while row >= len(self._latest):
            self._latest.grow()
        return row

    def _touched(self, group: Group) -> Bools:
        """Which bars of a turn change what any condition reads."""
        reads = self.watch.reads
        if 0 in reads or self.watch.intervals in reads:
            return np.ones(len(group.order), np.bool_)
        return np.asarray((group.found[:, sorted(reads)] == PUBLISHED).any(axis=1))
