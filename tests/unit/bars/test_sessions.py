"""Sessions and their quality."""

from tests.factories import Record, minute_status
from tests.unit.bars.desk import Desk, Got, beat, fed, minute, two


def spy(got: Got) -> Record:
    return [row for row in got.of("Session") if row["symbol"] == "SPY"][-1]


def test_a_session_is_told_of_at_its_start_each_half_hour_and_at_its_close():
    desk = Desk()
    got = desk.feed(*(fed(n, 10.0) for n in range(390)))
    told = [(row["expected"], row["state"], row["revision"]) for row in got.of("Session")]
    assert told == [(1, "open", 0), *((30 * n, "open", n) for n in range(1, 13)), (390, "closed", 13)]


def test_the_session_names_its_bounds_and_its_time():
    session = Desk().feed(fed(0, 10.0)).of("Session")[0]
    opened = fed(0, 1.0)["ts_open"]
    assert (session["ts_open"], session["ts_close"]) == (opened, opened + 390 * 60_000_000_000)
    assert (session["ts"], session["session_date"]) == (opened + 60_000_000_000, fed(0, 1.0)["session_date"])


def test_quality_counts_minutes_without_trades_as_known():
    desk = Desk()
    desk.feed(fed(0, 10.0), minute_status(minute(1), rejected=2), minute_status(minute(2), halted=True))
    desk.feed(*(fed(n, 10.0) for n in range(3, 29)))
    session = spy(desk.feed(*(beat(n) for n in range(1, 31))))
    parts = ("expected", "real", "flat", "no_trades", "rejected", "outage")
    assert [session[name] for name in parts] == [29, 27, 2, 1, 2, 0]
    assert session["quality"] == 100 * 28 / 29


def test_a_session_of_halted_minutes_alone_has_no_quality():
    desk = Desk()
    session = desk.feed(minute_status(minute(0), halted=True), beat(1)).of("Session")[0]
    assert (session["expected"], session["quality"]) == (0, None)


def test_a_revision_after_the_close_is_told_of():
    desk = Desk()
    desk.feed(*(fed(n, 10.0) for n in range(389)), beat(390))
    got = desk.feed(fed(389, 10.0)).of("Session")
    assert [(row["state"], row["real"], row["flat"], row["revised"]) for row in got] == [
        ("closed", 390, 0, 1)
    ]


def test_policies_do_not_change_the_quality():
    found = []
    for policy in (["flat"], ["none"]):
        desk = Desk(two(policy=policy))
        found.append(spy(desk.feed(fed(0, 10.0), *(beat(n) for n in range(1, 31))))["quality"])
    assert found == [100.0, 100.0]
