"""Ten years of calendars, minute by minute, against ``exchange_calendars`` and against the wall clock.

Some of them by default; all that the library has with ``BARLINE_CALENDARS=all``.
"""

import os
import warnings
from datetime import date
from functools import cache
from typing import Any, Final

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from barline.settings.calendars import calendar_rows
from schemas.market.grid import Grid
from schemas.market.intervals import DAY, MINUTE

Ints = NDArray[np.int64]

FIRST, LAST = date(2015, 1, 1), date(2024, 12, 31)
LATER: Final = {"AIXK": "2017-01-01", "XSAU": "2021-01-01"}
SOME: Final = ("XNYS", "XBOM", "XLON", "XHKG", "XTKS")
UNFINISHED: Final = {"ASEX", "XBEL", "XBSE", "XCYS"}  # in the library, without any hours
OWN: Final = {"24/7", "24/5", "CMES", "us_futures", *UNFINISHED}


def all_names() -> list[str]:
    names = exchange_calendars.get_calendar_names(include_aliases=False)
    return sorted(SOME if os.environ.get("BARLINE_CALENDARS") != "all" else {*names} - OWN)


@cache
def library(name: str, first: str) -> tuple[Ints, Ints]:
    """Every minute of trading by the library, and its trade date in days."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calendar: Any = exchange_calendars.get_calendar(name, start=first, end=str(LAST), side="left")
        minutes = nanoseconds(calendar.minutes)
        opens = nanoseconds(pd.DatetimeIndex(calendar.schedule["open"]))
        dates = nanoseconds(calendar.schedule.index) // DAY
    return minutes, dates[np.searchsorted(opens, minutes, "right") - 1]


def nanoseconds(index: Any) -> Ints:
    found: Ints = np.asarray(index.as_unit("ns").asi8, np.int64)
    return found


def ours(name: str, first: date = FIRST) -> tuple[Ints, Ints]:
    grid = Grid(calendar_rows(name, first, LAST))
    minutes = grid.minute_at(np.arange(grid.first_minutes[-1]))
    return minutes, grid.session_date(minutes)


def assert_same(found: tuple[Ints, Ints], wanted: tuple[Ints, Ints]) -> None:
    assert len(found[0]) > 250_000
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", all_names())
def test_every_minute_is_that_of_the_library(name: str):
    first = LATER.get(name, str(FIRST))
    if name == "XTAE":
        pytest.skip("the library itself fails before 2019")
    assert_same(ours(name, date.fromisoformat(first)), library(name, first))


def local(minutes: Ints, zone: str) -> Any:
    return pd.DatetimeIndex(minutes, tz="UTC").tz_convert(zone)


def test_cme_is_that_of_the_library_without_the_paused_hour():
    minutes, dates = library("CMES", str(FIRST))
    trading = np.asarray(local(minutes, "America/Chicago").hour != 16)
    assert not trading.all()
    assert_same(ours("CME"), (minutes[trading], dates[trading]))


def test_fx_is_every_minute_from_sunday_to_friday_five_by_the_clock_of_new_york():
    found, dates = ours("FX")
    every = np.arange(found[0], found[-1] + MINUTE, MINUTE)
    clock = local(every, "America/New_York")
    day, hour = np.asarray(clock.day_of_week), np.asarray(clock.hour)
    is_open = (day < 4) | ((day == 4) & (hour < 17)) | ((day == 6) & (hour >= 17))
    wall = nanoseconds(clock.tz_localize(None))
    trade_dates = (wall + 7 * 60 * MINUTE) // DAY
    assert_same((found, dates), (every[is_open], trade_dates[is_open]))
    assert (dates[0], dates[-1]) == ((FIRST - date(1970, 1, 1)).days, (LAST - date(1970, 1, 1)).days)


def test_crypto_never_closes():
    found, dates = ours("24x7")
    assert np.all(np.diff(found) == MINUTE)
    assert np.array_equal(dates, found // DAY)
    assert len(found) == ((LAST - FIRST).days + 1) * 1_440
