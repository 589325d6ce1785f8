"""Prints into minutes and seconds, in fold order ``(ts_event, seq, price, size)``, not in that of the log.

Of that order only ``(ts_event, seq, price)`` shows in a bar: two prints that differ in size alone have the
same price. Sums are taken in log order, so the same log gives the same bytes.
"""

from typing import Any

import numpy as np

from schemas.jit import kernel
from schemas.market.intervals import MINUTE, SECOND
from streams.core.ticks.close import publish, revise
from streams.core.ticks.rows import FORMING_BAR, FORMING_SLOT, Emitted, Int, Live, Rules, State


@kernel
def start(row: Any, ts_open: Int, session_date: Int) -> None:
    """Make a row an empty minute or second."""
    row["ts_open"] = ts_open
    row["session_date"] = session_date
    row["open"] = row["high"] = row["low"] = row["close"] = 0.0
    row["volume"] = row["notional"] = 0.0
    row["ts_first"] = row["seq_first"] = row["ts_last"] = row["seq_last"] = 0
    row["prints"] = row["trades"] = row["flags"] = 0
    row["rejected"] = row["late"] = row["duplicate"] = 0
    row["revision"] = -1
    row["closed"] = row["changed"] = 0


@kernel
def fold(row: Any, ts: Int, seq: Int, price: float, size: float, flags: Int) -> None:
    """Fold one print into a row."""
    first = row["prints"] == 0
    if first or (ts, seq, price) < (row["ts_first"], row["seq_first"], row["open"]):
        row["ts_first"], row["seq_first"], row["open"] = ts, seq, price
    if first or (ts, seq, price) > (row["ts_last"], row["seq_last"], row["close"]):
        row["ts_last"], row["seq_last"], row["close"] = ts, seq, price
    if first or price > row["high"]:
        row["high"] = price
    if first or price < row["low"]:
        row["low"] = price
    row["prints"] += 1
    row["flags"] |= flags
    if size == size:  # noqa: PLR0124  (NaN is null)
        row["volume"] += size
        row["notional"] += price * size
        row["trades"] += 1


@kernel
def open_minute(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, pair: Int, ts: Int, date: Int
) -> Int:
    """Slot of the minute of an instant, started if the pair has none of it yet."""
    ts_open = ts - ts % MINUTE
    slot = np.int64((ts // MINUTE) & (state.minutes - 1))
    row = state.folds[pair, slot]
    if row["ts_open"] != ts_open:
        if row["changed"] == 1:  # nothing came in between that could have published it
            revise(state, rules, live, out, at, pair, slot)
        start(row, ts_open, date)
        source = rules.rows[pair]["source"]
        disorder = state.pairs[pair]["disorder"]
        if ts_open + MINUTE <= live.marks[source] - disorder:
            row["closed"] = 1
        else:
            _wait(state, source, pair, 0, ts_open + MINUTE + disorder)
    return slot


@kernel
def _wait(state: State, source: Int, pair: Int, which: Int, mark: Int) -> None:
    state.due[pair, which] = min(state.due[pair, which], mark)
    state.source_due[source] = min(state.source_due[source], mark)


@kernel
def fold_minute(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, offset: Int, one: Any, date: Int
) -> None:
    """Fold a print into its minute and put the forming bar out where it is due."""
    pair, ts = one["pair"], one["ts_event"]
    largest = state.pairs[pair]["ts_largest"]
    enters = ts > largest and ts // FORMING_SLOT > largest // FORMING_SLOT
    if ts > largest:
        state.pairs[pair]["ts_largest"] = ts
    slot = (ts // MINUTE) & (state.minutes - 1)
    if offset <= state.fold_offsets[pair, slot]:
        return
    open_minute(state, rules, live, out, at, pair, ts, date)
    row = state.folds[pair, slot]
    fold(row, ts, one["seq"], one["price"], one["size"], one["flags"])
    state.fold_dirty[pair, slot] = True
    if row["closed"] == 1 and row["changed"] == 0:
        row["changed"] = 1
        state.pending[pair] += 1
    if enters:
        publish(state, out, at, pair, slot, FORMING_BAR)


@kernel
def fold_second(state: State, rules: Rules, live: Live, offset: Int, one: Any, date: Int) -> None:
    """Fold a print into its second, unless that is closed: a second is never revised."""
    pair, ts = one["pair"], one["ts_event"]
    ts_open = ts - ts % SECOND
    source = rules.rows[pair]["source"]
    disorder = state.pairs[pair]["disorder"]
    slot = state.minutes + ((ts // SECOND) & (state.seconds - 1))
    if ts_open + SECOND <= max(live.marks[source] - disorder, state.pairs[pair]["ts_seconds"]):
        return
    if offset <= state.fold_offsets[pair, slot]:
        return
    row = state.folds[pair, slot]
    if row["ts_open"] != ts_open:
        start(row, ts_open, date)
        _wait(state, source, pair, 1, ts_open + SECOND + disorder)
    fold(row, ts, one["seq"], one["price"], one["size"], one["flags"])
    state.fold_dirty[pair, slot] = True
