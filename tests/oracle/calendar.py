"""A calendar read from the segments of its ``CalendarRows``, slowly: lists and loops, no arrays.

Times are int ns, UTC; trade dates are days since 1970-01-01.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.config import CalendarRows

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND


class Segment(NamedTuple):
    """One stretch of trading, ``[opens, closes)``, of a trade date."""

    session_date: int
    opens: int
    closes: int


class Calendar:
    """Segments and the minutes in them.

    Args:
        rows: the segments as the configuration gives them, in seconds.
    """

    def __init__(self, rows: CalendarRows) -> None:
        parts = zip(rows.session_dates, rows.opens, rows.closes, strict=True)
        self.segments = [Segment(date, opens * SECOND, closes * SECOND) for date, opens, closes in parts]

    def segment(self, ts: int) -> Segment | None:
        """The segment of an instant; None outside."""
        # By law "Interval: half-open [ts_open, ts_close), labelled by its start."
        return next((part for part in self.segments if part.opens <= ts < part.closes), None)

    def close(self, session_date: int) -> int:
        """Last close of a trade date."""
        return max(part.closes for part in self.segments if part.session_date == session_date)

    def minutes(self) -> Iterator[tuple[int, int]]:
        """Trade date and start of every expected minute, ascending."""
        for part in self.segments:
            for ts_open in range(part.opens, part.closes, MINUTE):
                yield part.session_date, ts_open

    def session(self, session_date: int) -> list[int]:
        """Starts of the expected minutes of a trade date."""
        return [
            ts_open
            for part in self.segments
            if part.session_date == session_date
            for ts_open in range(part.opens, part.closes, MINUTE)
        ]
