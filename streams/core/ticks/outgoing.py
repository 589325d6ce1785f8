"""What was put out, in the order of its topic, as rows of ``Bar``."""

import numpy as np

from schemas.batches.wire import Bytes, span_at, span_size
from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE, SECOND
from schemas.records import record_type
from streams.core.ticks.rows import FORMING_BAR, MINUTE_BAR, SECOND_BAR, Int, Ints, Rows

PLACES = 2
"""Places in an output per record of the input: 0 for its bars, 1 for what is passed on."""

_BAR = record_type("Bar")
_UNSIZED = np.uint64(_BAR.null_bit("notional") | _BAR.null_bit("trades"))


@inlined
def _precedes(rows: Rows, one: Int, other: Int) -> bool:
    """Order within a topic: by record of the input, then by ts_open, then by pair."""
    if rows[one]["at"] != rows[other]["at"]:
        return bool(rows[one]["at"] < rows[other]["at"])
    if rows[one]["ts_open"] != rows[other]["ts_open"]:
        return bool(rows[one]["ts_open"] < rows[other]["ts_open"])
    return bool(rows[one]["pair"] < rows[other]["pair"])


@kernel
def arrange(rows: Rows, starts: Ints, order: Ints) -> bool:
    """Positions of rows by what they become; those of ``what`` begin at ``starts[what]``.

    Returns:
        Whether all of them are in order so, as they nearly always are.
    """
    for number in range(len(rows)):
        starts[rows[number]["what"] + 1] += 1
    for what in range(1, len(starts)):
        starts[what] += starts[what - 1]
    sorted_so_far = True
    next_of = starts.copy()
    for number in range(len(rows)):
        what = rows[number]["what"]
        place = next_of[what]
        order[place] = number
        if place > starts[what] and _precedes(rows, number, order[place - 1]):
            sorted_so_far = False
        next_of[what] = place + 1
    return sorted_so_far


@inlined
def _copy(out: Bytes, at: Int, texts: Bytes, span: Int) -> None:
    for place in range(span_size(span)):
        out[at + place] = texts[span_at(span) + place]


@kernel
def size_of_names(rows: Rows, order: Ints, spans: Ints) -> Int:
    """Bytes of symbol and source of all rows."""
    size = np.int64(0)
    for number in range(len(order)):
        pair = rows[order[number]]["pair"]
        size += span_size(spans[2 * pair]) + span_size(spans[2 * pair + 1])
    return size


@kernel
def write_bars(
    rows: Rows,
    order: Ints,
    what: Int,
    texts: Bytes,
    spans: Ints,
    interval: Int,
    out: Bytes,
    base: Int,
    bars: Rows,
    ats: Ints,
) -> None:
    """Write bars of one kind.

    Args:
        rows: FOLD[n].
        order: int64[k], which of them.
        what: what they become.
        texts: names of the pairs.
        spans: packed, symbol and source of each pair in turn.
        interval: packed span of its name in the output.
        out: uint8, gets the names of the rows one after the other,
        base: which will stand from there on.
        bars: Bar[k], zeros; filled in.
        ats: int64[k], place of each in its topic.
    """
    at = np.int64(0)
    for number in range(len(order)):
        row, bar = rows[order[number]], bars[number]
        ats[number] = row["at"] * PLACES
        symbol, source = spans[2 * row["pair"]], spans[2 * row["pair"] + 1]
        _copy(out, at, texts, symbol)
        bar["symbol"]["at"], bar["symbol"]["size"] = base + at, span_size(symbol)
        at += span_size(symbol)
        _copy(out, at, texts, source)
        bar["source"]["at"], bar["source"]["size"] = base + at, span_size(source)
        at += span_size(source)
        bar["interval"]["at"], bar["interval"]["size"] = span_at(interval), span_size(interval)
        _fill(row, bar, what)


@inlined
def _fill(row: Rows, bar: Rows, what: Int) -> None:
    bar["ts_open"], bar["session_date"] = row["ts_open"], row["session_date"]
    bar["ts_close"] = row["ts_open"] + (SECOND if what == SECOND_BAR else MINUTE)
    bar["open"], bar["high"], bar["low"], bar["close"] = row["open"], row["high"], row["low"], row["close"]
    bar["volume"], bar["notional"], bar["trades"] = row["volume"], row["notional"], row["trades"]
    bar["ts_first"], bar["ts_last"], bar["flags"] = row["ts_first"], row["ts_last"], row["flags"]
    if row["trades"] == 0:
        bar["nulls"] = _UNSIZED
    if what == MINUTE_BAR:
        bar["revision"] = row["revision"]
        bar["actual"] = 1
    if what != SECOND_BAR:
        bar["expected"] = 1
    if what != FORMING_BAR:
        bar["complete"] = 1
        bar["coverage"] = 1.0
