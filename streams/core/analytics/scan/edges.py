"""Rising edges: a signal goes out when its condition becomes true, not while it is.

::

    condition  f f T T T f T T ? T       ? unknown: stale or not ready
    signal         ^       .     ^       . within the debounce of the one before: swallowed

State: per symbol and condition until when it is true (``AWAY`` while it is not), the event time of its last
signal and how often it came true at that instant: 28 bytes, of at most 256 conditions.
"""

from typing import Final

import numpy as np

from schemas.jit import inlined, kernel
from streams.core.analytics.rows import Bools, Floats, Ints, Rows

AWAY: Final = -(2**62)
"""Until when a condition holds that is not true; an event time before all others."""

EDGE: Final = np.dtype([("digest", "<u8"), ("holds", "<i8"), ("fired", "<i8"), ("revision", "<i4")])
"""One condition of one symbol as it is saved."""


def nothing(count: int, conditions: int) -> Rows:
    """EDGE[count, conditions] of symbols for which nothing was true yet."""
    rows = np.zeros((count, conditions), EDGE)
    rows["holds"], rows["fired"] = AWAY, AWAY
    return rows


@inlined
def _event(closes: Ints, row: int, reads: Bools, number: int) -> int:
    """Close of the newest bar that a condition reads."""
    newest = AWAY
    for interval in range(reads.shape[1]):
        if reads[number, interval]:
            newest = max(newest, closes[interval, row])
    return newest


@kernel
def rise(
    truth: Floats,
    until: Ints,
    roots: Ints,
    wanted: Ints,
    marks: Ints,
    closes: Ints,
    reads: Bools,
    slots: Ints,
    awake: Bools,
    allowed: Bools,
    debounce: Ints,
    edges: Rows,
    dirty: Bools,
    fired: Ints,
) -> tuple[int, int]:
    """Take up what rows of evaluations say, in order, and find the signals.

    Args:
        truth: float64[registers, >= n].
        until: int64[registers, >= n].
        roots: int64[conditions], register of each.
        wanted: int64[n], which conditions were evaluated.
        marks: int64[n], what a condition must have held beyond to have been true just before.
        closes: int64[intervals + 1, >= n], close of the newest bar of each interval, ns.
        reads: bool[conditions, intervals + 1].
        slots: int64[n], the symbol of each row.
        awake: bool[n], rows that count.
        allowed: bool[conditions, symbols].
        debounce: int64[conditions], ns.
        edges: EDGE[symbols, conditions], moved on.
        dirty: bool[symbols], set where edges change.
        fired: int64[n * conditions, 5], receives row, condition, event time, revision and until when it
            holds of each signal.

    Returns:
        Signals, and how many were swallowed.
    """
    count, swallowed = 0, 0
    for row in range(len(slots)):
        slot = slots[row]
        for number in wanted:
            if not awake[row] or not allowed[number, slot]:
                continue
            edge = edges[slot, number]
            was = edge["holds"] != AWAY and edge["holds"] > marks[row]
            now = truth[roots[number], row] == 1.0
            holds = until[roots[number], row] if now else AWAY
            if holds != edge["holds"]:
                edge["holds"] = holds
                dirty[slot] = True
            if was or not now:
                continue
            ts = _event(closes, row, reads, number)
            if edge["fired"] != AWAY and ts - edge["fired"] < debounce[number]:
                swallowed += 1
                continue
            edge["revision"] = edge["revision"] + 1 if ts == edge["fired"] else 0
            edge["fired"] = ts
            fired[count, 0], fired[count, 1] = row, number
            fired[count, 2], fired[count, 3], fired[count, 4] = ts, edge["revision"], holds
            count += 1
    return count, swallowed
