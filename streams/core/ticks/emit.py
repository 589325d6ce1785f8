"""What the kernels put out, as records of the output topics."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.columns import Columns, Draft
from schemas.market.intervals import MINUTE, SECOND
from schemas.records import record_type
from streams.core.ticks.rows import CONFIRMED, FOLD, FORMING_BAR, MINUTE_BAR, SECOND_BAR, STATUS, Rows, State
from streams.core.ticks.rules import Pair

_BAR: Final = record_type("Bar")
_STATUS: Final = record_type("MinuteStatus")
_SAME: Final = (
    "ts_open", "session_date", "open", "high", "low", "close", "volume", "notional", "trades", "ts_first",
    "ts_last", "flags",
)  # fmt: skip
_UNSIZED: Final = _BAR.null_bit("notional") | _BAR.null_bit("trades")
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
            self._parts.append(state.out[:used].copy())
            state.used[0] = 0

    def write(self, drafts: dict[str, Draft], pairs: Sequence[Pair]) -> None:
        """Write them to their topics: at one record by ts_open, then by pair; none are left."""
        if not self._parts:
            return
        rows = np.concatenate(self._parts)
        self._parts.clear()
        rows = rows[np.lexsort((rows["pair"], rows["ts_open"], rows["at"]))]
        self._fates.append(rows[rows["what"] >= CONFIRMED])
        _write_statuses(drafts["bars.raw"], rows[rows["what"] == STATUS], pairs)
        for what, topic, interval in _TOPICS:
            _write_bars(drafts[topic], rows[rows["what"] == what], pairs, interval, what)

    def fates(self) -> Rows:
        """What became of prints that were held, in order, of all that was written."""
        return np.concatenate([np.empty(0, FOLD), *self._fates])


def _write_bars(draft: Draft, rows: Rows, pairs: Sequence[Pair], interval: bytes, what: int) -> None:
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


def _write_statuses(draft: Draft, rows: Rows, pairs: Sequence[Pair]) -> None:
    statuses = _STATUS.empty(len(rows))
    _name(draft, statuses, rows, pairs)
    for name in ("ts_open", "rejected", "late", "duplicate"):
        statuses[name] = rows[name]
    statuses["seq_hole"] = rows["hole"]
    statuses["nulls"] = _NO_CAUSE
    draft.extend("MinuteStatus", statuses, rows["at"] * PLACES)


def _name(draft: Draft, named: Rows, rows: Rows, pairs: Sequence[Pair]) -> None:
    """Symbol and source of each row."""
    used, where = np.unique(rows["pair"], return_inverse=True)
    named["symbol"] = draft.texts(pairs[number][0] for number in used)[where]
    named["source"] = draft.texts(pairs[number][1] for number in used)[where]


def finished(drafts: dict[str, Draft]) -> dict[str, Columns]:
    """The topics that got something, in a fixed order."""
    return {name: drafts[name].finish() for name in sorted(drafts) if len(drafts[name])}
