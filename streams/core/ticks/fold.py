"""Prints into minutes and seconds, in fold order ``(ts_event, seq, price, size)``, not in that of the log.

Of that order only ``(ts_event, seq, price)`` shows in a bar: two prints that differ in size alone have the
same price. Sums are taken in log order, so the same log gives the same bytes.
"""

from typing import Any

import numpy as np

from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE, SECOND
from streams.core.ticks.close import publish, revise
from streams.core.ticks.rows import (
    DUE_MINUTE,
    DUE_SECOND,
    FORMING_BAR,
    FORMING_SLOT,
    PRICED,
    Int,
)
from streams.core.ticks.session import minute_of, minute_slot, second_of, second_slot, seek_segment
from streams.core.ticks.state import MINUTES, State, bit_of, fold_of, note


@inlined
def start(row: Any, ts_open: Int, session_date: Int) -> None:
    """Make a row an empty minute or second."""
    row["ts_open"] = ts_open
    row["session_date"] = session_date
    row["open"] = row["high"] = row["low"] = row["close"] = 0.0
    row["volume"] = row["notional"] = 0.0
    row["ts_first"] = row["seq_first"] = row["ts_last"] = row["seq_last"] = 0
    row["prints"] = row["trades"] = row["flags"] = 0
    row["rejected"] = row["late"] = row["duplicate"] = row["hole"] = 0
    row["revision"] = -1
    row["closed"] = row["changed"] = 0


@inlined
def _precedes(ts: Int, seq: Int, price: float, other_ts: Int, other_seq: Int, other_price: float) -> bool:
    """Fold order of two prints."""
    if ts != other_ts:
        return bool(ts < other_ts)
    if seq != other_seq:
        return bool(seq < other_seq)
    return bool(price < other_price)


@inlined
def _fold_price(row: Any, ts: Int, seq: Int, price: float, flags: Int) -> None:
    prints = row["prints"]
    row["prints"] = prints + 1
    if prints == 0:
        row["ts_first"] = row["ts_last"] = ts
        row["seq_first"] = row["seq_last"] = seq
        row["open"] = row["high"] = row["low"] = row["close"] = price
    elif _precedes(row["ts_last"], row["seq_last"], row["close"], ts, seq, price):
        row["ts_last"], row["seq_last"], row["close"] = ts, seq, price
    elif _precedes(ts, seq, price, row["ts_first"], row["seq_first"], row["open"]):
        row["ts_first"], row["seq_first"], row["open"] = ts, seq, price
    row["high"] = max(row["high"], price)
    row["low"] = min(row["low"], price)
    row["flags"] |= flags


@inlined
def fold(row: Any, one: Any) -> None:
    """Fold one print into a row; of one that counts for volume alone no price is taken."""
    price, size = one["price"], one["size"]
    if one["folds"] == PRICED:
        _fold_price(row, one["ts_event"], one["seq"], price, one["flags"])
    row["dirty"] = 1
    if size == size:  # noqa: PLR0124  (NaN is null)
        row["volume"] += size
        row["notional"] += price * size
        row["trades"] += 1


@kernel
def open_minute(state: State, at: Int, pair: Int, slot: Int, ts: Int) -> None:
    """Start the minute of an instant in its slot; the instant is within a session."""
    row, owner, ts_open = fold_of(state, pair, slot), state.pairs[pair], ts - ts % MINUTE
    seek_segment(state.segments, owner, ts)
    if row["changed"] == 1:  # no heartbeat came in between that could have published it
        revise(state, at, pair, slot)
    start(row, ts_open, owner["session_date"])
    row["dirty"] = 1
    note(state, owner, slot)
    source = state.sources[owner["source"]]
    due = ts_open + MINUTE + owner["disorder"]
    if due <= source["mark"]:
        row["closed"] = 1
    else:
        state.dues[pair, DUE_MINUTE] = min(state.dues[pair, DUE_MINUTE], due)
        source["due"] = min(source["due"], due)


@kernel
def _open_second(state: State, pair: Int, slot: Int, ts: Int) -> None:
    """Start the second of an instant in its slot."""
    owner, ts_open = state.pairs[pair], ts - ts % SECOND
    seek_segment(state.segments, owner, ts)
    start(fold_of(state, pair, slot), ts_open, owner["session_date"])
    note(state, owner, slot)
    source = state.sources[owner["source"]]
    due = ts_open + SECOND + owner["disorder"]
    state.dues[pair, DUE_SECOND] = min(state.dues[pair, DUE_SECOND], due)
    source["due"] = min(source["due"], due)


@kernel
def open_rows(state: State, at: Int, offset: Int, pair: Int, ts: Int) -> None:
    """Start the minute and the second of an instant where they may be and are not.

    A second that is closed stays closed: it is never revised. A slot whose restored state reflects the record
    is left alone.
    """
    owner = state.pairs[pair]
    slot = np.int64((ts // MINUTE) & (state.minutes - 1))
    row = fold_of(state, pair, slot)
    if offset > row["offset"] and row["ts_open"] != ts - ts % MINUTE:
        open_minute(state, at, pair, slot, ts)
    slot = np.int64(state.minutes + ((ts // SECOND) & (state.seconds - 1)))
    row, ts_close = fold_of(state, pair, slot), ts - ts % SECOND + SECOND
    closed = max(owner["ts_seconds"], state.sources[owner["source"]]["mark"] - owner["disorder"])
    if owner["last_price"] == 1:
        return
    if offset > row["offset"] and row["ts_open"] != ts_close - SECOND and ts_close > closed:
        _open_second(state, pair, slot, ts)


@inlined
def _follow_close(owner: Any, source: Any, minute: Any, slot: Int) -> None:
    """Note that a closed minute changed, and is to be revised; one without any price is no bar."""
    if minute["closed"] == 0:
        return
    owner["in_use"][MINUTES] |= bit_of(slot)
    if minute["changed"] == 0 and minute["prints"] > 0 and owner["last_price"] == 0:
        minute["changed"] = 1
        owner["pending"] += 1
        source["pending"] += 1


@inlined
def fold_print(owner: Any, source: Any, minute: Any, second: Any, one: Any, offset: Int, slot: Int) -> bool:
    """Fold a print into its minute and second where they are open to it.

    Takes rows alone, never the state: a call that takes its arrays costs as much as all the rest of a print.

    Returns:
        Whether the forming bar is due.
    """
    ts, largest = one["ts_event"], owner["ts_largest"]
    owner["ts_largest"] = max(largest, ts)
    if offset > second["offset"] and second["ts_open"] == second_of(ts):
        fold(second, one)
    if offset <= minute["offset"] or minute["ts_open"] != minute_of(ts):
        return False
    fold(minute, one)
    _follow_close(owner, source, minute, slot)
    if ts < owner["forming_from"] or minute["prints"] == 0:
        return False
    owner["forming_from"] = max(largest, ts) // FORMING_SLOT * FORMING_SLOT + FORMING_SLOT
    return bool(ts > largest and ts // FORMING_SLOT > largest // FORMING_SLOT)


@kernel
def fold_auction(state: State, at: Int, offset: Int, pair: Int, one: Any) -> None:
    """Fold a print that came after the close into the last minute; the second it counts for is closed."""
    owner, ts = state.pairs[pair], one["ts_bar"]
    slot = np.int64((ts // MINUTE) & (state.minutes - 1))
    row = fold_of(state, pair, slot)
    if offset <= row["offset"]:
        return
    if row["ts_open"] != ts - ts % MINUTE:
        open_minute(state, at, pair, slot, ts)
    fold(row, one)
    _follow_close(owner, state.sources[owner["source"]], row, slot)


@inlined
def fold_in(state: State, at: Int, offset: Int, pair: Int, one: Any, owner: Any, source: Any) -> None:
    """Fold an admitted print and put the forming bar out where it is due."""
    ts = one["ts_event"]
    if one["ts_bar"] != ts:
        fold_auction(state, at, offset, pair, one)
        return
    slot = minute_slot(ts, state.minutes)
    minute = fold_of(state, pair, slot)
    second = fold_of(state, pair, second_slot(ts, state.minutes, state.seconds))
    if minute["ts_open"] != minute_of(ts) or second["ts_open"] != second_of(ts):
        open_rows(state, at, offset, pair, ts)
    if fold_print(owner, source, minute, second, one, offset, slot):
        publish(state, at, pair, slot, FORMING_BAR)
