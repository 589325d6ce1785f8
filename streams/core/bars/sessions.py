"""When a session is told of, and what is wrong with it.

::

    open of the one before     its open      timeout         each half hour     its close     a revision
    planned                    open          open (flagged)  open               closed        closed

It is planned when the one before opens, or when its symbol is subscribed, so that its grid is known long
before the open. Where nothing spoke at its open, it is told of with its first decided minute.
"""

from typing import Final, NamedTuple

from schemas.flags import EARLY_END, LATE_START, LOW_QUALITY, NO_BARS, TIMED_OUT, UNFILLED
from schemas.jit import kernel
from streams.core.bars.quality import Parts, Slots, is_halted, is_known, parts
from streams.core.bars.state import EMPTY, REAL, REFETCHED, UNDECIDED, Day, Rows

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
    return bool(faults(day.rows, timeout, False) & LATE_START)


def calm_until(day: Day, timeout: int) -> int:
    """While fewer minutes than that are decided, each by a bar of its own, ``is_due`` says no."""
    told = int(day.head["told"][0])
    if day.head["closed"][0] or told < 0:
        return 0
    until = min((told // CADENCE + 1) * CADENCE, len(day.rows))
    if told < timeout and REAL not in day.rows["kind"][:timeout].tolist():
        until = min(until, timeout)
    return until


def qualities(rows: Rows, slots: Slots, faulty: int, limit: float) -> list[Quality]:
    """The quality of a session by the bars of each interval.

    Args:
        rows: ``MINUTE`` rows of the session.
        slots: its bars.
        faulty: flags of the session.
        limit: a quality below it is flagged, 0 to 1.
    """
    each = zip(slots.names, parts(rows, slots), slots.planned, strict=True)
    return [Quality(name, found, planned, faulty | doubt(found, limit)) for name, found, planned in each]


def is_over(day: Day) -> bool:
    """Whether every minute of the trade date is decided."""
    return len(day.rows) > 0 and day.next == len(day.rows)


@kernel
def faults(rows: Rows, timeout: int, closed: bool) -> int:
    """Flags of a session that are those of every interval.

    Args:
        rows: ``MINUTE`` rows; the decided ones count.
        timeout: so many minutes without any known one are too many.
        closed: every minute is decided.
    """
    count, first, last, found = 0, -1, -1, NO_BARS if closed else 0
    for place in range(len(rows)):
        row = rows[place]
        if row["kind"] == UNDECIDED:
            continue
        if is_known(row):
            first, last = count if first < 0 else first, count
        if row["kind"] != REAL and row["judge"] < 0 and not is_halted(row):
            found |= TIMED_OUT
        if row["kind"] == EMPTY and not is_halted(row):
            found |= UNFILLED
        if row["kind"] in (REAL, REFETCHED):
            found &= ~NO_BARS
        count += 1
    if count >= timeout and not 0 <= first < timeout:
        found |= LATE_START
    if closed and (last < 0 or last < count - timeout):
        found |= EARLY_END
    return found


def doubt(found: Parts, limit: float) -> int:
    """The flag of a quality below a limit, 0 to 1."""
    return LOW_QUALITY if found.quality is not None and found.quality < 100.0 * limit else 0
