"""What the kernels put out, as records of the output topics."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.columns import Columns, Draft
from schemas.market.intervals import MINUTE, SECOND
from schemas.records import record_type
from streams.core.ticks.rows import FORMING_BAR, MINUTE_BAR, SECOND_BAR, STATUS, Emitted, Ints, Rows
from streams.core.ticks.rules import Pair

_BAR: Final = record_type("Bar")
_STATUS: Final = record_type("MinuteStatus")
_SAME: Final = ("ts_open", "session_date", "open", "high", "low", "close", "volume", "ts_first", "ts_last")
_UNSIZED: Final = _BAR.null_bit("notional") | _BAR.null_bit("trades")
_NO_CAUSE: Final = _STATUS.null_bit("cause")

BARS_FIRST: Final = 4
"""Places in an output per record of the input: its bars, then its heartbeat or configuration."""


class Bars:
    """Rows put out in one step, in order."""

    def __init__(self) -> None:
        self._heads: list[Ints] = []
        self._rows: list[Rows] = []

    def drain(self, out: Emitted) -> None:
        """Take over what kernels put out; the buffer is empty then."""
        count = int(out.used[0])
        if count:
            self._heads.append(out.heads[:count].copy())
            self._rows.append(out.rows[:count].copy())
            out.used[0] = 0

    def write(self, drafts: dict[str, Draft], pairs: Sequence[Pair]) -> None:
        """Write them to their topics: at one record by ts_open, then by pair."""
        if not self._heads:
            return
        heads, rows = np.concatenate(self._heads), np.concatenate(self._rows)
        order = np.lexsort((heads[:, 1], rows["ts_open"], heads[:, 0]))
        heads, rows = heads[order], rows[order]
        for what, topic, interval in (
            (SECOND_BAR, "bars.1s", b"1s"),
            (FORMING_BAR, "bars.forming", b"1m"),
            (MINUTE_BAR, "bars.raw", b"1m"),
        ):
            chosen = heads[:, 2] == what
            if what == MINUTE_BAR:
                said = heads[:, 2] == STATUS
                _write_statuses(drafts["bars.raw"], heads[said], rows[said], pairs)
            _write_bars(drafts[topic], heads[chosen], rows[chosen], pairs, interval, what)


def _write_bars(
    draft: Draft, heads: Ints, rows: Rows, pairs: Sequence[Pair], interval: bytes, what: int
) -> None:
    bars = _BAR.empty(len(rows))
    for name in _SAME:
        bars[name] = rows[name]
    _name(draft, bars, heads, pairs)
    bars["interval"] = draft.texts([interval])[0]
    bars["ts_close"] = rows["ts_open"] + (SECOND if what == SECOND_BAR else MINUTE)
    bars["notional"], bars["trades"] = rows["notional"], rows["trades"]
    bars["nulls"] = np.where(rows["trades"] == 0, _UNSIZED, np.uint64(0))
    bars["flags"] = rows["flags"]
    bars["revision"] = rows["revision"] if what == MINUTE_BAR else 0
    bars["expected"] = what != SECOND_BAR
    bars["actual"] = what == MINUTE_BAR
    bars["complete"] = what != FORMING_BAR
    bars["coverage"] = float(what != FORMING_BAR)
    draft.extend("Bar", bars, heads[:, 0] * BARS_FIRST)


def _write_statuses(draft: Draft, heads: Ints, rows: Rows, pairs: Sequence[Pair]) -> None:
    statuses = _STATUS.empty(len(rows))
    _name(draft, statuses, heads, pairs)
    for name in ("ts_open", "rejected", "late", "duplicate"):
        statuses[name] = rows[name]
    statuses["nulls"] = _NO_CAUSE
    draft.extend("MinuteStatus", statuses, heads[:, 0] * BARS_FIRST)


def _name(draft: Draft, rows: Rows, heads: Ints, pairs: Sequence[Pair]) -> None:
    """Symbol and source of each row."""
    used, where = np.unique(heads[:, 1], return_inverse=True)
    rows["symbol"] = draft.texts(pairs[number][0] for number in used)[where]
    rows["source"] = draft.texts(pairs[number][1] for number in used)[where]


def finished(drafts: dict[str, Draft]) -> dict[str, Columns]:
    """The topics that got something, in a fixed order."""
    return {name: drafts[name].finish() for name in sorted(drafts) if len(drafts[name])}
