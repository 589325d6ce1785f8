"""Calendars as plain segments: from ``exchange_calendars``, and from a table of our own for what it lacks.

====================  =========================================================  ===============
name                  segments                                                   anchor
====================  =========================================================  ===============
24x7                  every day, midnight to midnight in its zone [UTC]          utc
FX, METALS            trade dates Monday to Friday, 17:00 to 17:00 New York      session
CME, CMES             trade dates of CMES, 17:00 to 16:00 Chicago                session
XNSE, NSE             those of XBOM                                              session
any other             as the library has it, breaks cut out                      session
====================  =========================================================  ===============

The library counts the daily pause of CMES as open, which is why that one is cut here. A calendar whose table
in the library has ended is extended in ``barline.toml`` (``until``, ``holidays``, ``sessions``); hours that
change from a trade date on stand there, too (``changes``).
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from barline.settings.library import from_library
from barline.settings.sections import CalendarSettings
from barline.settings.segments import DAY, Found, Segment, between, dates, instant
from schemas.config import CalendarRows
from schemas.errors import ConfigurationError
from schemas.market.cuts import EPOCH

_NEW_YORK: Final = "America/New_York"
_DAY_CUT: Final = time(17)
_CME_CLOSE: Final = time(16)
_ALIASES: Final = {
    "24/7": "24x7",
    "METALS": "FX",
    "CMES": "CME",
    "us_futures": "CME",
    "XNSE": "XBOM",
    "NSE": "XBOM",
}
_OWN: Final = "barline 1"
_EXTENDABLE: Final = timedelta(days=1_000)  # how long ago the table of an extended calendar may have ended


def calendar_rows(
    name: str, first: date, last: date, settings: CalendarSettings | None = None
) -> CalendarRows:
    """The segments of a calendar for a range of trade dates.

    Args:
        name: name of the calendar.
        first: first trade date.
        last: last trade date, inclusive; the rows end earlier where the calendar does.
        settings: what ``barline.toml`` says about it.

    Raises:
        ConfigurationError: there is no such calendar, or it knows no trade date in the range.
    """
    said = settings or CalendarSettings()
    base = _ALIASES.get(said.base or name, said.base or name)
    found = _found(base, first - _EXTENDABLE if said.until else first, last, said.zone)
    place = ZoneInfo(said.zone or found.zone)
    segments = _amended(found.segments, said, place, (first, last))
    if not segments:
        raise ConfigurationError(f"calendar {name} must know a trade date from {first} to {last}, was none")
    anchor: Literal["session", "utc", "local"] = said.anchor or ("utc" if base == "24x7" else "session")
    return CalendarRows(
        name=name,
        version=found.version,
        anchor=anchor,
        zone=place.key,
        session_dates=[(segment.session_date - EPOCH).days for segment in segments],
        opens=[segment.open for segment in segments],
        closes=[segment.close for segment in segments],
    )


def _found(base: str, first: date, last: date, zone: str) -> Found:
    if base == "24x7":
        return Found(_OWN, "UTC", list(_every_day(first, last, ZoneInfo(zone or "UTC"))))
    if base == "FX":
        return Found(_OWN, _NEW_YORK, list(_weekdays(first, last, ZoneInfo(_NEW_YORK))))
    if base == "CME":
        found = from_library("CMES", first, last)
        cut = [_before_the_pause(segment, ZoneInfo(found.zone)) for segment in found.segments]
        return found._replace(segments=cut, version=f"{found.version}, {_OWN}")
    return from_library(base, first, last)


def _every_day(first: date, last: date, place: ZoneInfo) -> Iterator[Segment]:
    for day in dates(first, last):
        yield Segment(day, instant(day, time(), place), instant(day + DAY, time(), place))


def _weekdays(first: date, last: date, place: ZoneInfo) -> Iterator[Segment]:
    for day in dates(first, last):
        if day.weekday() < 5:
            yield Segment(day, instant(day - DAY, _DAY_CUT, place), instant(day, _DAY_CUT, place))


def _before_the_pause(segment: Segment, place: ZoneInfo) -> Segment:
    return segment._replace(close=min(segment.close, instant(segment.session_date, _CME_CLOSE, place)))


def _amended(
    segments: list[Segment], said: CalendarSettings, place: ZoneInfo, dates_asked: tuple[date, date]
) -> list[Segment]:
    first, last = dates_asked
    own = [Segment(day, *between(day, text, place)) for day, texts in said.own_hours() for text in texts]
    replaced = {day for day, _ in said.own_hours()} | set(said.holidays)
    kept = [segment for segment in segments if segment.session_date not in replaced]
    kept += [segment for segment in _extension(segments, said, place) if segment.session_date not in replaced]
    kept = _changed(kept, said, place)
    inside = [segment for segment in kept + own if first <= segment.session_date <= last]
    pieces = [piece for segment in sorted(inside) for piece in _without_pauses(segment, said, place)]
    return sorted(pieces)


def _changed(segments: list[Segment], said: CalendarSettings, place: ZoneInfo) -> list[Segment]:
    """The same trade dates with the hours that hold since the last change before each."""
    changes = sorted(said.changes, key=lambda change: change.since)
    if not changes:
        return segments
    kept = [segment for segment in segments if segment.session_date < changes[0].since]
    for day in sorted({segment.session_date for segment in segments} - {one.session_date for one in kept}):
        holds = [change for change in changes if change.since <= day][-1]
        kept += [Segment(day, *between(day, text, place)) for text in holds.hours]
    return kept


def _extension(segments: list[Segment], said: CalendarSettings, place: ZoneInfo) -> Iterator[Segment]:
    """Weekdays after the last known trade date up to ``until``, with the hours of that date."""
    if said.until is None or not segments:
        return
    known = segments[-1].session_date
    model = [segment for segment in segments if segment.session_date == known]
    for day in dates(known + DAY, said.until):
        if day.weekday() < 5:
            yield from (_moved(segment, day, place) for segment in model)


def _moved(segment: Segment, day: date, place: ZoneInfo) -> Segment:
    begin, end = (datetime.fromtimestamp(at, place) for at in (segment.open, segment.close))
    days = day - segment.session_date
    return Segment(
        day,
        instant(begin.date() + days, begin.time(), place),
        instant(end.date() + days, end.time(), place),
    )


def _without_pauses(segment: Segment, said: CalendarSettings, place: ZoneInfo) -> Iterator[Segment]:
    day = segment.session_date
    # A trade date may begin the evening before, so a pause is looked for on both days.
    pauses = sorted(between(on, text, place) for text in said.pauses for on in (day - DAY, day, day + DAY))
    begin = segment.open
    for start, end in pauses:
        if begin < end and start < segment.close:
            if begin < start:
                yield Segment(day, begin, start)
            begin = max(begin, end)
    if begin < segment.close:
        yield Segment(day, begin, segment.close)
