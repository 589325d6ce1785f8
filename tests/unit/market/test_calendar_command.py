"""``barline calendar show``: the grid of one trade date, in words."""

from click.testing import CliRunner, Result

from barline.cli import main

HALF_DAY = """\
XNYS 2024-07-03 Wednesday, anchor session
  segment   2024-07-03 13:30Z (Wed 09:30 EDT) - 2024-07-03 17:00Z (Wed 13:00 EDT)
  1m        210 bars, 210 minutes
  5m        42 bars, 210 minutes
  15m       14 bars, 210 minutes
  30m       7 bars, 210 minutes
  1h        4 bars, 210 minutes
  1d        1 bars, 210 minutes
"""


def show(*words: str) -> Result:
    return CliRunner().invoke(main, ["calendar", "show", *words])


def test_a_half_day_is_shown_with_its_segment_and_bars():
    assert show("XNYS", "2024-07-03").stdout == HALF_DAY


def test_the_slots_of_an_interval_are_listed_on_request():
    lines = show("XNYS", "2024-07-03", "--interval", "1h").stdout.splitlines()[8:]
    assert [line.rpartition("  ")[2] for line in lines] == ["60 minutes"] * 3 + ["30 minutes"]
    assert lines[-1].startswith("  2024-07-03 16:30Z (Wed 12:30 EDT) - 2024-07-03 17:00Z (Wed 13:00 EDT)")


def test_a_break_gives_two_segments_and_a_zone_of_its_own():
    lines = show("XHKG", "2024-07-02").stdout.splitlines()
    assert [line for line in lines if "segment" in line] == [
        "  segment   2024-07-02 01:30Z (Tue 09:30 HKT) - 2024-07-02 04:00Z (Tue 12:00 HKT)",
        "  segment   2024-07-02 05:00Z (Tue 13:00 HKT) - 2024-07-02 08:00Z (Tue 16:00 HKT)",
    ]


def test_what_is_no_trade_date_and_what_is_no_calendar_end_with_the_fix():
    holiday, unknown = show("XNYS", "2024-07-04"), show("NOPE", "2024-07-04")
    assert (holiday.exit_code, unknown.exit_code) == (3, 3)
    assert "must be a trade date of XNYS, was 2024-07-04 (Thursday)" in holiday.stderr
    assert "calendar must be 24x7, FX, METALS, CME or one of exchange_calendars, was 'NOPE'" in unknown.stderr
