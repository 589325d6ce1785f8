"""What the kernels put out, as records of the output topics."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import span
from schemas.columns import Columns, Draft
from schemas.flags import WITHDRAWN
from schemas.records import record_type
from streams.core.plain import plain
from streams.core.ticks.book import PairNames
from streams.core.ticks.outgoing import PLACES, arrange, size_of_names, write_bars
from streams.core.ticks.rows import (
    CONFIRMED,
    FOLD,
    FORMING_BAR,
    KINDS,
    MINUTE_BAR,
    SECOND_BAR,
    STATUS,
    Ints,
    Rows,
)
from streams.core.ticks.state import State

_BAR: Final = record_type("Bar")
_UNSIZED: Final = _BAR.null_bit("notional") | _BAR.null_bit("trades")
_STATUS: Final = record_type("MinuteStatus")
_NO_FATES: Final = np.empty(0, FOLD)
_NO_CAUSE: Final = _STATUS.null_bit("cause")

_TOPICS: Final = (
    (MINUTE_BAR, "bars.raw", b"1m"),
    (SECOND_BAR, "bars.1s", b"1s"),
    (FORMING_BAR, "bars.forming", b"1m"),
)


class Bars:
    """Rows put out in one step, in order."""

    def __init__(self) -> None:
        self._parts: list[Rows] = []
        self._fates: list[Rows] = []

    def drain(self, state: State) -> None:
        """Take over what kernels put out; the buffer is empty then."""
        used = int(state.used[0])
        if used:
            self._parts.append(plain(state.out[:used]).copy())
            state.used[0] = 0

    def parts(self, start: int) -> list[Rows]:
        """What was taken over and not written yet, from a part on."""
        return [part.view(FOLD) for part in self._parts[start:]]

    def add(self, at: int, rows: Iterable[Rows]) -> None:
        """Rows that go out with the record at a position."""
        for part in rows:
            part["at"] = at
            self._parts.append(plain(part))

    def write(self, drafts: dict[str, Draft], pairs: PairNames) -> None:
        """Write them to their topics: at one record by ts_open, then by pair; none are left."""
        if not self._parts:
            return
        rows = (self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)).view(FOLD)
        self._parts.clear()
        starts, order = np.zeros(KINDS + 1, np.int64), np.empty(len(rows), np.int64)
        if not arrange(rows, starts, order):
            order = np.lexsort((rows["pair"], rows["ts_open"], rows["at"], rows["what"]))
        found = [order[start:end] for start, end in pairwise(starts.tolist())]
        if starts[CONFIRMED] < len(rows):
            fates = plain(rows)[np.flatnonzero(rows["what"] >= CONFIRMED)].view(FOLD)
            fates = fates[np.lexsort((fates["pair"], fates["at"]))]
            self._fates.append(fates)
        if len(found[STATUS]):
            _write_statuses(drafts["bars.raw"], rows, found[STATUS], pairs)
        for what, topic, interval in _TOPICS:
            if len(found[what]):
                _write_bars(drafts[topic], rows, found[what], pairs, interval, what)

    def fates(self) -> Rows:
        """What became of prints that were held, in order, of all that was written."""
        return np.concatenate([_NO_FATES, *self._fates]) if self._fates else _NO_FATES


def _write_bars(draft: Draft, rows: Rows, order: Ints, pairs: PairNames, interval: bytes, what: int) -> None:
    bars, ats = _BAR.empty(len(order)), np.empty(len(order), np.int64)
    named = span(*draft.text(interval))
    names = np.empty(size_of_names(rows, order, pairs.spans), np.uint8)
    write_bars(rows, order, what, pairs.texts, pairs.spans, named, names, draft.size, bars, ats)
    draft.append(names)
    if what == MINUTE_BAR:
        _withdraw(bars, rows["prints"][order] == 0)
    draft.extend("Bar", bars, ats)


def _withdraw(bars: Rows, empty: NDArray[np.bool_]) -> None:
    """Leave nothing but the flag of bars whose prints were all cancelled after they were published."""
    if empty.any():
        for name in ("volume", "notional", "trades", "actual", "complete", "coverage"):
            bars[name][empty] = 0
        bars["nulls"][empty] = _UNSIZED
        bars["flags"][empty] |= WITHDRAWN


def _write_statuses(draft: Draft, rows: Rows, order: Ints, pairs: PairNames) -> None:
    found = plain(rows)[order].view(FOLD)
    statuses = _STATUS.empty(len(found))
    for position, name in enumerate(("symbol", "source")):
        texts = [pairs.pairs[pair][position] for pair in found["pair"].tolist()]
        statuses[name] = draft.texts(texts)
    for name in ("ts_open", "rejected", "late", "duplicate"):
        statuses[name] = found[name]
    statuses["seq_hole"], statuses["halted"] = found["hole"], found["halted"]
    statuses["nulls"] = _NO_CAUSE
    draft.extend("MinuteStatus", statuses, found["at"] * PLACES)


class Drafts(dict[str, Draft]):
    """The drafts of a partition by topic, made when they are first asked for."""

    def __init__(self, partition: int) -> None:
        super().__init__()
        self._partition = partition

    def __missing__(self, topic: str) -> Draft:
        self[topic] = Draft(topic, self._partition)
        return self[topic]


def finished(drafts: dict[str, Draft]) -> dict[str, Columns]:
    """The topics that got something, in a fixed order."""
    return {name: drafts[name].finish() for name in sorted(drafts) if len(drafts[name])}
