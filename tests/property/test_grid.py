"""Lookups of a grid against lists of minutes made the slow way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import CalendarRows
from schemas.errors import ConfigurationError
from schemas.market.grid import Grid
from schemas.market.intervals import MINUTE, SECOND, Interval

START = 1_700_000_040 // 60 * 60
INTERVALS = [Interval.parse(name) for name in ("1m", "5m", "7m", "1h", "4h", "1d")]


@st.composite
def calendars(draw: st.DrawFn) -> CalendarRows:
    """A few trade dates of one to three segments, with and without breaks between them."""
    opens, closes, dates, at = [], [], [], START
    for day in range(draw(st.integers(1, 4))):
        for _ in range(draw(st.integers(1, 3))):
            opens.append(at + 60 * draw(st.sampled_from([0, 1, 60, 700])))
            closes.append(opens[-1] + 60 * draw(st.integers(1, 70)))
            dates.append(19_000 + 2 * day)
            at = closes[-1]
    anchor = draw(st.sampled_from(["session", "utc", "local"]))
    return CalendarRows("any", "1", anchor, "Asia/Kolkata", dates, opens, closes)


def slow_minutes(rows: CalendarRows) -> list[tuple[int, int]]:
    return [
        (at * SECOND, date)
        for date, start, end in zip(rows.session_dates, rows.opens, rows.closes, strict=True)
        for at in range(start, end, 60)
    ]


@settings(deadline=None)
@given(calendars(), st.lists(st.integers(-90_000, 900_000), min_size=1))
def test_lookups_agree_with_a_list_of_minutes(rows: CalendarRows, seconds: list[int]):
    grid, slow = Grid(rows), slow_minutes(rows)
    starts = [start for start, _ in slow]
    dates = dict(slow)
    ts = (np.array(seconds) + START) * SECOND + 17
    floors = [at - at % MINUTE for at in ts.tolist()]
    assert grid.minute_open(ts).tolist() == [at if at in dates else -1 for at in floors]
    assert grid.contains(ts).tolist() == [at in dates for at in floors]
    assert grid.session_date(ts).tolist() == [dates.get(at, -1) for at in floors]
    assert grid.count_before(ts).tolist() == [sum(start < at for start in starts) for at in ts.tolist()]
    for at in [*ts.tolist(), *starts[:3]]:
        assert grid.next_minute(at) == min((one for one in starts if one > at), default=-1)
        assert grid.previous_minute(at) == max((one for one in starts if one < at), default=-1)
    assert grid.minute_at(np.arange(-1, len(starts) + 1)).tolist() == [-1, *starts, -1]
    first, last = int(ts.min()), int(ts.max())
    assert grid.count_between(first, last) == sum(first <= start < last for start in starts)


@settings(deadline=None, max_examples=50)
@given(calendars())
def test_slots_share_out_every_minute_once(rows: CalendarRows):
    grid, slow = Grid(rows), slow_minutes(rows)
    for interval in INTERVALS:
        found = [grid.slots(interval, date) for date in grid.sessions.tolist()]
        opens, closes, expected = (np.concatenate(part) for part in zip(*found, strict=True))
        assert np.all(opens[1:] >= closes[:-1])
        assert np.all(expected > 0)
        assert expected.sum() == len(slow)
        for ts_open, ts_close, count in zip(opens.tolist(), closes.tolist(), expected.tolist(), strict=True):
            inside = [start for start, _ in slow if ts_open <= start < ts_close]
            assert len(inside) == count
            assert {grid.slot(interval, start) for start in inside} == {(ts_open, ts_close, count)}


@settings(deadline=None, max_examples=50)
@given(calendars())
def test_a_trade_date_has_its_minutes_and_bounds(rows: CalendarRows):
    grid = Grid(rows)
    for date in grid.sessions.tolist():
        own = [start for start, day in slow_minutes(rows) if day == date]
        assert grid.minutes(date).tolist() == own
        assert grid.session_bounds(date) == (own[0], own[-1] + MINUTE)
        assert grid.minutes(date + 1).tolist() == []
        assert grid.session_bounds(date + 1) == (-1, -1)


def test_seconds_are_aligned_within_segments():
    rows = CalendarRows("any", "1", "session", "UTC", [19_000], [START], [START + 120])
    opens, closes, expected = Grid(rows).slots(Interval.parse("1s"), 19_000)
    assert len(opens) == 120
    assert np.all(closes - opens == SECOND)
    assert expected.sum() == 0
    assert Grid(rows).slot(Interval.parse("1s"), (START + 5) * SECOND + 1)[0] == (START + 5) * SECOND


@pytest.mark.parametrize(
    ("dates", "opens", "closes"),
    [
        ([], [], []),
        ([1], [60], [60]),
        ([1], [30], [90]),
        ([1, 1], [60, 120], [180, 240]),
        ([2, 1], [60, 240], [180, 300]),
    ],
)
def test_segments_that_are_no_calendar_are_refused(dates: list[int], opens: list[int], closes: list[int]):
    with pytest.raises(ConfigurationError, match="calendar any must"):
        Grid(CalendarRows("any", "1", "session", "UTC", dates, opens, closes))


def test_days_longer_than_one_need_the_epoch():
    rows = CalendarRows("any", "1", "session", "UTC", [19_000], [START], [START + 120])
    with pytest.raises(ConfigurationError, match="anchor utc"):
        Grid(rows).slot(Interval.parse("2d"), START * SECOND)
