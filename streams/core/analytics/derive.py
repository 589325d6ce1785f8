"""A derived bar from its minutes: always anew, in the order of their starts, never from a derived one."""

from typing import Final

import numpy as np

from schemas.flags import LOW_COVERAGE
from schemas.jit import kernel
from streams.core.analytics.rows import FLAT, HALT, NO_TRADES, NULL, REAL, Ints, Row, Rows

CHANGED: Final = 1
"""The slot is not what it was."""
PRESENT: Final = 2
"""Every expected minute is there, or is known not to come."""
FILLED: Final = 4
"""It has at least one bar inside."""


@kernel
def _same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))


@kernel
def _unchanged(bar: Row, old: Row) -> bool:
    """Whether two bars of one slot say the same; flags follow from the coverage."""
    prices = bar["open"] == old["open"] and bar["high"] == old["high"] and bar["low"] == old["low"]
    sums = bar["close"] == old["close"] and bar["volume"] == old["volume"] and bar["trades"] == old["trades"]
    times = bar["ts_first"] == old["ts_first"] and bar["ts_last"] == old["ts_last"]
    counts = bar["actual"] == old["actual"] and bar["filled"] == old["filled"]
    origin = bar["fill"] == old["fill"] and bar["source"] == old["source"]
    grid = bar["expected"] == old["expected"] and bar["coverage"] == old["coverage"]
    return (
        prices and sums and times and counts and origin and grid and _same(bar["notional"], old["notional"])
    )


@kernel
def _open(bar: Row, minute: Row) -> None:
    """Begin with the first minute that counts."""
    bar["open"], bar["high"], bar["low"] = minute["open"], minute["high"], minute["low"]
    bar["volume"], bar["notional"], bar["trades"] = 0.0, 0.0, 0
    bar["ts_first"], bar["fill"] = minute["ts_first"], minute["fill"]


@kernel
def _add(bar: Row, minute: Row) -> None:
    bar["high"] = max(bar["high"], minute["high"])
    bar["low"] = min(bar["low"], minute["low"])
    bar["close"] = minute["close"]
    bar["volume"] += minute["volume"]
    bar["notional"] += minute["notional"]  # NaN stays: a sum with an unknown part is unknown
    if bar["trades"] != NULL:
        bar["trades"] = NULL if minute["trades"] == NULL else bar["trades"] + minute["trades"]
    bar["ts_last"], bar["source"] = minute["ts_last"], minute["source"]
    if minute["fill"] == REAL:
        bar["fill"] = REAL


@kernel
def _fold(bars: Rows, first: int, end: int, flat: bool, out: Row) -> int:
    """Fold the flat minutes, or all others, in [first, end); their number."""
    count = 0
    for place in range(first, end):
        minute = bars[place]
        if minute["revision"] < 0 or (minute["fill"] == FLAT) != flat:
            continue
        if count == 0:
            _open(out, minute)
        _add(out, minute)
        count += 1
    return count


@kernel
def _count(bars: Rows, first: int, end: int, total: int, out: Row) -> bool:
    """Count what is there and what is not; whether every expected minute is there or known not to come."""
    known, halted, quiet = 0, 0, 0
    for place in range(first, end):
        minute = bars[place]
        known += minute["revision"] >= 0 or minute["unfilled"] == 1
        halted += minute["revision"] < 0 and minute["cause"] == HALT
        quiet += minute["cause"] == NO_TRADES
    out["expected"] = total - halted
    covered = out["actual"] + quiet
    out["coverage"] = covered / out["expected"] if out["expected"] > 0 else 0.0
    return known == total


@kernel
def derive(bars: Rows, slot: int, first: int, total: int, minutes: int, limit: float, scratch: Rows) -> int:
    """Compute one slot anew from its minutes, in place.

    Args:
        bars: all places of a window, of which the first ``minutes`` are the minutes.
        slot: its place.
        first: place of its first minute.
        total: expected minutes of the calendar inside.
        minutes: number of places of minutes; a slot may reach beyond them.
        limit: coverage below which it is flagged.
        scratch: BAR[1], overwritten.

    Returns:
        Bits CHANGED, PRESENT and FILLED.
    """
    end = min(first + total, minutes)
    old, out = scratch[0], bars[slot]
    scratch[0] = bars[slot]
    out["actual"] = _fold(bars, first, end, False, out)
    out["filled"] = 0
    for place in range(first, end):
        out["filled"] += bars[place]["revision"] >= 0 and bars[place]["fill"] == FLAT
    if out["actual"] == 0 and out["filled"] > 0:
        _fold(bars, first, end, True, out)
    present = _count(bars, first, end, total, out)
    out["flags"] = LOW_COVERAGE if out["coverage"] < limit else 0
    result = 0 if _unchanged(out, old) else CHANGED
    return result + (PRESENT if present else 0) + (FILLED if out["actual"] + out["filled"] > 0 else 0)


@kernel
def derive_around(
    bars: Rows,
    place: int,
    slot_of: Ints,
    firsts: Ints,
    counts: Ints,
    limit: float,
    scratch: Rows,
    found: Ints,
) -> None:
    """Compute every derived slot around one minute anew.

    Args:
        bars: all places of a window.
        place: the minute that changed.
        slot_of: int64[intervals, minutes], see ``Window``.
        firsts: int64[places].
        counts: int64[places].
        limit: see ``derive``.
        scratch: BAR[1], overwritten.
        found: int64[intervals], receives the bits of ``derive`` of each interval; the first is 0.
    """
    minutes = slot_of.shape[1]
    found[0] = 0
    for number in range(1, slot_of.shape[0]):
        slot = slot_of[number, place]
        found[number] = 0
        if slot >= 0:
            found[number] = derive(bars, slot, firsts[slot], counts[slot], minutes, limit, scratch)


@kernel
def derive_all(bars: Rows, firsts: Ints, counts: Ints, minutes: int, limit: float) -> None:
    """Compute every derived slot of a window anew; one that has no minutes is not published (any more).

    Args:
        bars: all places of a window.
        firsts: int64[places].
        counts: int64[places].
        minutes: number of places of minutes.
        limit: see ``derive``.
    """
    scratch = bars[:1].copy()
    for slot in range(minutes, len(bars)):
        found = derive(bars, slot, firsts[slot], counts[slot], minutes, limit, scratch)
        if found & FILLED == 0:
            bars[slot]["revision"] = -1
