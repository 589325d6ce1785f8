"""Closing: what goes out when the watermark of a source passes the end of a minute or second.

::

    mark of the source     ....|....ts_close....|disorder|..>          at the record that moves it so far
    closed, then changed   published anew at the source's next heartbeat, revision + 1

What a minute says of itself beside its bar (rejected, late, duplicate, a hole) goes out before it, once.
Prints that are held when their minute closes are refused first.
"""

from typing import Any

import numpy as np

from schemas.flags import PARTIAL
from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE, SECOND
from streams.core.periods import MOST as MOST_PERIODS
from streams.core.ticks.packing import enlist
from streams.core.ticks.rows import (
    DUE_MINUTE,
    DUE_SECOND,
    IN_TURN,
    MET,
    MINUTE_BAR,
    OF_SOURCE,
    REFUSED,
    SECOND_BAR,
    STATUS,
    TURNS,
    Int,
)
from streams.core.ticks.state import MINUTES, SECONDS, State, bit_of, find_turns, fold_of, is_noted, ring_of
from streams.core.watermark import FOREVER, NEVER


@kernel
def publish(state: State, at: Int, pair: Int, slot: Int, what: Int) -> None:
    """Put a copy of a row out."""
    place = state.used[0]
    state.out[place] = fold_of(state, pair, slot)
    row = state.out[place]
    row["at"], row["pair"], row["what"] = at, state.pairs[pair]["number"], what
    state.used[0] = place + 1


@inlined
def _was_whole(source: Any, ts_open: Int) -> bool:
    """Whether a source was alive for the whole of a minute."""
    if source["born"] > ts_open:
        return False
    for number in range(MOST_PERIODS):
        if source["failed"][number] < ts_open + MINUTE and source["since"][number] > ts_open:
            return False
    return True


@kernel
def revise(state: State, at: Int, pair: Int, slot: Int) -> None:
    """Publish a minute with its next revision, 0 where it has none."""
    row, owner = fold_of(state, pair, slot), state.pairs[pair]
    source, ts_open = state.sources[owner["source"]], row["ts_open"]
    if row["revision"] < 0 and not _was_whole(source, ts_open):
        row["flags"] |= PARTIAL
    row["revision"] += 1
    owner["pending"] -= row["changed"]
    source["pending"] -= row["changed"]
    row["changed"] = 0
    row["dirty"] = 1
    publish(state, at, pair, slot, MINUTE_BAR)


@kernel
def _close_minute(state: State, at: Int, pair: Int, slot: Int) -> None:
    row = fold_of(state, pair, slot)
    row["closed"] = row["dirty"] = 1
    if row["rejected"] + row["late"] + row["duplicate"] + row["hole"] > 0:
        publish(state, at, pair, slot, STATUS)
    if row["prints"] > 0 and state.pairs[pair]["last_price"] == 0:
        revise(state, at, pair, slot)


@kernel
def _close_second(state: State, at: Int, pair: Int, slot: Int) -> None:
    row = fold_of(state, pair, slot)
    if row["prints"] > 0:
        publish(state, at, pair, slot, SECOND_BAR)
    row["ts_open"] = NEVER
    row["dirty"] = 1


@kernel
def tell(state: State, at: Int, pair: Int, held: Int, what: Int) -> None:
    """Put out what became of the print that was held at an offset."""
    row = state.out[state.used[0]]
    row["ts_open"], row["offset"] = NEVER, held
    row["at"], row["pair"], row["what"] = at, state.pairs[pair]["number"], what
    state.used[0] += 1


@kernel
def refuse_held(state: State, at: Int, offset: Int, pair: Int, place: Int) -> None:
    """Refuse one print that was held (V13), and tell its minute."""
    owner = state.pairs[pair]
    one = owner["waiting"][place]
    ts = one["ts_bar"]
    row = fold_of(state, pair, (ts // MINUTE) & (state.minutes - 1))
    if offset > row["offset"] and row["ts_open"] == ts - ts % MINUTE and row["closed"] == 0:
        row["rejected"] += 1
        row["dirty"] = 1
    tell(state, at, pair, one["offset"], REFUSED)
    owner["rejected"] += 1
    owner["held"] -= 1
    owner["dirty"] = 1
    for later in range(place, owner["held"]):
        owner["waiting"][later] = owner["waiting"][later + 1]


@kernel
def refuse_due(state: State, at: Int, offset: Int, pair: Int, mark: Int) -> Int:
    """Refuse what is held for a minute that the mark has passed; when the next one is due."""
    owner, place = state.pairs[pair], 0
    due: Int = np.int64(FOREVER)
    while place < owner["held"]:
        ts = owner["waiting"][place]["ts_bar"]
        ends = ts - ts % MINUTE + MINUTE + owner["disorder"]
        if ends <= mark and offset > owner["offset"]:
            refuse_held(state, at, offset, pair, place)
        else:
            due = min(due, ends)
            place += 1
    return due


@inlined
def _keep_noted(owner: Any, ring: int, noted: Int, kept: Int) -> None:
    """Note which slots of a ring are still in use of those that were; the others may be dirty."""
    owner["in_use"][ring] = kept
    owner["let_go"][ring] |= noted & ~kept


@kernel
def _close_minutes(state: State, at: Int, offset: Int, pair: Int, mark: Int) -> None:
    """Close the minutes of a pair that its source's mark has passed, and note when the next is due."""
    owner = state.pairs[pair]
    due: Int = np.int64(FOREVER)
    if owner["held"] > 0:
        due = refuse_due(state, at, offset, pair, mark)
    noted, kept = owner["in_use"][MINUTES], np.int64(0)
    for slot in range(state.minutes):
        if not is_noted(noted, slot):
            continue
        row = fold_of(state, pair, slot)
        is_open = row["ts_open"] != NEVER and row["closed"] == 0
        ends = row["ts_open"] + MINUTE + owner["disorder"]
        if is_open and ends <= mark and offset > row["offset"]:
            _close_minute(state, at, pair, slot)
        elif is_open:
            kept |= bit_of(slot)
            due = min(due, ends)
        if row["changed"] == 1:
            kept |= bit_of(slot)
    _keep_noted(owner, MINUTES, noted, kept)
    state.dues[pair, DUE_MINUTE] = due


@kernel
def _close_seconds(state: State, at: Int, offset: Int, pair: Int, mark: Int) -> None:
    """Close the seconds of a pair that its source's mark has passed, and note when the next is due."""
    owner, due = state.pairs[pair], FOREVER
    noted, kept = owner["in_use"][SECONDS], np.int64(0)
    for slot in range(state.minutes, state.minutes + state.seconds):
        if not is_noted(noted, slot):
            continue
        row = fold_of(state, pair, slot)
        if row["ts_open"] == NEVER:
            continue
        ends = row["ts_open"] + SECOND + owner["disorder"]
        if ends <= mark and offset > row["offset"]:
            _close_second(state, at, pair, slot)
        else:
            kept |= bit_of(slot)
            due = min(due, ends)
    _keep_noted(owner, SECONDS, noted, kept)
    state.dues[pair, DUE_SECOND] = due


@kernel
def close_source(state: State, at: Int, offset: Int, source: Int) -> None:
    """Close everything of a source that its mark has passed with the record at an offset."""
    mark, dues = state.sources[source]["mark"], state.dues
    due: Int = np.int64(FOREVER)
    if state.used[TURNS] != state.used[MET]:
        find_turns(state)
    for turn in range(state.used[MET]):
        pair = dues[turn, IN_TURN]
        if dues[pair, OF_SOURCE] != source:
            continue
        if min(dues[pair, DUE_MINUTE], dues[pair, DUE_SECOND]) <= mark:
            enlist(state, state.pairs[pair], pair)
            if dues[pair, DUE_MINUTE] <= mark:
                _close_minutes(state, at, offset, pair, mark)
            if dues[pair, DUE_SECOND] <= mark:
                _close_seconds(state, at, offset, pair, mark)
        due = min(due, min(dues[pair, DUE_MINUTE], dues[pair, DUE_SECOND]))  # noqa: PLW3301 (numba takes two)
    state.sources[source]["due"] = due


@kernel
def revise_source(state: State, at: Int, offset: Int, source: Int) -> None:
    """Publish anew every closed minute of a source that changed, as its heartbeat at an offset demands."""
    for pair in range(state.used[MET]):
        owner = state.pairs[pair]
        if owner["source"] != source or owner["pending"] == 0:
            continue
        enlist(state, owner, pair)
        for slot in range(state.minutes):
            if not is_noted(owner["in_use"][MINUTES], slot):
                continue
            row = fold_of(state, pair, slot)
            if row["changed"] == 1 and offset > row["offset"]:
                revise(state, at, pair, slot)


@kernel
def close_all(state: State, at: Int, offset: Int, source: Int) -> None:
    """Close every minute and second of a source that holds prints: nothing follows."""
    for pair in range(state.used[MET]):
        owner = state.pairs[pair]
        if owner["source"] != source:
            continue
        enlist(state, owner, pair)
        largest = owner["ts_largest"]
        if largest != NEVER and offset > owner["offset"]:
            owner["ts_seconds"] = largest - largest % SECOND + SECOND
            owner["dirty"] = 1
        if offset > owner["offset"]:
            refuse_due(state, at, offset, pair, FOREVER)
        for slot in range(state.minutes + state.seconds):
            if not is_noted(owner["in_use"][ring_of(state, slot)], slot):
                continue
            row = fold_of(state, pair, slot)
            if row["ts_open"] == NEVER or row["closed"] == 1 or offset <= row["offset"]:
                continue
            if slot >= state.minutes:
                _close_second(state, at, pair, slot)
            elif row["prints"] > 0:
                _close_minute(state, at, pair, slot)
