"""The hot path: the records of a batch one after the other, checks, marks, closing and folding included.

For each print, in log order: it moves its source's mark, which may close bars; then it is late, refused,
a duplicate, or admitted and folded. Effects on a pair whose restored state reflects the record are skipped;
its mark moves all the same (R3).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.lookup import Names
from schemas.batches.wire import U, span
from schemas.flags import OFF_TICK, STUCK, WIDE_SPREAD
from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE
from streams.core.ticks.ahead import FAR, ask_ahead
from streams.core.ticks.batch import Feed, Prints, block_of, judge, mask_of, size_of
from streams.core.ticks.book import Known
from streams.core.ticks.close import close_source
from streams.core.ticks.fold import fold_in, open_minute
from streams.core.ticks.identity import identify
from streams.core.ticks.outliers import doubt, is_calm, remember, settle
from streams.core.ticks.packing import enlist
from streams.core.ticks.rows import (
    ADMITTED,
    BELOW_WINDOW,
    CONTROL,
    HELD,
    NOTHING,
    PRICED,
    QUOTE_NUMBERS,
    SKIPPED,
    UNPAIRED,
    V01,
    V09,
    V10,
    V11,
    V16,
    Int,
    Ints,
    Rows,
)
from streams.core.ticks.session import last_instant, minute_of, seek_segment
from streams.core.ticks.state import State, fold_of, has_room, note
from streams.core.watermark import NEVER


@inlined
def _is_late(rule: Any, ts: Int, watermark: Int) -> bool:
    return bool(minute_of(ts) + MINUTE + rule["lateness"] <= watermark)


@kernel
def _judge_auction(segments: Rows, owner: Any, one: Any, watermark: Int) -> Int:
    """Verdict on a print outside the session; the minute it counts into where it is one of an auction."""
    ts_bar = last_instant(segments, owner, one["ts_event"]) if one["auction"] == 1 else NEVER
    if ts_bar == NEVER:
        return V10
    one["ts_bar"] = ts_bar
    return V09 if _is_late(owner, ts_bar, watermark) else ADMITTED


@inlined
def _judge(state: State, owner: Any, rule: Any, one: Any, watermark: Int, verdict: Int) -> Int:
    """Verdict on a print that moved its mark."""
    ts = one["ts_event"]
    if _is_late(rule, ts, watermark):
        return V09
    if not seek_segment(state.segments, owner, ts):
        outside = _judge_auction(state.segments, owner, one, watermark)
        if outside != ADMITTED:
            return outside
    if verdict == V11:
        return V11
    return identify(state.bits, state.recent, one["pair"], owner, rule, one["window"], one["number"])


@kernel
def _open_slot(state: State, at: Int, offset: Int, pair: Int, ts: Int) -> Int:
    """Slot of the minute of a record that is no part of it, opened; -1 where it is not open to it."""
    owner = state.pairs[pair]
    mark = state.sources[owner["source"]]["mark"]
    is_open = ts - ts % MINUTE + MINUTE + owner["disorder"] > mark
    # A mark that only bad records would have moved may be behind; further ahead than this is not believed.
    if mark == NEVER or not is_open or ts > mark + owner["future"] + MINUTE:
        return np.int64(-1)
    slot = np.int64((ts // MINUTE) & (state.minutes - 1))
    row = fold_of(state, pair, slot)
    if offset <= row["offset"] or not seek_segment(state.segments, owner, ts):
        return np.int64(-1)
    if row["ts_open"] != ts - ts % MINUTE:
        open_minute(state, at, pair, slot, ts)
    row["dirty"] = 1
    note(state, owner, slot)
    return slot


@kernel
def _refuse(state: State, at: Int, offset: Int, one: Any, owner: Any, verdict: Int) -> None:
    """Count a record that is not admitted, and tell its minute, as long as it is open."""
    if verdict == V16:
        owner["duplicate"] += 1
    elif verdict in (V09, V10, BELOW_WINDOW):
        owner["late"] += 1
    else:
        owner["rejected"] += 1
    if verdict in (V01, V09, V10):
        return
    slot = _open_slot(state, at, offset, one["pair"], one["ts_event"])
    if slot < 0:
        return
    row = fold_of(state, one["pair"], slot)
    if verdict == V16:
        row["duplicate"] += 1
    elif verdict == BELOW_WINDOW:
        row["late"] += 1
    else:
        row["rejected"] += 1


@kernel
def _follow(state: State, at: Int, offset: Int, one: Any, owner: Any) -> None:
    """V17: tell the minute of a record whose number does not follow the last one."""
    seq, kind = one["seq"], 1 if one["window"] == QUOTE_NUMBERS else 0
    last = owner["seqs"][kind]
    owner["seqs"][kind] = seq
    if last == NEVER or seq == last + 1:
        return
    slot = _open_slot(state, at, offset, one["pair"], one["ts_event"])
    if slot >= 0:
        fold_of(state, one["pair"], slot)["hole"] = 1


@inlined
def _flag_silence(owner: Any, rule: Any, one: Any) -> None:
    """V15: flag a print that ends a silence in an open session."""
    since, quiet = max(owner["ts_largest"], owner["ts_from"]), rule["quiet"]
    if quiet > 0 and one["ts_event"] - since > quiet and one["ts_bar"] == one["ts_event"]:
        one["flags"] |= STUCK


@inlined
def _count_flags(used: Ints, flags: Int) -> None:
    used[1] += flags & WIDE_SPREAD != 0
    used[2] += flags & OFF_TICK != 0
    used[3] += flags & STUCK != 0


@kernel
def _weigh(state: State, at: Int, offset: Int, one: Any, size: Int) -> Int:
    """V13: verdict on a print whose price is not calm."""
    pair = one["pair"]
    if state.pairs[pair]["held"] > 0 and settle(state, at, offset, pair, one["price"]):
        return ADMITTED
    verdict = doubt(state, offset, pair, one, size)
    if verdict == HELD:  # its minute has to say so when it is refused
        _open_slot(state, at, offset, pair, one["ts_bar"])
    return verdict


@inlined
def _decide(
    state: State, feed: Feed, at: Int, offset: Int, one: Any, owner: Any, rule: Any, verdict: Int
) -> Int:
    """Final verdict on a print that moved its mark."""
    disorder: Int = rule["disorder"]
    if disorder < 0:  # the configuration does not name it any more
        disorder = owner["disorder"]
    watermark = state.sources[U(rule["source"])]["mark"] - disorder
    verdict = _judge(state, owner, rule, one, watermark, verdict)
    if verdict == ADMITTED and one["folds"] != NOTHING:
        _flag_silence(owner, rule, one)
        if one["folds"] == PRICED and not is_calm(owner, one["price"]):
            return _weigh(state, at, offset, one, size_of(feed, at))
    return verdict


@inlined
def _admit(state: State, at: Int, offset: Int, one: Any, owner: Any, source: Any) -> None:
    """Count an admitted print, and fold it."""
    owner["out"] += 1
    if one["flags"] != 0:
        _count_flags(state.used, one["flags"])
    if one["folds"] == PRICED:
        remember(owner, one["price"])
    if one["folds"] != NOTHING:
        fold_in(state, at, offset, one["pair"], one, owner, source)


@inlined
def _is_due(source: Any, one: Any) -> bool:
    """Raise the mark of a source by a print; whether something is to be closed."""
    mark = max(source["mark"], min(one["ts_event"], one["ts_recv"]))
    source["mark"] = mark
    return bool(mark >= source["due"])


@inlined
def _apply(state: State, feed: Feed, at: Int, offset: Int, one: Any, verdict: Int) -> Int:
    """Apply a print of a known pair; the final verdict on it."""
    owner, rule = state.pairs[U(one["pair"])], state.terms[U(one["term"])]
    source = state.sources[U(rule["source"])]
    timely = verdict in (ADMITTED, V11)
    if timely and _is_due(source, one):
        close_source(state, at, offset, rule["source"])
    if offset <= owner["offset"]:
        return np.int64(SKIPPED)
    if owner["dirty"] == 0:  # else it is listed
        owner["dirty"] = 1
        enlist(state, owner, one["pair"])
    if timely:
        verdict = _decide(state, feed, at, offset, one, owner, rule, verdict)
    if rule["gapless"] == 1 and one["seq"] != NEVER and verdict not in (V01, V16):
        _follow(state, at, offset, one, owner)
    if verdict == ADMITTED:
        _admit(state, at, offset, one, owner, source)
    elif verdict != HELD:
        _refuse(state, at, offset, one, owner, verdict)
    return verdict


_STATE: Final = len(State._fields)
_FEED: Final = _STATE + len(Feed._fields)
_PRINTS: Final = _FEED + len(Prints._fields)
_SYMBOLS: Final = _PRINTS + len(Names._fields)


@kernel
def _run(
    start: int, end: int, judged: int, conditions: NDArray[np.uint8], pairs: NDArray[np.int32], *parts: Any
) -> int:
    """As ``run``, of the parts of its tuples."""
    state, feed = State(*parts[:_STATE]), Feed(*parts[_STATE:_FEED])
    prints = Prints(*parts[_FEED:_PRINTS])
    known = Known(Names(*parts[_PRINTS:_SYMBOLS]), Names(*parts[_SYMBOLS:]), pairs)
    used, most, mask, length = state.used, len(state.out) // 2, mask_of(prints), block_of(prints)
    last: Int = span(0, -1)
    number: Int = np.int64(-1)
    judged = max(start, judged)
    for at in range(start, end):
        if judged < end and judged <= at + FAR:
            if not has_room(state):
                return -1 - at
            block = min(judged + length, end)
            last, number = judge(state, feed, known, conditions, prints, judged, block, last, number)
            judged = block
        offset, one = feed.offsets[U(at)], prints.rows[U(at & mask)]
        verdict: Int = np.int64(prints.verdicts[U(at)])
        if verdict == CONTROL or used[0] > most:
            return at
        ask_ahead(state, prints.rows, mask, at, end)
        if one["pair"] < 0:
            used[UNPAIRED] += verdict > ADMITTED
        else:
            prints.verdicts[U(at)] = _apply(state, feed, at, offset, one, verdict)
    return end


def run(
    state: State,
    feed: Feed,
    known: Known,
    conditions: NDArray[np.uint8],
    prints: Prints,
    start: int,
    end: int,
    judged: int,
) -> int:
    """Judge and apply records from one position on, up to another or to what is no print.

    The kernel gets each array by itself: of one in a tuple numba finds out the type anew at each call, which
    for all of them took 8 us instead of 4.

    Args:
        state: changed; any one record finds room to put out while less than half of it is used, and its pair
            finds rows while ``has_room``.
        feed: the records.
        known: numbers of the pairs,
        conditions: and what conditions of sale mean.
        prints: filled in; the verdicts are the final ones of what was applied.
        start: first position.
        end: position after the last.
        judged: those before this position were judged already.

    Returns:
        Position of the first record that was not applied; that below -1 where pairs to come have no room.
    """
    parts = *state, *feed, *prints, *known.symbols, *known.sources
    return int(_run(start, end, judged, conditions, known.pairs, *parts))
