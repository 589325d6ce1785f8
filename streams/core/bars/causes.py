"""Why a minute has no bar: halt, rejected, outage, no_trades, unknown, in this order.

A hole in a gapless sequence says that records were lost since the one before it, so the minutes without a bar
between the two are never ``no_trades``.

A silence is *around* a minute when it begins at or before its open and ends after it. Only its part within
the segment of trading counts, for a market that is closed is silent by right::

    segment     |13:30                                            20:00|
    records   x                    x x  x                x  x  x            x
    silence   |..== too long ======|    |= short enough =|     |========|...|
    cause         outage ...  no_trades   no_trades ...          (counted to the close)
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from schemas.jit import kernel
from schemas.market.intervals import MINUTE
from streams.core.bars.state import (
    EMPTY,
    FLAT,
    HALT,
    HALTED,
    HOLE,
    NO_TRADES,
    OUTAGE,
    REJECTED,
    UNKNOWN,
    Ints,
    Rows,
)
from streams.core.watermark import FOREVER, NEVER


class Minute(NamedTuple):
    """One missed minute: its bounds, the segment it lies in, and what statuses said of it."""

    ts_open: int
    ts_close: int
    segment_open: int
    segment_close: int
    bits: int
    rejected: int


class Judge(NamedTuple):
    """The source that decided a minute.

    Attributes:
        alone: it is configured with one symbol, so its silence says nothing.
        ts_last: its last record of any symbol.
        mark: everything up to here is in the log.
        down: start and end of its outages.
        silences: start and end of its silences longer than the limit.
    """

    alone: bool
    ts_last: int
    mark: int
    down: tuple[tuple[int, int], ...]
    silences: tuple[tuple[int, int], ...]


NOBODY = Judge(alone=False, ts_last=NEVER, mark=NEVER, down=((NEVER, FOREVER),), silences=())
"""No source was alive."""


def cause(minute: Minute, judge: Judge, halts: Iterable[tuple[int, int]], limit: int) -> int:
    """Cause of a missed minute.

    Args:
        minute: the minute.
        judge: the source that decided it, as it stands now.
        halts: start and end of the halts of the symbol.
        limit: silence longer than this is an outage, in ns.
    """
    if minute.bits & HALTED or any(_overlap(minute, start, end) for start, end in halts):
        return HALT
    if minute.rejected > 0:
        return REJECTED
    if any(_overlap(minute, start, end) for start, end in judge.down):
        return OUTAGE
    return UNKNOWN if judge.alone else _by_silence(minute, judge, limit)


def _by_silence(minute: Minute, judge: Judge, limit: int) -> int:
    if any(_is_around(minute, start, end, limit) for start, end in judge.silences):
        return OUTAGE
    if judge.ts_last > minute.ts_open:
        return UNKNOWN if minute.bits & HOLE else NO_TRADES
    return OUTAGE if _is_around(minute, judge.ts_last, judge.mark, limit) else UNKNOWN


def clears_at(minute: Minute, judge: Judge, limit: int) -> int:
    """The mark of its judge from which an unknown minute is an outage unless a record comes, in ns.

    ``FOREVER`` where its segment has not so much time left.
    """
    at = max(judge.ts_last, minute.segment_open) + limit
    return at if at < minute.segment_close else FOREVER


def unknown(rows: Rows) -> list[int]:
    """The first of all unknown minutes that follow each other and have one judge; each that may have a hole.

    Whatever explains a later one of them explains the first one, too.
    """
    places = np.empty(len(rows), np.int64)
    found: list[int] = places[: _unknown(rows, places)].tolist()
    return found


@kernel
def _unknown(rows: Rows, places: Ints) -> int:
    count, last, judge = 0, -1, -1
    for place in range(len(rows)):
        row = rows[place]
        if row["cause"] != UNKNOWN or not (row["kind"] == FLAT or row["kind"] == EMPTY):
            continue
        if row["bits"] & HOLE or last < 0 or row["judge"] != judge or row["ts_open"] != last + MINUTE:
            places[count] = place
            count += 1
        is_whole = not row["bits"] & HOLE
        last, judge = (row["ts_open"], row["judge"]) if is_whole else (-1, -1)
    return count


def _overlap(minute: Minute, start: int, end: int) -> bool:
    return start < minute.ts_close and end > minute.ts_open


def _is_around(minute: Minute, start: int, end: int, limit: int) -> bool:
    within = min(end, minute.segment_close) - max(start, minute.segment_open)
    return start <= minute.ts_open < end and within > limit
