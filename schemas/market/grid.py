"""The grid of a calendar: which minutes are expected, and how intervals are cut from them.

Everything follows from plain arrays of segments of trading, so a stage that is given them in a ``Config``
record decides the same ten years later::

    segments       [ 01:30 ------ 04:00 )      [ 05:00 -------- 08:00 )      one trade date
    session, 1h    |  1h  |  1h  | 30m |       |  1h  |  1h  |  1h    |      restarts after the break
    utc, 1h     |  30m |  1h  |  1h  |         |  1h  |  1h  |  1h    |      aligned to the epoch
"""

from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.config import CalendarRows
from schemas.errors import ConfigurationError
from schemas.market.cuts import cutter
from schemas.market.intervals import MINUTE, SECOND, Interval

Ints: TypeAlias = NDArray[np.int64]

_REMEMBERED: Final = 256  # trade dates and intervals whose slots are kept: a few days of all derived ones

OUTSIDE: Final = -1
"""What a lookup says of an instant outside the segments."""


class Grid:
    """Expected minutes of one calendar under one anchor.

    The arrays are read-only and may be given to kernels as they are.

    Attributes:
        name: name of the calendar.
        anchor: ``session``, ``utc`` or ``local``.
        opens: int64[segments], start of each segment in ns, inclusive, ascending.
        closes: int64[segments], end of each segment in ns, exclusive.
        session_dates: int64[segments], trade date of each segment in days, ascending.
        first_minutes: int64[segments + 1], expected minutes before each segment; the last is their total.
        sessions: int64[dates], trade dates in days, ascending.
    """

    def __init__(self, rows: CalendarRows, anchor: str = "") -> None:
        """Take the segments of a calendar.

        Args:
            rows: its segments.
            anchor: overrides the anchor of the rows; empty keeps it.

        Raises:
            ConfigurationError: the segments are not ascending, disjoint and on whole minutes.
        """
        self.name = rows.name
        self.anchor = anchor or rows.anchor
        self.zone = rows.zone
        self.opens = _fixed(np.array(rows.opens, np.int64) * SECOND)
        self.closes = _fixed(np.array(rows.closes, np.int64) * SECOND)
        self.session_dates = _fixed(np.array(rows.session_dates, np.int64))
        self._check()
        totals = np.cumsum((self.closes - self.opens) // MINUTE)
        self.first_minutes = _fixed(np.concatenate([np.zeros(1, np.int64), totals]))
        self.sessions = _fixed(np.unique(self.session_dates))
        self._cut = cutter(self.anchor, self.zone, self.opens, self.closes, self.session_dates)
        self._slots = lru_cache(_REMEMBERED)(self._slots_of)

    def _check(self) -> None:
        opens, closes = self.opens, self.closes
        if not len(opens) == len(closes) == len(self.session_dates) or len(opens) == 0:
            raise ConfigurationError(f"calendar {self.name} must have segments, was {len(opens)!r} of them")
        dates = bool(np.all(np.diff(self.session_dates) >= 0))
        if not (dates and bool(np.all(opens < closes)) and bool(np.all(closes[:-1] <= opens[1:]))):
            raise ConfigurationError(f"calendar {self.name} must have ascending and disjoint segments")
        if np.any(opens % MINUTE) or np.any(closes % MINUTE):
            raise ConfigurationError(f"calendar {self.name} must open and close on whole minutes")

    @property
    def horizon(self) -> int:
        """Last close in ns; nothing is known from then on."""
        return int(self.closes[-1])

    def segment(self, ts: Ints | int) -> Ints:
        """Number of the segment of each instant, -1 outside."""
        places = np.searchsorted(self.opens, ts, "right") - 1
        inside = (places >= 0) & (ts < self.closes[places])
        return np.where(inside, places, OUTSIDE)

    def contains(self, ts: Ints | int) -> NDArray[np.bool_]:
        """Whether the market is open at each instant."""
        return np.asarray(self.segment(ts) >= 0)

    def session_date(self, ts: Ints | int) -> Ints:
        """Trade date of each instant in days, -1 outside."""
        places = self.segment(ts)
        return np.where(places >= 0, self.session_dates[places], OUTSIDE)

    def minute_open(self, ts: Ints | int) -> Ints:
        """Start of the minute of each instant, -1 outside."""
        return np.where(self.contains(ts), ts - ts % MINUTE, OUTSIDE)

    def count_before(self, ts: Ints | int) -> Ints:
        """Number of expected minutes that begin before each instant: of a minute's start, its own number."""
        places = np.searchsorted(self.opens, ts, "left") - 1
        known = np.maximum(places, 0)
        into = np.minimum(np.asarray(ts), self.closes[known]) - self.opens[known]
        return np.where(places >= 0, self.first_minutes[known] - (-into // MINUTE), 0)

    def minute_at(self, number: Ints | int) -> Ints:
        """Start of the expected minute of each number, -1 where there is none."""
        places = np.searchsorted(self.first_minutes, number, "right") - 1
        known = np.clip(places, 0, len(self.opens) - 1)
        starts = self.opens[known] + (number - self.first_minutes[known]) * MINUTE
        return np.where(places == known, starts, OUTSIDE)

    def count_between(self, start: int, end: int) -> int:
        """Number of expected minutes that begin in [start, end)."""
        return int(self.count_before(end) - self.count_before(start)) if start < end else 0

    def next_minute(self, ts_open: int) -> int:
        """Start of the first expected minute after an instant, -1 past the horizon."""
        return int(self.minute_at(int(self.count_before(ts_open + 1))))

    def previous_minute(self, ts_open: int) -> int:
        """Start of the last expected minute before an instant, -1 before the first."""
        return int(self.minute_at(int(self.count_before(ts_open)) - 1))

    def minutes(self, session_date: int) -> Ints:
        """Starts of the expected minutes of a trade date, ascending; empty where it is none."""
        first, last = np.searchsorted(self.session_dates, [session_date, session_date + 1])
        return self.minute_at(np.arange(self.first_minutes[first], self.first_minutes[last]))

    def session_bounds(self, session_date: int) -> tuple[int, int]:
        """First open and last close of a trade date, (-1, -1) where it is none."""
        first, last = np.searchsorted(self.session_dates, [session_date, session_date + 1])
        return (OUTSIDE, OUTSIDE) if first == last else (int(self.opens[first]), int(self.closes[last - 1]))

    def open_from(self, session_date: int) -> int:
        """Open of the first trade date from one on, -1 past the horizon."""
        first = int(np.searchsorted(self.session_dates, session_date))
        return int(self.opens[first]) if first < len(self.opens) else OUTSIDE

    def bounds(self, interval: Interval, ts: Ints) -> tuple[Ints, Ints]:
        """Start and end of the slot of an interval around each instant, -1 and -1 outside the segments."""
        places = self.segment(ts)
        inside = places >= 0
        opens, closes = self._cut(interval, ts, np.maximum(places, 0))
        return np.where(inside, opens, OUTSIDE), np.where(inside, closes, OUTSIDE)

    def slot(self, interval: Interval, ts: int) -> tuple[int, int, int]:
        """Start, end and expected minutes of the slot around an instant; (-1, -1, 0) outside the segments."""
        opens, closes = self.bounds(interval, np.array([ts], np.int64))
        ts_open, ts_close = int(opens[0]), int(closes[0])
        return ts_open, ts_close, self._expected(interval, ts_open, ts_close)

    def _expected(self, interval: Interval, ts_open: int, ts_close: int) -> int:
        return self.count_between(ts_open, ts_close) if interval.ns >= MINUTE else 0

    def slots(self, interval: Interval, session_date: int) -> tuple[Ints, Ints, Ints]:
        """Starts, ends and expected minutes of the slots of a trade date, ascending.

        A slot that touches two trade dates, as days cut by a clock may, is of the one it begins with.
        """
        return self._slots(interval, session_date)

    def _slots_of(self, interval: Interval, session_date: int) -> tuple[Ints, Ints, Ints]:
        starts = self.minutes(session_date)
        if interval.ns < MINUTE:
            starts = (starts[:, None] + np.arange(0, MINUTE, SECOND)).reshape(-1)
        opens, places = np.unique(self.bounds(interval, starts)[0], return_index=True)
        closes = self.bounds(interval, starts[places])[1]
        own = self.count_before(opens) >= self.count_before(self.session_bounds(session_date)[0])
        opens, closes = opens[own], closes[own]
        expected = self.count_before(closes) - self.count_before(opens)
        return _fixed(opens), _fixed(closes), _fixed(expected if interval.ns >= MINUTE else expected * 0)


def _fixed(array: Ints) -> Ints:
    array.flags.writeable = False
    return array
