"""The hot path: the records of a batch one after the other, marks, closing and folding included.

For each print, in log order: it moves its source's mark, which may close bars; then it is late, refused,
a duplicate, or admitted and folded. Effects on a pair whose restored state reflects the record are skipped;
its mark moves all the same (R3).
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.jit import kernel
from schemas.market.intervals import MINUTE
from streams.core.ticks.close import close_source
from streams.core.ticks.fold import fold_minute, fold_second, open_minute
from streams.core.ticks.identity import identify
from streams.core.ticks.rows import (
    ADMITTED,
    BELOW_WINDOW,
    CONTROL,
    SKIPPED,
    V01,
    V09,
    V10,
    V11,
    V16,
    Emitted,
    Int,
    Ints,
    Live,
    Rows,
    Rules,
    State,
)
from streams.core.watermark import NEVER

Verdicts: TypeAlias = NDArray[np.int16]

OUTSIDE = -1


@kernel
def segment_of(rules: Rules, pair: Int, ts: Int) -> Int:
    """Segment of trading around an instant, ``OUTSIDE`` where there is none."""
    rule = rules.rows[pair]
    near = rule["segment"]
    if rules.opens[near] <= ts < rules.closes[near]:
        return np.int64(near)
    low, high = rule["first"], rule["last"]
    while low < high:  # first segment that opens after the instant
        middle = (low + high) // 2
        if rules.opens[middle] <= ts:
            low = middle + 1
        else:
            high = middle
    if low == rule["first"] or ts >= rules.closes[low - 1]:
        return np.int64(OUTSIDE)
    rule["segment"] = low - 1
    return np.int64(low - 1)


@kernel
def _judge(state: State, rules: Rules, one: Any, segment: Int, watermark: Int, verdict: Int) -> Int:
    """Verdict on a print that moved its mark."""
    pair, ts = one["pair"], one["ts_event"]
    if ts - ts % MINUTE + MINUTE + rules.rows[pair]["lateness"] <= watermark:
        return V09
    if segment == OUTSIDE:
        return V10
    if verdict == V11:
        return V11
    return identify(state, pair, one["window"], one["number"])


@kernel
def _note(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, offset: Int, one: Any, verdict: Int
) -> None:
    """Tell the minute of a record that was not admitted, as long as it is open."""
    pair, ts = one["pair"], one["ts_event"]
    mark = live.marks[rules.rows[pair]["source"]]
    is_open = ts - ts % MINUTE + MINUTE > mark - state.pairs[pair]["disorder"]
    if mark == NEVER or not is_open or ts > mark + rules.rows[pair]["future"]:
        return
    segment = segment_of(rules, pair, ts)
    slot = (ts // MINUTE) & (state.minutes - 1)
    if segment == OUTSIDE or offset <= state.fold_offsets[pair, slot]:
        return
    open_minute(state, rules, live, out, at, pair, ts, rules.dates[segment])
    row = state.folds[pair, slot]
    state.fold_dirty[pair, slot] = True
    if verdict == V16:
        row["duplicate"] += 1
    elif verdict == BELOW_WINDOW:
        row["late"] += 1
    else:
        row["rejected"] += 1


@kernel
def _count(state: State, pair: Int, verdict: Int) -> None:
    row = state.pairs[pair]
    state.dirty[pair] = True
    if verdict == ADMITTED:
        row["out"] += 1
    elif verdict == V16:
        row["duplicate"] += 1
    elif verdict in (V09, V10, BELOW_WINDOW):
        row["late"] += 1
    else:
        row["rejected"] += 1


@kernel
def _apply(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, offset: Int, one: Any, verdict: Int
) -> Int:
    """Everything a print of a known pair does but moving the mark; its verdict."""
    pair = one["pair"]
    if verdict in (ADMITTED, V11):
        watermark = live.marks[rules.rows[pair]["source"]] - state.pairs[pair]["disorder"]
        segment = segment_of(rules, pair, one["ts_event"])
        verdict = _judge(state, rules, one, segment, watermark, verdict)
        if verdict == ADMITTED and one["folds"] == 1:
            fold_second(state, rules, live, offset, one, rules.dates[segment])
            fold_minute(state, rules, live, out, at, offset, one, rules.dates[segment])
    if verdict not in (ADMITTED, V01, V09, V10):
        _note(state, rules, live, out, at, offset, one, verdict)
    _count(state, pair, verdict)
    return verdict


@kernel
def run(
    state: State,
    rules: Rules,
    live: Live,
    out: Emitted,
    prints: Rows,
    verdicts: Verdicts,
    offsets: Ints,
    start: int,
    end: int,
) -> int:
    """Apply records from one position on, up to another, to what is no print, or to a full buffer.

    Args:
        state: changed.
        rules: the configuration.
        live: marks are raised.
        out: rows are added; any one record finds room while less than half of it is used.
        prints: of the whole batch, by position.
        verdicts: first verdicts in, final ones out, by position.
        offsets: by position.
        start: first position.
        end: position after the last.

    Returns:
        Position of the first record that was not applied.
    """
    for at in range(start, end):
        if verdicts[at] == CONTROL or 2 * out.used[0] > len(out.rows):
            return at
        one, verdict = prints[at], np.int64(verdicts[at])
        pair = one["pair"]
        if pair < 0:
            continue
        if verdict in (ADMITTED, V11):
            source = rules.rows[pair]["source"]
            live.marks[source] = max(live.marks[source], min(one["ts_event"], one["ts_recv"]))
            if live.marks[source] >= state.source_due[source]:
                close_source(state, rules, live, out, at, offsets[at], source)
        if offsets[at] <= state.offsets[pair]:
            verdicts[at] = SKIPPED
        else:
            verdicts[at] = _apply(state, rules, live, out, at, offsets[at], one, verdict)
    return end
