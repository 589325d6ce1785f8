"""When a session is told of, and what is wrong with it.

::

    open of the one before     its open      timeout         each half hour     its close     a revision
    planned                    open          open (flagged)  open               closed        closed

It is planned when the one before opens, or when its symbol is subscribed, so that its grid is known long
before the open. Where nothing spoke at its open, it is told of with its first decided minute.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from schemas.flags import EARLY_END, LATE_START, LOW_QUALITY, NO_BARS, TIMED_OUT, UNFILLED
from streams.core.bars.quality import Minutes, Parts, halted, known
from streams.core.bars.state import EMPTY, REAL, REFETCHED, UNDECIDED, Day, Ints, Rows

CADENCE: Final = 30
"""A session is told of each time so many more minutes are decided."""

OPEN, CLOSED, PLANNED = range(3)


class Told(NamedTuple):
    """What a record says of a session: its bounds, its time and its state."""

    bounds: tuple[int, int]
    ts: int
    state: int


class Quality(NamedTuple):
    """What it says of the bars of one interval: their parts, how many the whole session has, and flags."""

    interval: bytes
    parts: Parts
    planned: int
    flags: int


def is_due(day: Day, timeout: int, *, changed: bool) -> bool:
    """Whether the session is to be told of now.

    Args:
        day: the trade date.
        timeout: so many minutes without any known one are too many.
        changed: a minute got another bar or cause.
    """
    if day.next == 0 or not changed:
        return False
    head = day.head
    told = int(head["told"][0])
    if head["closed"][0] or told < 0 or day.next // CADENCE > told // CADENCE or is_over(day):
        return True
    if not told < timeout <= day.next or (day.rows["kind"][:timeout] == REAL).any():
        return False
    return bool(faults(day.rows, timeout, closed=False) & LATE_START)


def qualities(
    rows: Rows, slots: Sequence[tuple[bytes, Ints]], faulty: int, limit: float
) -> Iterator[Quality]:
    """The quality of a session by the bars of each interval.

    Args:
        rows: ``MINUTE`` rows of the session.
        slots: intervals and the starts of their bars.
        faulty: flags of the session.
        limit: a quality below it is flagged, 0 to 1.
    """
    minutes, starts = Minutes(rows), rows["ts_open"].copy()
    for name, opens in slots:
        firsts = np.searchsorted(starts, opens)
        found = minutes.parts(firsts)
        yield Quality(name, found, len(firsts), faulty | doubt(found, limit))


def is_over(day: Day) -> bool:
    """Whether every minute of the trade date is decided."""
    return len(day.rows) > 0 and day.next == len(day.rows)


def faults(rows: Rows, timeout: int, *, closed: bool) -> int:
    """Flags of a session that are those of every interval.

    Args:
        rows: ``MINUTE`` rows; the decided ones count.
        timeout: so many minutes without any known one are too many.
        closed: every minute is decided.
    """
    rows = rows[rows["kind"] != UNDECIDED]
    is_known = known(rows)
    found = 0
    if len(rows) >= timeout and not is_known[:timeout].any():
        found |= LATE_START
    if closed and not is_known[-timeout:].any():
        found |= EARLY_END
    if (rows["judge"][(rows["kind"] != REAL) & ~halted(rows)] < 0).any():
        found |= TIMED_OUT
    if ((rows["kind"] == EMPTY) & ~halted(rows)).any():
        found |= UNFILLED
    if closed and not ((rows["kind"] == REAL) | (rows["kind"] == REFETCHED)).any():
        found |= NO_BARS
    return found


def doubt(found: Parts, limit: float) -> int:
    """The flag of a quality below a limit, 0 to 1."""
    return LOW_QUALITY if found.quality is not None and found.quality < 100.0 * limit else 0
