"""Sessions and their quality."""

from collections.abc import Iterator

import pytest

from schemas.config import SourceConfig
from schemas.flags import EARLY_END, LATE_START, LOW_QUALITY, NO_BARS, TIMED_OUT, UNFILLED
from tests.factories import DAY, Record, at, day, domain, heartbeat, minute_status, symbol
from tests.unit.bars.desk import Desk, Got, beat, fed, minute, two, vended

NEXT = "2024-07-03"


def of(got: Got, name: str = "SPY", interval: str = "1m") -> list[Record]:
    rows = got.of("Session")
    return [row for row in rows if (row["symbol"], row["interval"]) == (name, interval)]


def spy(got: Got, interval: str = "1m") -> Record:
    return of(got, interval=interval)[-1]


def beats(first: int, end: int) -> Iterator[Record]:
    return (beat(number) for number in range(first, end))


def night() -> Desk:
    """An hour before the open of the day."""
    return Desk(at=-60)


def test_a_session_is_planned_before_its_open_and_told_of_at_its_open_each_half_hour_and_at_its_close():
    desk = night()
    got = [
        desk.first,
        desk.feed(beat(-30)),
        desk.feed(beat(0)),
        desk.feed(*(fed(n, 10.0) for n in range(390))),
    ]
    rows = [row for one in got for row in of(one) if row["session_date"] == day(DAY)]
    told = [(row["expected"], row["state"], row["revision"]) for row in rows]
    assert told == [
        (0, "planned", 0),
        (0, "open", 1),
        *((30 * n, "open", n + 1) for n in range(1, 13)),
        (390, "closed", 14),
    ]


def test_the_next_session_is_planned_with_its_bars_when_a_symbol_is_subscribed():
    got = night().first
    said = {row["interval"]: row["planned"] for row in got.of("Session") if row["symbol"] == "SPY"}
    assert said == {"1m": 390, "5m": 78, "15m": 26, "30m": 13, "1h": 7, "1d": 1}
    one = spy(got)
    bounds = (at(f"{DAY}T13:30"), at(f"{DAY}T20:00"))
    assert (one["state"], one["ts_open"], one["ts_close"], one["quality"]) == ("planned", *bounds, None)
    assert one["ts"] == at(f"{DAY}T12:30")


def test_the_session_after_is_planned_at_the_open():
    got = night().feed(beat(0))
    assert [(row["state"], row["ts_open"]) for row in of(got)] == [
        ("open", at(f"{DAY}T13:30")),
        ("planned", at(f"{NEXT}T13:30")),
    ]


def test_a_session_that_nothing_spoke_at_the_open_of_is_told_of_with_its_first_minute():
    assert [(row["state"], row["expected"]) for row in of(night().feed(fed(0, 10.0)))] == [("open", 1)]


def test_a_subscription_within_a_session_starts_it_with_its_first_minute():
    desk = Desk(at=10)
    assert [(row["state"], row["expected"]) for row in of(desk.feed(beat(11)))] == [("open", 1)]


def test_the_session_names_its_bounds_and_its_time():
    session = of(Desk().feed(fed(0, 10.0), *beats(1, 31)))[-1]
    opened = fed(0, 1.0)["ts_open"]
    assert (session["ts_open"], session["ts_close"]) == (opened, opened + 390 * 60_000_000_000)
    assert (session["ts"], session["session_date"]) == (
        opened + 30 * 60_000_000_000,
        fed(0, 1.0)["session_date"],
    )


def test_quality_counts_minutes_without_trades_as_known():
    desk = Desk()
    desk.feed(fed(0, 10.0), minute_status(minute(1), rejected=2), minute_status(minute(2), halted=True))
    desk.feed(*(fed(n, 10.0) for n in range(3, 29)))
    session = spy(desk.feed(*beats(1, 31)))
    parts = ("expected", "real", "flat", "no_trades", "rejected", "outage")
    assert [session[name] for name in parts] == [29, 27, 2, 1, 2, 0]
    assert session["quality"] == 100 * 28 / 29


def test_a_bar_of_an_interval_is_known_when_every_minute_of_it_is():
    desk = Desk()
    desk.feed(fed(0, 10.0), minute_status(minute(1), rejected=2), minute_status(minute(2), halted=True))
    desk.feed(*(fed(n, 10.0) for n in range(3, 22)), *(fed(n, 10.0) for n in range(25, 29)))
    for number in range(5, 10):
        desk.feed(minute_status(minute(number), halted=True))
    got = desk.feed(*beats(1, 31))
    said = {
        row["interval"]: (row["expected"], row["real"], row["no_trades"], row["quality"])
        for row in got.of("Session")
        if row["symbol"] == "SPY"
    }
    # 13:31 was rejected, 13:32 halted, 13:52 to 13:54 had no trades, 13:59 neither.
    assert said["1m"] == (29, 24, 4, 100 * 28 / 29)
    assert said["5m"] == (6, 5, 0, 100 * 5 / 6)
    assert said["15m"] == (2, 1, 0, 50.0)
    assert said["30m"] == (1, 0, 0, 0.0)
    assert said["1h"] == said["1d"] == (0, 0, 0, None)


def test_a_session_of_halted_minutes_alone_has_no_quality():
    desk = Desk()
    for number in range(30):
        desk.feed(minute_status(minute(number), halted=True))
    session = spy(desk.feed(*beats(1, 31)))
    assert (session["expected"], session["quality"], session["flags"]) == (0, None, 0)


def test_a_revision_after_the_close_is_told_of():
    desk = Desk()
    desk.feed(*(fed(n, 10.0) for n in range(389)), beat(390))
    got = of(desk.feed(fed(389, 10.0)))
    assert [(row["state"], row["real"], row["flat"], row["revised"]) for row in got] == [
        ("closed", 390, 0, 1)
    ]


def test_policies_do_not_change_the_quality():
    found = []
    for policy in (["flat"], ["none"]):
        desk = Desk(two(policy=policy))
        found.append(spy(desk.feed(fed(0, 10.0), *beats(1, 31)))["quality"])
    assert found == [100.0, 100.0]


def test_a_session_without_any_known_minute_until_its_timeout_is_flagged_then():
    desk = Desk()
    silent = [heartbeat(minute(number / 10), "clock") for number in range(1, 62)]
    got = of(desk.feed({**beat(0.01), "alive": False}, {**beat(0.01, "feed.bars"), "alive": False}, *silent))
    assert [(row["ts"], row["expected"]) for row in got] == [(at(minute(5)), 5)]
    assert got[-1]["flags"] == LATE_START | TIMED_OUT | UNFILLED | LOW_QUALITY


@pytest.mark.parametrize(("last", "flags"), [(390, 0), (385, EARLY_END), (386, 0)])
def test_a_session_whose_last_minutes_are_not_known_ended_early(last: int, flags: int):
    one = symbol(sources=["feed"])  # alone, so silence says nothing
    desk = Desk(domain(one, partitions=1))
    session = spy(desk.feed(*(fed(n, 10.0) for n in range(last)), beat(390)))
    assert (session["state"], session["flags"] & EARLY_END) == ("closed", flags)


def test_a_session_without_a_bar_says_so():
    one = symbol(sources=["feed"])  # alone, so silence says nothing
    session = spy(Desk(domain(one, partitions=1)).feed(*beats(1, 391)))
    assert session["flags"] & (NO_BARS | LATE_START) == NO_BARS | LATE_START


def test_of_files_nothing_is_planned_and_the_first_bar_starts_the_session():
    sources = [SourceConfig("feed.bars", "bars.raw", files=True)]
    desk = Desk(domain(symbol(sources=["feed.bars"]), sources=sources, partitions=1), at=-60)
    assert of(desk.first) == of(desk.feed(beat(0, "feed.bars"))) == []
    assert [row["state"] for row in of(desk.feed(vended(0, 10.0)))] == ["open"]
