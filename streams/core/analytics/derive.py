"""A derived bar from its minutes: always anew, in the order of their starts, never from a derived one."""

from typing import Final

import numpy as np

from schemas.flags import LOW_COVERAGE
from schemas.jit import kernel
from streams.core.analytics.rows import (
    FLAT,
    HALT,
    NO_TRADES,
    NONE,
    NULL,
    REAL,
    REFETCHED,
    Bools,
    Ints,
    Row,
    Rows,
)

PUBLISHED: Final = 1
"""The slot is published now, or anew."""
WAITS: Final = 2
"""It has minutes since now, and waits for the others or the watermark."""


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
def _fold(bars: Rows, first: int, end: int, out: Row) -> None:
    """Fold the minutes in [first, end) that are not flat, and count what is there and what is not.

    Sums stay in registers until the end: through a row each would be written and read again for each minute.
    """
    actual, filled, known, halted, quiet, last, begin = 0, 0, 0, 0, 0, NONE, NONE
    high, low, volume, notional, trades, fill = -np.inf, np.inf, 0.0, 0.0, 0, REFETCHED
    final, counted = NONE, True
    for place in range(first, end):
        minute = bars[place]
        quiet += minute["cause"] == NO_TRADES
        if minute["revision"] < 0:
            known += minute["unfilled"] == 1
            halted += minute["cause"] == HALT
            continue
        known, last = known + 1, place
        if minute["fill"] == FLAT:
            filled += 1
            continue
        begin = place if actual == 0 else begin
        final, actual = place, actual + 1
        high, low = max(high, minute["high"]), min(low, minute["low"])
        volume += minute["volume"]
        notional += minute["notional"]  # NaN stays: a sum with an unknown part is unknown
        counted &= minute["trades"] != NULL
        trades += minute["trades"]
        fill = REAL if minute["fill"] == REAL else fill
    if actual > 0:
        out["open"], out["ts_first"] = bars[begin]["open"], bars[begin]["ts_first"]
        out["high"], out["low"], out["close"] = high, low, bars[final]["close"]
        out["volume"], out["notional"], out["trades"] = volume, notional, trades if counted else NULL
        out["ts_last"], out["source"], out["fill"] = bars[final]["ts_last"], bars[final]["source"], fill
    out["actual"], out["filled"], out["known"] = actual, filled, known
    out["halted"], out["quiet"], out["last"] = halted, quiet, last


@kernel
def _fold_flat(bars: Rows, first: int, end: int, out: Row) -> None:
    """Fold the minutes in [first, end), all of them flat."""
    begun = False
    for place in range(first, end):
        if bars[place]["revision"] >= 0:
            if not begun:
                _open(out, bars[place])
            _add(out, bars[place])
            begun = True


@kernel
def _cover(out: Row, total: int, limit: float) -> None:
    out["expected"] = total - out["halted"]
    covered = out["actual"] + out["quiet"]
    out["coverage"] = covered / out["expected"] if out["expected"] > 0 else 0.0
    out["flags"] = LOW_COVERAGE if out["coverage"] < limit else 0


@kernel
def _compute(bars: Rows, slot: int, first: int, total: int, minutes: int, limit: float) -> None:
    """Compute one slot anew; see ``derive``."""
    end, out = min(first + total, minutes), bars[slot]
    _fold(bars, first, end, out)
    if out["actual"] == 0 and out["filled"] > 0:
        _fold_flat(bars, first, end, out)
    _cover(out, total, limit)


@kernel
def derive(bars: Rows, slot: int, first: int, total: int, minutes: int, limit: float, scratch: Rows) -> bool:
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
        Whether it is not what it was.
    """
    old = scratch[0]
    scratch[0] = bars[slot]
    _compute(bars, slot, first, total, minutes, limit)
    return not _unchanged(bars[slot], old)


@kernel
def _append(out: Row, minute: Row, before: Row, place: int, total: int, limit: float) -> None:
    """Fold a minute that follows all others of its slot; what ``derive`` gives, without reading them."""
    flat = minute["fill"] == FLAT
    out["filled"] += flat
    out["actual"] += not flat
    if not flat or out["actual"] == 0:
        if out["actual"] + (out["filled"] if flat else 0) == 1:
            _open(out, minute)
        _add(out, minute)
    out["known"] += before["unfilled"] != 1
    out["halted"] -= before["cause"] == HALT
    out["quiet"] += minute["cause"] == NO_TRADES
    out["quiet"] -= before["cause"] == NO_TRADES
    out["last"] = place
    _cover(out, total, limit)


@kernel
def _settle(bar: Row, changed: bool, total: int, watermark: int) -> int:
    """Publish a slot that was computed anew, where it is due or changed; PUBLISHED, WAITS or 0."""
    if bar["revision"] >= 0:
        bar["revision"] += changed
        return PUBLISHED if changed else 0
    if bar["actual"] + bar["filled"] == 0:
        return 0
    if bar["known"] == total or bar["ts_close"] <= watermark:
        bar["revision"], bar["waits"] = 0, 0
        return PUBLISHED
    waited = bar["waits"]
    bar["waits"] = 1
    return 0 if waited else WAITS


@kernel
def derive_around(
    bars: Rows,
    place: int,
    slot_of: Ints,
    before: Rows,
    firsts: Ints,
    counts: Ints,
    limit: float,
    watermark: int,
    touched: Bools,
    found: Ints,
) -> int:
    """Bring every derived slot around one minute up to date, and publish those that are due or changed.

    Args:
        bars: all places of a window.
        place: the minute that changed.
        slot_of: int64[intervals, minutes], see ``Window``.
        before: BAR[2], the minute as it was; the second row is overwritten.
        firsts: int64[places].
        counts: int64[places].
        limit: see ``derive``.
        watermark: through which every minute is decided, ns.
        touched: bool[places], set for what is published.
        found: int64[intervals], receives PUBLISHED, WAITS or 0 of each interval; the first is 0.

    Returns:
        How many of them are not 0.
    """
    minutes, new = slot_of.shape[1], before[0]["revision"] < 0 and bars[place]["revision"] >= 0
    found[0], told = 0, 0
    for number in range(1, slot_of.shape[0]):
        slot = slot_of[number, place]
        found[number] = 0
        if slot < 0:
            continue
        changed = True
        if new and bars[slot]["last"] < place:
            _append(bars[slot], bars[place], before[0], place, counts[slot], limit)
        else:
            changed = derive(bars, slot, firsts[slot], counts[slot], minutes, limit, before[1:])
        found[number] = _settle(bars[slot], changed, counts[slot], watermark)
        touched[slot] |= found[number] == PUBLISHED
        told += found[number] != 0
    return told


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
    for slot in range(minutes, len(bars)):
        bar = bars[slot]
        _compute(bars, slot, firsts[slot], counts[slot], minutes, limit)
        if bar["actual"] + bar["filled"] == 0:
            bar["revision"] = NONE
        bar["waits"] = bar["revision"] < 0 and bar["actual"] + bar["filled"] > 0
