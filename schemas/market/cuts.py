"""How the anchors cut time into slots: by the session, by the epoch, or by the wall clock of a place."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from schemas.market.intervals import DAY, HOUR, SECOND, Interval

Ints: TypeAlias = NDArray[np.int64]
Cut: TypeAlias = Callable[[Interval, Ints, Ints], tuple[Ints, Ints]]
"""(interval, instants in ns, their segments) -> starts and ends of their slots in ns."""

EPOCH: Final = date(1970, 1, 1)


def cutter(anchor: str, zone: str, opens: Ints, closes: Ints, session_dates: Ints) -> Cut:
    """The cut of an anchor over segments.

    Raises:
        ConfigurationError: there is no such anchor.
    """
    if anchor == "session":
        return _by_session(opens, closes, session_dates)
    if anchor == "utc":
        return _by_epoch
    if anchor == "local":
        return _by_wall_clock(zone, int(opens[0]), int(closes[-1]))
    raise ConfigurationError(f"anchor must be session, utc or local, was {anchor!r}")


def _by_epoch(interval: Interval, ts: Ints, _segments: Ints) -> tuple[Ints, Ints]:
    opens = ts - ts % interval.ns
    return opens, opens + interval.ns


def _by_session(opens: Ints, closes: Ints, session_dates: Ints) -> Cut:
    first = opens[np.searchsorted(session_dates, session_dates, "left")]
    last = closes[np.searchsorted(session_dates, session_dates, "right") - 1]

    def cut(interval: Interval, ts: Ints, segments: Ints) -> tuple[Ints, Ints]:
        if interval.is_daily:
            _refuse_several_days(interval)
            return first[segments], last[segments]
        starts = opens[segments]
        slots = ts - (ts - starts) % interval.ns
        return slots, np.minimum(slots + interval.ns, closes[segments])

    return cut


def _by_wall_clock(zone: str, first: int, last: int) -> Cut:
    days = _days(first, last)

    @cache
    def boundaries(step: int) -> Ints:
        return _wall_clock(zone, days, step)

    def cut(interval: Interval, ts: Ints, _segments: Ints) -> tuple[Ints, Ints]:
        if interval.is_daily:
            _refuse_several_days(interval)
        borders = boundaries(DAY if interval.ns <= HOUR else interval.ns)
        places = np.searchsorted(borders, ts, "right") - 1
        starts, ends = borders[places], borders[places + 1]
        if interval.ns > HOUR:
            return starts, ends
        slots = ts - (ts - starts) % interval.ns
        return slots, np.minimum(slots + interval.ns, ends)

    return cut


def _days(first: int, last: int) -> list[date]:
    start = EPOCH + timedelta(days=first // DAY - 1)
    return [start + timedelta(days=number) for number in range((last - first) // DAY + 5)]


def _wall_clock(zone: str, days: list[date], step: int) -> Ints:
    place = ZoneInfo(zone)
    steps = [timedelta(microseconds=at // 1_000) for at in range(0, DAY, step)]
    # A wall-clock time that a change of clocks skips lies as much after the change; one that comes twice
    # is its first.
    instants = [
        int((datetime.combine(day, time(), place) + at).astimezone(UTC).timestamp())
        for day in days
        for at in steps
    ]
    return np.unique(np.array(instants, np.int64)) * SECOND


def _refuse_several_days(interval: Interval) -> None:
    if interval.ns != DAY:
        raise ConfigurationError(f"interval above 1d must have the anchor utc, was {interval.name!r}")
