"""Gaps: their name, their growth, their causes, their life."""

from streams.core.stage import PARTITION_KEY
from tests.factories import around_the_clock, domain, heartbeat, minute_status, status, symbol
from tests.unit.bars.desk import Desk, beat, fed, minute, two, vended

NEXT = "2024-07-03"


def clock(number: float, day: str = "2024-07-02"):
    return heartbeat(minute(number, day), "clock")


def test_a_gap_grows_by_revision_and_keeps_its_name():
    got = Desk().feed(fed(0, 10.0), beat(2), beat(3), beat(4))
    assert got.gaps() == [(1, 1, "filled", 0), (1, 2, "filled", 1), (1, 3, "filled", 2)]


def test_a_gap_ends_at_a_real_bar():
    got = Desk().feed(fed(0, 10.0), fed(2, 10.0), beat(4))
    assert got.gaps() == [(1, 1, "filled", 0), (3, 1, "filled", 0)]


def test_a_session_without_any_bar_is_one_gap():
    got = Desk(two(policy=["none"])).feed(beat(390))
    assert got.gaps() == [(0, 390, "open", 0)]


def test_a_gap_whose_minutes_are_all_refetched_says_so():
    desk = Desk()
    desk.feed(fed(0, 10.0), beat(3))
    got = desk.feed(vended(1, 10.0, fill="refetched"), vended(2, 10.0, fill="refetched"))
    assert got.gaps() == [(1, 2, "filled", 1), (1, 2, "refetched", 2)]


def test_a_gap_carries_its_minutes_by_cause():
    desk = Desk()
    desk.feed(fed(0, 10.0), minute_status(minute(1), rejected=3), minute_status(minute(2), halted=True))
    gap = desk.feed(beat(4)).of("Gap")[0]
    assert [gap[name] for name in ("minutes", "rejected", "halt", "no_trades")] == [3, 1, 1, 1]


def test_an_open_gap_is_abandoned_when_its_trade_date_is_past_revision():
    desk = Desk(two(policy=["none"]), at=None)
    desk.feed(beat(388, day="2024-07-01"), fed(388, 10.0, day="2024-07-01"), beat(391, day="2024-07-01"))
    desk.feed(beat(391))
    got = desk.feed(beat(0, day=NEXT))
    assert got.gaps() == [(389, 1, "abandoned", 1)]


def test_a_minute_is_unknown_until_its_source_has_a_later_record():
    desk = Desk()
    desk.feed(fed(0, 10.0))
    assert desk.feed(beat(2, last=0.5)).causes() == [(1, "unknown", True)]
    got = desk.feed(beat(2.1, last=2.05))
    assert got.causes() == [(1, "no_trades", True)]
    assert [(gap["unknown"], gap["no_trades"]) for gap in got.of("Gap")] == [(0, 1), (0, 2)]


def test_silence_longer_than_the_limit_is_an_outage():
    desk = Desk()
    desk.feed(fed(0, 10.0), *(beat(n, last=0.5) for n in range(1, 6)))
    assert desk.feed(beat(5.5, last=0.5)).causes() == []
    got = desk.feed(beat(5.6, last=0.5))
    assert got.causes() == [(n, "outage", True) for n in range(1, 5)]


def test_silence_up_to_the_limit_is_no_trades():
    desk = Desk()
    got = desk.feed(fed(0, 10.0), *(beat(n, last=1) for n in range(1, 6)), beat(6))
    assert got.causes()[-5:] == [(n, "no_trades", True) for n in range(1, 6)]


def test_a_long_silence_is_remembered_after_it_ends():
    desk = Desk()
    got = desk.feed(fed(0, 10.0), beat(8.5, last=8.2), fed(8, 10.0), beat(9, last=8.9))
    assert {cause for _, cause, _ in got.causes()} == {"outage"}


def test_the_night_is_no_silence():
    desk = Desk(at=None)
    desk.feed(beat(388), fed(388, 10.0), beat(391, last=389))
    got = desk.feed(beat(1, day=NEXT, last=0.99))
    assert got.causes() == [(389, "no_trades", True), (0, "no_trades", False)]


def test_the_silence_of_a_source_with_one_symbol_is_unknown():
    body = domain(symbol(sources=["feed"]))
    desk = Desk(body)
    got = desk.feed(fed(0, 10.0), *(beat(n, last=0.9) for n in range(1, 9)), beat(9))
    assert {cause for _, cause, _ in got.causes()} == {"unknown"}


def test_a_dead_source_is_an_outage():
    desk = Desk(two(sources=["feed"]))
    desk.feed(fed(0, 10.0), beat(1), beat(1.1, alive=False))
    assert desk.feed(clock(2.2)).causes() == [(1, "outage", True)]


def test_a_halt_comes_before_every_other_cause():
    desk = Desk()
    desk.feed(fed(0, 10.0), minute_status(minute(1), rejected=1), status(minute(1.5), "halted"))
    assert desk.feed(beat(2)).causes() == [(1, "halt", False)]
    assert desk.feed(status(minute(1.9), "resumed")).causes() == []


def test_a_status_that_comes_late_changes_the_cause():
    desk = Desk()
    desk.feed(fed(0, 10.0), beat(2))
    got = desk.feed(minute_status(minute(1), rejected=2))
    assert got.causes() == [(1, "rejected", True)]
    assert got.gaps() == [(1, 1, "filled", 1)]
    assert got.bars() == [(1, 10.0, "flat", 1)]


def test_minutes_before_a_hole_in_the_sequence_are_not_known_to_be_without_trades():
    desk = Desk()
    desk.feed(fed(0, 10.0), fed(1, 10.0), beat(4))
    got = desk.feed(minute_status(minute(4), seq_hole=True), fed(4, 11.0))
    assert got.causes() == [(2, "unknown", True), (3, "unknown", True)]
    assert got.gaps() == [(2, 2, "filled", 1)]
    assert desk.feed(beat(7)).causes() == [(5, "no_trades", True), (6, "no_trades", True)]


def test_a_minute_with_a_hole_stays_unknown_and_is_looked_at_no_more():
    desk = Desk()
    desk.feed(fed(0, 10.0), minute_status(minute(2), seq_hole=True))
    assert desk.feed(beat(3, last=1.5)).causes() == [(1, "unknown", True), (2, "unknown", True)]
    desk.stage.take_dirty()
    desk.feed(beat(3.5))
    assert set(desk.stage.take_dirty()) == {b"SPY|2", b"AIG|2", PARTITION_KEY}
    desk.feed(beat(3.6), beat(3.7))
    assert set(desk.stage.take_dirty()) == {PARTITION_KEY}


def test_nothing_is_expected_before_the_subscription():
    desk = Desk(at=5)
    assert desk.feed(fed(5, 10.0), beat(7)).gaps() == [(6, 1, "filled", 0)]


def test_a_configured_start_is_the_subscription():
    body = two(ts_from=heartbeat(minute(3))["ts"])
    assert Desk(body).feed(beat(5)).gaps() == [(3, 2, "open", 0)]


def test_minutes_outside_the_session_are_no_gap():
    desk = Desk(at=388)
    got = desk.feed(fed(388, 10.0), fed(389, 10.0), beat(0, day=NEXT), beat(1, day=NEXT))
    assert got.gaps() == [(0, 1, "open", 0)]


def test_of_a_file_only_trade_dates_with_records_are_expected():
    two_files = two(sources=["feed.bars"])
    sources = [type(two_files.sources[0])("feed.bars", "bars.raw", files=True)]
    desk = Desk(domain(*two_files.symbols, sources=sources, partitions=1), at=None)
    first = [beat(n, "feed.bars", day="2024-07-01") for n in (0, 391)]
    got = desk.feed(*first, vended(1, 10.0, day=NEXT), beat(3, "feed.bars", day=NEXT))
    assert got.gaps() == [(0, 1, "open", 0), (2, 1, "filled", 0)]
    assert got.gaps("AIG") == []


def test_a_symbol_of_another_partition_has_no_gaps():
    body = domain(*two().symbols, partitions=2)
    found = [Desk(body).feed(beat(2)).gaps(name) for name in ("SPY", "AIG")]
    assert found == [[], [(0, 2, "open", 0)]]


def test_around_the_clock_every_minute_is_expected():
    days = {"24x7": around_the_clock()}
    desk = Desk(domain(symbol("BTC", calendar="24x7", sources=["feed"]), calendars=days, partitions=1))
    got = desk.feed(fed(0, 10.0, symbol="BTC"), beat(629), beat(-809, day=NEXT))
    assert got.gaps("BTC") == [(1, 628, "open", 0), (1, 629, "open", 1), (-810, 1, "open", 0)]


def test_an_outage_is_not_forgotten_when_the_source_fails_again():
    desk = Desk(two(sources=["feed"]))
    desk.feed(fed(0, 10.0), beat(0.9), beat(0.95, alive=False), clock(1.3), clock(2.3))
    desk.feed(beat(2.95, last=0.9), beat(3.05, last=0.9), beat(4.5, last=3.9, alive=False))
    assert (
        desk.feed(minute_status(minute(1), late=1), status(minute(5), "halted", symbol="AIG")).causes() == []
    )


def test_the_minute_in_which_a_long_silence_ends_is_part_of_it():
    desk = Desk(two(sources=["feed"]))
    got = desk.feed(
        fed(0, 10.0), beat(1, last=0.9), *(beat(n / 10, last=0.9) for n in range(11, 66)), beat(7, last=6.6)
    )
    assert {number: cause for number, cause, _ in got.causes()} == dict.fromkeys(range(1, 7), "outage")


def test_a_late_real_bar_ends_the_gap_that_it_fills():
    desk = Desk()
    desk.feed(fed(0, 10.0), beat(2))
    got = desk.feed(fed(1, 11.0), beat(3))
    assert got.gaps() == [(1, 1, "refetched", 1), (2, 1, "filled", 0)]


def test_a_refused_bar_may_be_the_first_record_of_its_trade_date():
    desk = Desk(at=389)
    desk.feed(fed(389, 10.0), beat(390), beat(0, day=NEXT), fed(0, 10.0, day=NEXT, high=1.0))
    assert desk.feed(beat(1, day=NEXT)).causes() == [(0, "rejected", False)]


def test_a_refused_bar_far_ahead_begins_no_trade_date():
    desk = Desk(domain(symbol(sources=["feed"]), partitions=1))
    desk.feed(fed(0, 10.0), fed(0, 10.0, day=NEXT, high=1.0), beat(1))
    assert desk.feed(beat(1, day=NEXT)).causes()[-1] == (0, "unknown", False)
