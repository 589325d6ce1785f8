"""What the kernels put out, as records of the output topics."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.columns import Columns, Draft
from schemas.market.intervals import MINUTE, SECOND
from schemas.records import record_type
from streams.core.ticks.rows import CONFIRMED, FOLD, FORMING_BAR, MINUTE_BAR, SECOND_BAR, STATUS, Rows, State
from streams.core.ticks.rules import PairNames

_BAR: Final = record_type("Bar")
_STATUS: Final = record_type("MinuteStatus")
_SAME: Final = (
    "ts_open", "session_date", "open", "high", "low", "close", "volume", "notional", "trades", "ts_first",
    "ts_last", "flags",
)  # fmt: skip
_UNSIZED: Final = _BAR.null_bit("notional") | _BAR.null_bit("trades")
_NO_FATES: Final = np.empty(0, FOLD)
_NO_CAUSE: Final = _STATUS.null_bit("cause")

_TOPICS: Final = (
    (MINUTE_BAR, "bars.raw", b"1m"),
    (SECOND_BAR, "bars.1s", b"1s"),
    (FORMING_BAR, "bars.forming", b"1m"),
)

PLACES: Final = 2
"""Places in an output per record of the input: 0 for its bars, 1 for what is passed on."""


class Bars:
    """Rows put out in one step, in order."""

    def __init__(self) -> None:
        self._parts: list[Rows] = []
        self._fates: list[Rows] = []

    def drain(self, state: State) -> None:
        """Take over what kernels put out; the buffer is empty then."""
        used = int(state.used[0])
        if used:
            self._parts.append(_plain(state.out[:used]).copy())
            state.used[0] = 0

    def add(self, at: int, rows: Iterable[Rows]) -> None:
        """Rows that go out with the record at a position."""
        for part in rows:
            part["at"] = at
            self._parts.append(_plain(part))

    def write(self, drafts: dict[str, Draft], pairs: PairNames) -> None:
        """Write them to their topics: at one record by ts_open, then by pair; none are left."""
        if not self._parts:
            return
        parts = _plain(np.concatenate(self._parts)).view(FOLD)
        self._parts.clear()
        order = np.lexsort((parts["pair"], parts["ts_open"], parts["at"]))
        kinds = parts["what"][order]
        found = {
            what: _picked(parts, order[kinds == what]) for what in np.flatnonzero(np.bincount(kinds)).tolist()
        }
        if (fates := order[kinds >= CONFIRMED]).size:
            self._fates.append(_picked(parts, fates))
        if STATUS in found:
            _write_statuses(drafts["bars.raw"], found[STATUS], pairs)
        for what, topic, interval in _TOPICS:
            if what in found:
                _write_bars(drafts[topic], found[what], pairs, interval, what)

    def fates(self) -> Rows:
        """What became of prints that were held, in order, of all that was written."""
        return np.concatenate([_NO_FATES, *self._fates]) if self._fates else _NO_FATES


def _plain(rows: Rows) -> Rows:
    """Rows as bytes without fields: numpy copies structures a field at a time."""
    return rows.view(f"V{rows.dtype.itemsize}")


def _picked(rows: Rows, places: NDArray[np.intp]) -> Rows:
    return _plain(rows)[places].view(FOLD)


def _write_bars(draft: Draft, rows: Rows, pairs: PairNames, interval: bytes, what: int) -> None:
    bars = _BAR.empty(len(rows))
    for name in _SAME:
        bars[name] = rows[name]
    _name(draft, bars, rows, pairs)
    bars["interval"] = draft.texts([interval])[0]
    bars["ts_close"] = rows["ts_open"] + (SECOND if what == SECOND_BAR else MINUTE)
    bars["nulls"] = np.where(rows["trades"] == 0, _UNSIZED, np.uint64(0))
    bars["revision"] = rows["revision"] if what == MINUTE_BAR else 0
    bars["expected"] = what != SECOND_BAR
    bars["actual"] = what == MINUTE_BAR
    bars["complete"] = what != FORMING_BAR
    bars["coverage"] = float(what != FORMING_BAR)
    draft.extend("Bar", bars, rows["at"] * PLACES)


def _write_statuses(draft: Draft, rows: Rows, pairs: PairNames) -> None:
    statuses = _STATUS.empty(len(rows))
    _name(draft, statuses, rows, pairs)
    for name in ("ts_open", "rejected", "late", "duplicate"):
        statuses[name] = rows[name]
    statuses["seq_hole"], statuses["halted"] = rows["hole"], rows["halted"]
    statuses["nulls"] = _NO_CAUSE
    draft.extend("MinuteStatus", statuses, rows["at"] * PLACES)


def _name(draft: Draft, named: Rows, rows: Rows, pairs: PairNames) -> None:
    """Symbol and source of each row."""
    if 8 * len(rows) > len(pairs.pairs):  # all names at once cost less than those in use one by one
        spans = draft.block(pairs.joined)
        named["symbol"], named["source"] = spans[2 * rows["pair"]], spans[2 * rows["pair"] + 1]
        return
    used, where = np.unique(rows["pair"], return_inverse=True)
    named["symbol"] = draft.texts(pairs.pairs[number][0] for number in used)[where]
    named["source"] = draft.texts(pairs.pairs[number][1] for number in used)[where]


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
