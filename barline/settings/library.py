"""Segments from ``exchange_calendars``, breaks cut out."""

import warnings
from datetime import date, timedelta
from typing import Any, Final

import exchange_calendars

from barline.settings.segments import Found, Segment
from schemas.errors import ConfigurationError

# The library refuses a range without any session, so a short one is asked for with what stands before it.
_MARGIN: Final = timedelta(days=30)


def from_library(name: str, first: date, last: date) -> Found:
    """Segments of a calendar of the library, as far as it knows the range.

    Raises:
        ConfigurationError: the library has no such calendar, or cannot say its hours.
    """
    with warnings.catch_warnings():
        # The library calls parts of pandas that are going away; that is not for our users to read.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return _read(name, first, last)
        except (NotImplementedError, ValueError) as error:  # some of its calendars are unfinished
            raise ConfigurationError(
                f"calendar {name} must be whole in exchange_calendars, was not at {first} to {last}: {error}"
            ) from error


def _read(name: str, first: date, last: date) -> Found:
    try:
        calendar = exchange_calendars.get_calendar(name)
    except exchange_calendars.errors.InvalidCalendarName:
        raise ConfigurationError(
            f"calendar must be 24x7, FX, METALS, CME or one of exchange_calendars, was {name!r}"
        ) from None
    first, last = _within(calendar, first, last)
    found = Found(f"exchange_calendars {exchange_calendars.__version__}", str(calendar.tz.key), [])
    if first > last:
        return found
    if first < calendar.first_session.date() or last > calendar.last_session.date():
        start, end = _within(calendar, first - _MARGIN, last)
        calendar = exchange_calendars.get_calendar(name, start=start, end=end)
    for row in calendar.schedule.loc[str(first) : str(last)].itertuples():
        found.segments.extend(_split(*row))
    return found


def _within(calendar: Any, first: date, last: date) -> tuple[date, date]:
    lower, upper = calendar.bound_min(), calendar.bound_max()
    return (first if lower is None else max(first, lower.date())), (
        last if upper is None else min(last, upper.date())
    )


def _split(day: Any, opens: Any, break_start: Any, break_end: Any, closes: Any) -> list[Segment]:
    known = break_start == break_start  # noqa: PLR0124  (a day without a break has NaT, which equals nothing)
    stops = [opens, break_start, break_end, closes] if known else [opens, closes]
    seconds = [int(stop.timestamp()) for stop in stops]
    return [Segment(day.date(), *pair) for pair in zip(seconds[::2], seconds[1::2], strict=True)]
