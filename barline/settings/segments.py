"""Segments of trading before they become plain arrays, and the wall clock they are written in."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)


class Segment(NamedTuple):
    """One stretch of trading: its trade date, start and end in seconds since the epoch."""

    session_date: date
    open: int
    close: int


class Found(NamedTuple):
    """Segments of a range of trade dates, where they come from and the zone they are spoken of in."""

    version: str
    zone: str
    segments: list[Segment]


def instant(day: date, at: time, place: ZoneInfo) -> int:
    """Seconds since the epoch of a wall-clock time."""
    return int(datetime.combine(day, at, place).astimezone(UTC).timestamp())


def dates(first: date, last: date) -> Iterator[date]:
    """Every date of a range, both ends included."""
    return (first + DAY * number for number in range((last - first).days + 1))


def hours(text: str) -> tuple[time, time]:
    """Start and end of ``09:15-15:30``.

    Raises:
        ValueError: the text is no such range.
    """
    start, _, end = text.partition("-")
    return time.fromisoformat(start.strip()), time.fromisoformat(end.strip())


def between(day: date, text: str, place: ZoneInfo) -> tuple[int, int]:
    """Start and end in seconds of ``09:15-15:30`` on a trade date; ``17:00-16:00`` starts on its eve."""
    start, end = hours(text)
    return instant(day - DAY if start >= end else day, start, place), instant(day, end, place)
