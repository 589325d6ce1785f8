"""When a session is told of.

That is with its first decided minute, each half hour, at its close, and then whenever a bar of it is revised.
"""

from typing import Final

from streams.core.bars.state import Day

CADENCE: Final = 30
"""A session is told of each time so many more minutes are decided."""

OPEN, CLOSED = range(2)


def is_due(day: Day, *, changed: bool) -> bool:
    """Whether the session is to be told of now.

    Args:
        day: the trade date.
        changed: a minute got another bar or cause.
    """
    told = int(day.head["told"][0])
    if day.next == 0 or not changed:
        return False
    if day.head["closed"][0]:
        return True
    return told < 0 or day.next // CADENCE > told // CADENCE or is_over(day)


def is_over(day: Day) -> bool:
    """Whether every minute of the trade date is decided."""
    return len(day.rows) > 0 and day.next == len(day.rows)
