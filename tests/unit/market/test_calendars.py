"""The golden table of SEMANTICS and what calendars promise."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from barline.settings.calendars import calendar_rows
from barline.settings.sections import CalendarSettings, ChangeSettings, SessionSettings
from schemas.errors import ConfigurationError
from schemas.market.cuts import EPOCH
from schemas.market.grid import Grid
from schemas.market.intervals import MINUTE, Interval

NAMES = ("1m", "5m", "15m", "30m", "1h")
NEW_YORK = CalendarSettings(base="24x7", zone="America/New_York", anchor="local")
GOLDEN = [
    ("XNYS", "2024-07-02", "13:30-20:00", (390, 78, 26, 13, 7), None),
    ("XNYS", "2024-03-08", "14:30-21:00", (390, 78, 26, 13, 7), None),
    ("XNYS", "2024-07-03", "13:30-17:00", (210, 42, 14, 7, 4), None),
    ("XNYS", "2024-11-29", "14:30-18:00", (210, 42, 14, 7, 4), None),
    ("XBOM", "2024-07-02", "03:45-10:00", (375, 75, 25, 13, 7), None),
    ("XNSE", "2019-07-09", "03:45-10:00", (375, 75, 25, 13, 7), None),
    ("XLON", "2024-07-02", "07:00-15:30", (510, 102, 34, 17, 9), None),
    ("XLON", "2024-12-24", "08:00-12:30", (270, 54, 18, 9, 5), None),
    ("XHKG", "2024-07-02", "01:30-04:00 05:00-08:00", (330, 66, 22, 11, 6), None),
    ("XHKG", "2024-12-24", "01:30-04:00", (150, 30, 10, 5, 3), None),
    ("XTKS", "2024-11-01", "00:00-02:30 03:30-06:00", (300, 60, 20, 10, 6), None),
    ("XTKS", "2024-11-05", "00:00-02:30 03:30-06:30", (330, 66, 22, 11, 6), None),
    ("CME", "2024-07-02", "22:00-21:00", (1380, 276, 92, 46, 23), None),
    ("CMES", "2024-01-09", "23:00-22:00", (1380, 276, 92, 46, 23), None),
    ("FX", "2024-07-02", "21:00-21:00", (1440, 288, 96, 48, 24), None),
    ("METALS", "2014-05-02", "21:00-21:00", (1440, 288, 96, 48, 24), None),
    ("24x7", "2024-07-06", "00:00-00:00", (1440, 288, 96, 48, 24), None),
    ("crypto-ny", "2024-03-10", "05:00-04:00", (1380, 276, 92, 46, 23), NEW_YORK),
    ("crypto-ny", "2024-11-03", "04:00-05:00", (1500, 300, 100, 50, 25), NEW_YORK),
]


def days(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def grid(name: str, first: str, last: str, settings: CalendarSettings | None = None) -> Grid:
    return Grid(calendar_rows(name, date.fromisoformat(first), date.fromisoformat(last), settings))


@pytest.mark.parametrize(
    ("name", "day", "hours", "counts", "settings"), GOLDEN, ids=[f"{row[0]}-{row[1]}" for row in GOLDEN]
)
def test_the_golden_table_holds(
    name: str, day: str, hours: str, counts: tuple[int, ...], settings: CalendarSettings | None
):
    around = grid(name, day[:8] + "01", f"{int(day[:4]) + 1}-01-10", settings)
    number = days(day)
    own = around.session_dates == number
    found = " ".join(
        f"{np.datetime64(int(a), 'ns').item() // 60_000_000_000 % 1440 // 60:02d}:{int(a) // MINUTE % 60:02d}"
        f"-{int(b) // MINUTE % 1440 // 60:02d}:{int(b) // MINUTE % 60:02d}"
        for a, b in zip(around.opens[own], around.closes[own], strict=True)
    )
    assert found == hours
    assert tuple(len(around.slots(Interval.parse(interval), number)[0]) for interval in NAMES) == counts
    assert len(around.minutes(number)) == counts[0]
    for interval in (*NAMES, "1d"):
        opens, closes, expected = around.slots(Interval.parse(interval), number)
        assert expected.sum() == counts[0]
        assert np.all(opens < closes)
    opens, closes, expected = around.slots(Interval.parse("1d"), number)
    assert (len(opens), int(opens[0]), int(closes[0])) == (1, *around.session_bounds(number))


def test_sunday_evening_belongs_to_monday():
    chicago = grid("CME", "2024-07-08", "2024-07-09")
    assert int(chicago.session_date(ns("2024-07-07T22:00:00"))) == days("2024-07-08")
    new_york = grid("FX", "2024-07-05", "2024-07-09")
    assert int(new_york.session_date(ns("2024-07-07T21:00:00"))) == days("2024-07-08")
    assert int(new_york.session_date(ns("2024-07-07T20:59:59"))) == -1
    assert int(new_york.session_date(ns("2024-07-05T20:59:59"))) == days("2024-07-05")


def test_the_nyse_hour_ends_with_a_complete_stub():
    opens, closes, expected = grid("XNYS", "2024-07-01", "2024-07-05").slots(
        Interval.parse("1h"), days("2024-07-02")
    )
    assert (int(closes[-1] - opens[-1]) // MINUTE, int(expected[-1])) == (30, 30)
    assert int(opens[0]) == ns("2024-07-02T13:30:00")


def test_hours_restart_after_a_lunch_break():
    opens, closes, expected = grid("XHKG", "2024-07-02", "2024-07-02").slots(
        Interval.parse("1h"), days("2024-07-02")
    )
    assert expected.tolist() == [60, 60, 30, 60, 60, 60]
    assert int(closes[2]) == ns("2024-07-02T04:00:00")
    assert int(opens[3]) == ns("2024-07-02T05:00:00")


def test_local_hours_have_unique_utc_starts_when_clocks_change():
    for day, four_hours in (("2024-03-10", [180, 240]), ("2024-11-03", [300, 240])):
        clock = grid("ny", "2024-03-01", "2024-12-01", NEW_YORK)
        opens = clock.slots(Interval.parse("1h"), days(day))[0]
        assert np.all(np.diff(opens) == 60 * MINUTE)
        opens, closes, _ = clock.slots(Interval.parse("4h"), days(day))
        assert ((closes - opens)[:2] // MINUTE).tolist() == four_hours


def test_a_utc_anchor_aligns_a_session_to_the_epoch():
    opens, closes, expected = grid(
        "nyse-utc", "2024-07-01", "2024-07-03", CalendarSettings(base="XNYS", anchor="utc")
    ).slots(Interval.parse("1h"), days("2024-07-02"))
    assert int(opens[0]) == ns("2024-07-02T13:00:00")
    assert expected.tolist() == [30, 60, 60, 60, 60, 60, 60]
    assert np.all(closes - opens == 60 * MINUTE)


def test_a_slot_of_two_trade_dates_is_of_the_one_it_begins_with():
    fx = grid("fx-utc", "2024-07-02", "2024-07-03", CalendarSettings(base="FX", anchor="utc"))
    dates = [fx.slots(Interval.parse("1d"), days(day))[0].tolist() for day in ("2024-07-02", "2024-07-03")]
    assert dates == [[ns("2024-07-01T00:00:00"), ns("2024-07-02T00:00:00")], [ns("2024-07-03T00:00:00")]]


def test_a_pause_is_cut_out_of_the_grid():
    metals = grid("gold", "2014-05-01", "2014-05-02", CalendarSettings(base="METALS", pauses=["17:00-18:00"]))
    assert len(metals.minutes(days("2014-05-02"))) == 1380
    assert metals.session_bounds(days("2014-05-02"))[0] == ns("2014-05-01T22:00:00")


def test_a_table_that_ended_is_extended_with_holidays_and_own_hours():
    said = CalendarSettings(
        base="XBOM",
        until=date(2027, 1, 29),
        holidays=[date(2027, 1, 26)],
        sessions=[SessionSettings(date(2027, 1, 30), ["09:15-10:00", "11:30-12:30"])],
    )
    bombay = grid("XNSE", "2026-12-28", "2027-01-31", said)
    assert len(bombay.minutes(days("2027-01-25"))) == 375
    assert len(bombay.minutes(days("2027-01-26"))) == 0
    assert len(bombay.minutes(days("2027-01-30"))) == 105
    assert len(grid("XNSE", "2027-01-20", "2027-01-31", said).sessions) == 8
    assert bombay.session_bounds(days("2027-01-30"))[0] == ns("2027-01-30T03:45:00")


def test_hours_that_change_hold_from_their_trade_date_on():
    said = CalendarSettings(
        base="XBOM",
        until=date(2027, 3, 31),
        changes=[
            ChangeSettings(date(2027, 3, 1), ["09:00-12:00", "13:00-16:00"]),
            ChangeSettings(date(2026, 12, 30), ["09:15-15:00"]),
        ],
        sessions=[SessionSettings(date(2027, 3, 2), ["09:00-12:00"])],
    )
    bombay = grid("XNSE", "2026-12-01", "2027-03-31", said)
    asked = ("2026-12-29", "2026-12-30", "2027-02-26", "2027-03-01", "2027-03-02", "2027-03-31")
    assert [len(bombay.minutes(days(day))) for day in asked] == [375, 345, 345, 360, 180, 360]
    assert bombay.session_bounds(days("2027-03-01")) == (ns("2027-03-01T03:30:00"), ns("2027-03-01T10:30:00"))


@pytest.mark.parametrize("name", ["XBEL", "XTAE"])
def test_a_calendar_that_the_library_has_not_finished_is_refused_in_words(name: str):
    with pytest.raises(ConfigurationError, match=f"calendar {name} must be whole in exchange_calendars"):
        grid(name, "2015-01-01", "2015-03-01")


def test_a_table_that_ended_gives_what_it_knows():
    assert grid("XBOM", "2026-12-01", "2028-01-01").horizon == ns("2026-12-31T10:00:00")


def test_an_unknown_calendar_is_refused():
    with pytest.raises(ConfigurationError, match=r"calendar must be .*'NOPE'"):
        grid("NOPE", "2024-01-01", "2024-01-02")


def test_a_range_without_trade_dates_is_refused():
    with pytest.raises(ConfigurationError, match="trade date"):
        grid("XNYS", "2024-07-06", "2024-07-07")
