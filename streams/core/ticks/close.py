"""Closing: what goes out when the watermark of a source passes the end of a minute or second.

::

    mark of the source     ....|....ts_close....|disorder|..>          at the record that moves it so far
    closed, then changed   published anew at the source's next heartbeat, revision + 1

What a minute says of itself beside its bar (rejected, late, duplicate) goes out before it, once.
"""

from schemas.flags import PARTIAL
from schemas.jit import kernel
from schemas.market.intervals import MINUTE, SECOND
from streams.core.ticks.rows import MINUTE_BAR, SECOND_BAR, STATUS, Emitted, Int, Live, Rules, State
from streams.core.watermark import FOREVER, NEVER


@kernel
def publish(state: State, out: Emitted, at: Int, pair: Int, slot: Int, what: Int) -> None:
    """Put a copy of a row out."""
    place = out.used[0]
    out.heads[place, 0] = at
    out.heads[place, 1] = pair
    out.heads[place, 2] = what
    out.rows[place] = state.folds[pair, slot]
    out.used[0] = place + 1


@kernel
def revise(state: State, rules: Rules, live: Live, out: Emitted, at: Int, pair: Int, slot: Int) -> None:
    """Publish a minute with its next revision, 0 where it has none."""
    row = state.folds[pair, slot]
    source, ts_open = rules.rows[pair]["source"], row["ts_open"]
    outage = live.starts[source] < ts_open + MINUTE and live.ends[source] > ts_open
    if row["revision"] < 0 and (outage or live.born[source] > ts_open):
        row["flags"] |= PARTIAL
    row["revision"] += 1
    state.pending[pair] -= row["changed"]
    row["changed"] = 0
    state.fold_dirty[pair, slot] = True
    publish(state, out, at, pair, slot, MINUTE_BAR)


@kernel
def _close_minute(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, pair: Int, slot: Int
) -> None:
    row = state.folds[pair, slot]
    row["closed"] = 1
    state.fold_dirty[pair, slot] = True
    if row["rejected"] + row["late"] + row["duplicate"] > 0:
        publish(state, out, at, pair, slot, STATUS)
    if row["prints"] > 0:
        revise(state, rules, live, out, at, pair, slot)


@kernel
def _close_second(state: State, out: Emitted, at: Int, pair: Int, slot: Int) -> None:
    row = state.folds[pair, slot]
    publish(state, out, at, pair, slot, SECOND_BAR)
    row["ts_open"] = NEVER
    state.fold_dirty[pair, slot] = True


@kernel
def close_minutes(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, offset: Int, pair: Int, watermark: Int
) -> None:
    """Close the minutes of a pair that end at or before an instant, and note when the next is due."""
    due = FOREVER
    for slot in range(state.minutes):
        row = state.folds[pair, slot]
        if row["ts_open"] == NEVER or row["closed"] == 1:
            continue
        if row["ts_open"] + MINUTE <= watermark and offset > state.fold_offsets[pair, slot]:
            _close_minute(state, rules, live, out, at, pair, slot)
        else:
            due = min(due, row["ts_open"] + MINUTE + state.pairs[pair]["disorder"])
    state.due[pair, 0] = due


@kernel
def close_seconds(state: State, out: Emitted, at: Int, offset: Int, pair: Int, watermark: Int) -> None:
    """Close the seconds of a pair that end at or before an instant, and note when the next is due."""
    due = FOREVER
    for slot in range(state.minutes, state.minutes + state.seconds):
        row = state.folds[pair, slot]
        if row["ts_open"] == NEVER:
            continue
        if row["ts_open"] + SECOND <= watermark and offset > state.fold_offsets[pair, slot]:
            _close_second(state, out, at, pair, slot)
        else:
            due = min(due, row["ts_open"] + SECOND + state.pairs[pair]["disorder"])
    state.due[pair, 1] = due


@kernel
def close_source(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, offset: Int, source: Int
) -> None:
    """Close everything of a source that its mark has passed with the record at an offset."""
    mark, due = live.marks[source], FOREVER
    for pair in range(len(state.pairs)):
        if rules.rows[pair]["source"] != source:
            continue
        watermark = mark - state.pairs[pair]["disorder"]
        if state.due[pair, 0] <= mark:
            close_minutes(state, rules, live, out, at, offset, pair, watermark)
        if state.due[pair, 1] <= mark:
            close_seconds(state, out, at, offset, pair, watermark)
        due = min(due, min(state.due[pair, 0], state.due[pair, 1]))  # noqa: PLW3301  (numba takes two)
    state.source_due[source] = due


@kernel
def revise_source(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, offset: Int, source: Int
) -> None:
    """Publish anew every closed minute of a source that changed, as its heartbeat at an offset demands."""
    for pair in range(len(state.pairs)):
        if rules.rows[pair]["source"] != source or state.pending[pair] == 0:
            continue
        for slot in range(state.minutes):
            if state.folds[pair, slot]["changed"] == 1 and offset > state.fold_offsets[pair, slot]:
                revise(state, rules, live, out, at, pair, slot)


@kernel
def close_all(
    state: State, rules: Rules, live: Live, out: Emitted, at: Int, offset: Int, source: Int
) -> None:
    """Close every minute and second of a source that holds prints: nothing follows."""
    for pair in range(len(state.pairs)):
        if rules.rows[pair]["source"] != source:
            continue
        largest = state.pairs[pair]["ts_largest"]
        if largest != NEVER and offset > state.offsets[pair]:
            state.pairs[pair]["ts_seconds"] = largest - largest % SECOND + SECOND
            state.dirty[pair] = True
        for slot in range(state.minutes + state.seconds):
            row = state.folds[pair, slot]
            if row["ts_open"] == NEVER or row["closed"] == 1 or offset <= state.fold_offsets[pair, slot]:
                continue
            if slot >= state.minutes:
                _close_second(state, out, at, pair, slot)
            elif row["prints"] > 0:
                _close_minute(state, rules, live, out, at, pair, slot)
