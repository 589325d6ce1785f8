"""The hot path: the records of a batch one after the other, marks, closing and folding included.

For each print, in log order: it moves its source's mark, which may close bars; then it is late, refused,
a duplicate, or admitted and folded. Effects on a pair whose restored state reflects the record are skipped;
its mark moves all the same (R3).
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE, SECOND
from streams.core.ticks.close import close_source, publish
from streams.core.ticks.fold import fold_print, open_minute, open_rows
from streams.core.ticks.identity import identify
from streams.core.ticks.rows import (
    ADMITTED,
    BELOW_WINDOW,
    CONTROL,
    FORMING_BAR,
    SKIPPED,
    V01,
    V09,
    V10,
    V11,
    V16,
    Int,
    Ints,
    Rows,
    State,
)
from streams.core.watermark import NEVER

Verdicts: TypeAlias = NDArray[np.int16]


@inlined
def seek_segment(segments: Rows, owner: Any, ts: Int) -> bool:
    """Make the segment of trading around an instant the pair's; whether there is one."""
    if owner["ts_from"] <= ts < owner["ts_until"]:
        return True
    low, high = owner["first"], owner["last"]
    while low < high:  # first segment that opens after the instant
        middle = (low + high) // 2
        if segments[middle]["ts_open"] <= ts:
            low = middle + 1
        else:
            high = middle
    if low == owner["first"] or ts >= segments[low - 1]["ts_close"]:
        return False
    found = segments[low - 1]
    owner["ts_from"], owner["ts_until"] = found["ts_open"], found["ts_close"]
    owner["session_date"] = found["session_date"]
    return True


@inlined
def _judge(segments: Rows, owner: Any, one: Any, watermark: Int, verdict: Int) -> Int:
    """Verdict on a print that moved its mark."""
    ts = one["ts_event"]
    if ts - ts % MINUTE + MINUTE + owner["lateness"] <= watermark:
        return V09
    if not seek_segment(segments, owner, ts):
        return V10
    if verdict == V11:
        return V11
    return identify(owner, one["window"], one["number"])


@kernel
def _note(state: State, at: Int, offset: Int, one: Any, owner: Any, verdict: Int) -> None:
    """Tell the minute of a record that was not admitted, as long as it is open."""
    pair, ts, mark = one["pair"], one["ts_event"], state.sources[owner["source"]]["mark"]
    is_open = ts - ts % MINUTE + MINUTE + owner["disorder"] > mark
    # A mark that only bad records would have moved may be behind; further ahead than this is not believed.
    if mark == NEVER or not is_open or ts > mark + owner["future"] + MINUTE:
        return
    slot = np.int64((ts // MINUTE) & (state.minutes - 1))
    row = state.folds[pair, slot]
    if offset <= row["offset"] or not seek_segment(state.segments, owner, ts):
        return
    if row["ts_open"] != ts - ts % MINUTE:
        open_minute(state, at, pair, slot, ts)
    row["dirty"] = 1
    if verdict == V16:
        row["duplicate"] += 1
    elif verdict == BELOW_WINDOW:
        row["late"] += 1
    else:
        row["rejected"] += 1


@kernel
def _refuse(state: State, at: Int, offset: Int, one: Any, owner: Any, verdict: Int) -> None:
    """Count a record that is not admitted."""
    if verdict == V16:
        owner["duplicate"] += 1
    elif verdict in (V09, V10, BELOW_WINDOW):
        owner["late"] += 1
    else:
        owner["rejected"] += 1
    if verdict not in (V01, V09, V10):
        _note(state, at, offset, one, owner, verdict)


@inlined
def _is_due(source: Any, one: Any) -> bool:
    """Raise the mark of a source by a print; whether something is to be closed."""
    source["mark"] = max(source["mark"], min(one["ts_event"], one["ts_recv"]))
    return bool(source["mark"] >= source["due"])


@inlined
def _fold(state: State, at: Int, offset: Int, one: Any, owner: Any, source: Any) -> None:
    """Fold an admitted print and put the forming bar out where it is due."""
    pair, ts = one["pair"], one["ts_event"]
    slot = (ts // MINUTE) & (state.minutes - 1)
    minute = state.folds[pair, slot]
    second = state.folds[pair, state.minutes + ((ts // SECOND) & (state.seconds - 1))]
    if minute["ts_open"] != ts - ts % MINUTE or second["ts_open"] != ts - ts % SECOND:
        open_rows(state, at, offset, pair, ts)
    if fold_print(owner, source, minute, second, one, offset):
        publish(state, at, pair, slot, FORMING_BAR)


@kernel
def run(state: State, prints: Rows, verdicts: Verdicts, offsets: Ints, start: int, end: int) -> int:
    """Apply records from one position on, up to another, to what is no print, or to a full buffer.

    Args:
        state: changed; any one record finds room to put out while less than half of it is used.
        prints: of the whole batch, by position.
        verdicts: first verdicts in, final ones out, by position.
        offsets: by position.
        start: first position.
        end: position after the last.

    Returns:
        Position of the first record that was not applied.
    """
    used, most = state.used, len(state.out) // 2
    for at in range(start, end):
        offset, one = offsets[at], prints[at]
        verdict: Int = np.int64(verdicts[at])
        if verdict == CONTROL or used[0] > most:
            return at
        if one["pair"] < 0:
            continue
        owner = state.pairs[one["pair"]]
        source = state.sources[owner["source"]]
        timely = verdict in (ADMITTED, V11)
        if timely and _is_due(source, one):
            close_source(state, at, offset, owner["source"])
        if offset <= owner["offset"]:
            verdicts[at] = SKIPPED
            continue
        owner["dirty"] = 1
        if timely:
            verdict = _judge(state.segments, owner, one, source["mark"] - owner["disorder"], verdict)
            verdicts[at] = verdict
        if verdict != ADMITTED:
            _refuse(state, at, offset, one, owner, verdict)
            continue
        owner["out"] += 1
        if one["folds"] == 1:
            _fold(state, at, offset, one, owner, source)
    return end
