"""The scanner of one partition: conditions over every symbol, after each update, and the signals.

Order: a condition over one symbol is judged after each record that changed what it reads, with the watermark
of that moment; one across symbols at each heartbeat that moves the watermark on, over the bars closed by it.
Late: a revision counts as any update: it may raise a condition now, and never takes a signal back.
State: beside each symbol its edges (``edges``), saved before everything else of a checkpoint: so what is
saved of the bars of any symbol is never ahead of the edges of all.
Emits: signals, one for each broker that trades the symbol.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import numpy as np

from schemas.columns import Columns
from schemas.errors import StateError
from schemas.market.symbols import SymbolMap
from streams.core.analytics.abreast import Turn
from streams.core.analytics.plan import Plan
from streams.core.analytics.rows import NULL
from streams.core.analytics.scan.across import Across
from streams.core.analytics.scan.edges import EDGE
from streams.core.analytics.scan.fired import Fired, Told
from streams.core.analytics.scan.single import Single
from streams.core.analytics.scan.watch import NO_EDGES
from streams.core.analytics.state import SymbolState

_SUFFIX: Final = b"|scan"
_NONE: Final = -1


def scan_key(symbol: bytes) -> bytes:
    """State key of a symbol's edges."""
    return symbol + _SUFFIX


def is_scan_key(key: bytes) -> bool:
    """Whether a state is one of the scanner's."""
    return key.endswith(_SUFFIX)


class Scanner:
    """Conditions over the symbols of one partition; without any it costs nothing.

    Args:
        partition: number of the partition.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._order = 0
        self._fired: list[Fired] = []
        self._asleep: dict[bytes, tuple[int, bytes]] = {}
        self._unsaved: set[bytes] = set()
        self._newest = _NONE
        self._mark = NULL
        self._told = Told(partition, SymbolMap((), ()))
        self._single: Single | None = None
        self._across: Across | None = None

    @property
    def watches(self) -> bool:
        """Whether a symbol must be ``watched`` before its bars come side by side with others."""
        return self._single is not None

    def restore(self, plan: Plan | None, watermark: int, states: Mapping[bytes, tuple[int, bytes]]) -> None:
        """Take up saved states.

        Args:
            plan: the configuration in force, None before the first.
            watermark: before which every minute is decided, ns.
            states: offset and body by state key, those of the symbols too.

        Raises:
            StateError: a row of edges is not of its size.
        """
        for key, (offset, body) in states.items():
            if not is_scan_key(key):
                self._newest = max(self._newest, offset)
            elif len(body) % EDGE.itemsize:
                raise StateError(f"edges must be rows of {EDGE.itemsize} bytes, was {len(body)!r}")
            else:
                self._asleep[key.removesuffix(_SUFFIX)] = offset, body
        self._mark = watermark
        if plan is not None:
            self._take(plan)

    def configure(self, plan: Plan | None, offset: int) -> None:
        """Take up a configuration; conditions that mean the same keep their edges, others have none.

        Args:
            plan: the configuration, None before the first.
            offset: of its record.
        """
        if plan is None:
            return
        self._flush()
        self._unsaved |= {name for part in self._parts() for name in part.watch.take_dirty()}
        for name in {name for part in self._parts() for name in part.watch.symbols}:
            if name not in self._asleep:
                self._asleep[name] = offset - 1, self._edges(name)
        self._forget(plan, offset)
        self._take(plan)

    def _take(self, plan: Plan) -> None:
        self._told = Told(self._partition, plan.scan.symbols)
        self._single = Single(plan.scan) if plan.scan.single.conditions else None
        self._across = Across(plan.scan) if plan.scan.ranked.conditions else None

    def _forget(self, plan: Plan, offset: int) -> None:
        """Drop the edges of conditions that are no more, of symbols that do not reflect this yet."""
        programs = plan.scan.single, plan.scan.ranked
        known = [condition.digest for program in programs for condition in program.conditions]
        for name, (reflects, body) in self._asleep.items():
            if reflects >= offset or not body:
                continue
            saved = np.frombuffer(body, EDGE)
            kept = saved[np.isin(saved["digest"], np.array(known, np.uint64))].tobytes()
            if kept != body:
                self._asleep[name] = reflects, kept
                self._unsaved.add(name)

    def update(self, state: SymbolState, offset: int, watermark: int, changed: Collection[int]) -> None:
        """Note what a symbol is after a record.

        Args:
            state: the symbol.
            offset: of the record.
            watermark: before which every minute is decided now, ns.
            changed: interval numbers whose bars or values changed; empty: causes alone.
        """
        self._order += 1
        if self._across is not None:
            self._across.moved([state.name])
        if self._single is None:
            return
        self._single.forget(state.name)
        if self._single.wants(state.name, changed):
            state.watched = self._wake(state.name, offset)
            self._single.note(state, self._order, (watermark, self._mark), awake=state.watched)
        elif not self._single.concerns(state.name):
            state.watched = True

    def turn(self, turn: Turn, watermark: int) -> None:
        """Note what symbols that are awake are after their bars; see ``update``."""
        first = self._order + 1
        self._order += len(turn.states)
        if self._across is not None:
            self._across.moved(state.name for state in turn.states)
        if self._single is not None:
            self._fired += self._single.turn(turn, first, (watermark, self._mark))

    def heartbeat(self, symbols: Mapping[bytes, SymbolState], offset: int, watermark: int) -> None:
        """Judge what looks across symbols, at the end of a heartbeat that moved the watermark on."""
        self._order += 1
        self._mark = watermark
        if self._across is None or offset <= self._newest:
            return
        known = [name for name in self._asleep if name in symbols]
        asleep = {name for name in known if not self._wake(name, offset)}
        self._fired += self._across.judge(symbols, self._order, watermark, asleep)

    def finish(self) -> tuple[dict[str, Columns], dict[str, int]]:
        """The signals of this step in order by topic, none where there are none; and what was counted."""
        self._flush()
        fired, self._fired, self._order = self._fired, [], 0
        found = sum(len(one.found) for one in fired)
        swallowed = 0
        for part in self._parts():
            swallowed, part.watch.swallowed = swallowed + part.watch.swallowed, 0
        counts = {name: count for name, count in (("signals", found), ("debounced", swallowed)) if count}
        return ({"signals": self._told.columns(fired)} if found else {}), counts

    def take_dirty(self) -> dict[bytes, bytes]:
        """Edges that changed since the last call, by state key."""
        names = {name for part in self._parts() for name in part.watch.take_dirty()} | self._unsaved
        self._unsaved = set()
        return {scan_key(name): self._edges(name) for name in sorted(names)}

    def _parts(self) -> Iterable[Single | Across]:
        return [part for part in (self._single, self._across) if part is not None]

    def _flush(self) -> None:
        if self._single is not None:
            self._fired += self._single.judge()

    def _wake(self, name: bytes, offset: int) -> bool:
        """Whether a record counts for a symbol's edges; takes them up at the first that does."""
        reflects, body = self._asleep.get(name, (_NONE, b""))
        if reflects >= offset:
            return False
        saved = np.frombuffer(body, EDGE) if body else NO_EDGES
        if self._asleep.pop(name, None) is None and all(name in part.watch for part in self._parts()):
            return True
        for part in self._parts():
            if name not in part.watch or len(saved):
                part.watch.take_up(name, saved)
        if self._edges(name) != body:
            self._unsaved.add(name)
        return True

    def _edges(self, name: bytes) -> bytes:
        if name in self._asleep:
            return self._asleep[name][1]
        return b"".join(part.watch.edges(name).tobytes() for part in self._parts() if name in part.watch)
