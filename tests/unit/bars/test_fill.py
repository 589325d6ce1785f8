"""Flat bars: when, with which price, and when not."""

from tests.factories import heartbeat, status
from tests.unit.bars.desk import Desk, beat, fed, minute, two


def test_a_minute_without_trades_gets_a_flat_bar_at_once():
    desk = Desk()
    got = desk.feed(fed(0, 10.0, 12.0, 9.0, 11.0), beat(2))
    assert got.bars() == [(0, 11.0, "real", 0), (1, 11.0, "flat", 0)]
    flat = got.of("Bar")[1]
    assert [flat[name] for name in ("open", "high", "low", "close", "volume")] == [
        11.0,
        11.0,
        11.0,
        11.0,
        0.0,
    ]
    assert (flat["source"], flat["actual"], flat["filled"], flat["complete"]) == ("bars", 0, 1, True)


def test_a_status_says_the_cause_before_the_flat_bar():
    rows = Desk().feed(fed(0, 10.0), beat(2)).topics["bars.1m"]
    spy = [("Bar", "SPY"), ("MinuteStatus", "SPY"), ("Bar", "SPY")]
    aig = [("MinuteStatus", "AIG"), ("MinuteStatus", "AIG")]
    assert [(row["record"], row.get("symbol")) for row in rows] == [*spy, *aig, ("Heartbeat", None)]


def test_minutes_without_trades_are_filled_without_limit():
    desk = Desk()
    got = desk.feed(fed(0, 10.0), *(beat(n) for n in range(1, 13)))
    assert [b[0] for b in got.bars()] == list(range(12))
    assert {cause for _, cause, _ in got.causes()} == {"no_trades"}


def test_other_causes_are_filled_up_to_the_limit_and_then_nothing_is_invented():
    desk = Desk(two(sources=["feed"], fill_limit=2))
    desk.feed(fed(0, 10.0), beat(1))
    got = desk.feed(beat(1.1, alive=False), *(heartbeat(minute(n), "clock") for n in range(2, 9)))
    assert [b[0] for b in got.bars()] == [1, 2]
    assert [filled for _, _, filled in got.causes()] == [True, True, False, False, False, False]


def test_the_policy_none_fills_nothing():
    got = Desk(two(policy=["none"])).feed(fed(0, 10.0), beat(3))
    assert got.bars() == [(0, 10.0, "real", 0)]
    assert got.causes() == [(1, "no_trades", False), (2, "no_trades", False)]


def test_the_first_minute_of_a_session_is_not_filled():
    got = Desk().feed(beat(2))
    assert got.bars() == []
    assert got.gaps() == [(0, 2, "open", 0)]


def test_a_fill_never_crosses_a_trade_date():
    desk = Desk()
    desk.feed(*(fed(n, 10.0) for n in (388, 389)))
    got = desk.feed(beat(391), beat(0, day="2024-07-03"), beat(1, day="2024-07-03"))
    assert [b for b in got.bars() if b[0] == 0] == []


def test_halted_minutes_are_never_filled_and_the_close_holds_over_them():
    desk = Desk()
    desk.feed(fed(0, 10.0), status(minute(1), "halted", "feed", symbol="SPY"))
    got = desk.feed(beat(3), status(minute(3), "resumed", "feed", symbol="SPY"), beat(4))
    assert got.causes() == [(1, "halt", False), (2, "halt", False), (3, "no_trades", True)]
    assert got.bars() == [(3, 10.0, "flat", 0)]


def test_a_revised_close_revises_the_flats_up_to_the_next_real_bar():
    desk = Desk()
    desk.feed(fed(0, 10.0), beat(3), fed(3, 30.0), beat(5))
    got = desk.feed(fed(0, 11.0, revision=1))
    assert got.bars() == [(0, 11.0, "real", 1), (1, 11.0, "flat", 1), (2, 11.0, "flat", 1)]


def test_a_late_first_bar_fills_what_had_no_previous_close():
    desk = Desk()
    desk.feed(beat(3))
    got = desk.feed(fed(0, 10.0))
    assert got.bars() == [(0, 10.0, "real", 0), (1, 10.0, "flat", 0), (2, 10.0, "flat", 0)]
    assert got.causes() == [(1, "no_trades", True), (2, "no_trades", True)]


def test_a_real_bar_replaces_a_flat_one_and_moves_those_after_it():
    desk = Desk()
    desk.feed(fed(0, 10.0), beat(4))
    assert desk.feed(fed(2, 12.0)).bars() == [(2, 12.0, "real", 1), (3, 12.0, "flat", 1)]


def test_the_coverage_of_a_flat_bar_follows_its_cause():
    desk = Desk()
    desk.feed(fed(0, 10.0))
    first = desk.feed(beat(2, last=0.5)).of("Bar")[0]
    again = desk.feed(beat(2.1, last=2.05)).of("Bar")[0]
    assert (first["coverage"], first["revision"]) == (0.0, 0)
    assert (again["coverage"], again["revision"]) == (1.0, 1)
