"""Heartbeats, configurations, history, late bars, and saved state."""

from collections.abc import Callable

import msgspec
import pytest

from schemas.config import Domain
from schemas.errors import StateError
from streams.core.bars.stage import BarsStage
from streams.core.stage import PARTITION_KEY
from tests.factories import changed, config, day, domain, heartbeat, minute_status, status, symbol
from tests.unit.bars.desk import Desk, beat, fed, minute, two, vended

NEXT, BEFORE = "2024-07-03", "2024-07-01"


def test_each_heartbeat_gives_one_of_its_own():
    got = Desk().feed(beat(1), beat(1, "feed.bars"), beat(1))
    beats = got.of("Heartbeat")
    assert [(row["source"], row["writer"]) for row in beats] == [("bars", "bars")] * 3
    assert [row["ts"] - beats[0]["ts"] for row in beats] == [0, 1, 2]


def test_a_heartbeat_promises_what_is_decided():
    promised = Desk().feed(beat(2, through=minute(1.95))).of("Heartbeat")[0]["ts_through"]
    assert promised == heartbeat(minute(1.95))["ts"]


def test_the_promise_waits_for_the_slowest_symbol():
    body = domain(symbol(sources=["feed"]), symbol("AIG", sources=["feed.bars"]), partitions=1)
    got = Desk(body).feed(beat(2), beat(1, "feed.bars"), beat(3))
    promised = [row["ts_through"] - heartbeat(minute(0))["ts"] for row in got.of("Heartbeat")]
    assert promised == [0, 60_000_000_000, 60_000_000_000]


def test_the_final_heartbeat_decides_what_holds_a_bar():
    desk = Desk()
    desk.feed(fed(0, 10.0), vended(2, 12.0))
    got = desk.feed(beat(0.5, final=True))
    assert got.bars() == [(1, 10.0, "flat", 0), (2, 12.0, "real", 0)]
    assert got.of("Heartbeat")[0]["final"] is True


def test_a_configuration_is_passed_on_once():
    desk = Desk()
    newer = changed(two())
    got = desk.feed(config(newer), config(newer), config(two()))
    assert [row["version"] for row in got.of("Config")] == [2]


@pytest.mark.parametrize("body", ["", "{", '{"version": "x"}', '{"version": 7}'])
def test_an_invalid_configuration_is_a_dead_letter_and_changes_nothing(body: str):
    desk = Desk()
    got = desk.feed(config(body, version=9), fed(0, 10.0))
    assert got.letters() == ["V01"]
    assert got.bars() == [(0, 10.0, "real", 0)]
    assert got.counts == {"in": 1, "out": 1}


def test_a_configuration_with_an_unknown_calendar_is_a_dead_letter():
    got = Desk().feed(config(changed(domain(symbol(calendar="XXXX")))))
    assert got.letters() == ["V01"]


def test_a_symbol_is_added_and_removed_at_run_time():
    body = two()
    desk = Desk(body)
    more = changed(body, symbols=[*body.symbols, symbol("GOOG", sources=["feed"])])
    assert desk.feed(fed(0, 10.0, symbol="GOOG")).letters() == ["V02"]
    assert desk.feed(config(more), fed(0, 10.0, symbol="GOOG")).bars("GOOG") == [(0, 10.0, "real", 0)]
    assert desk.feed(config(changed(more, symbols=body.symbols)), fed(1, 1.0, symbol="GOOG")).letters() == [
        "V02"
    ]


def test_the_previous_trade_date_may_be_revised_and_no_older_one():
    desk = Desk(at=None)
    desk.feed(beat(388, day=BEFORE), fed(389, 10.0, day=BEFORE), beat(391, day=BEFORE), beat(1))
    got = desk.feed(fed(389, 11.0, revision=1, day=BEFORE))
    assert got.bars() == [(389, 11.0, "real", 1)]
    desk.feed(beat(391), beat(0, day=NEXT))
    got = desk.feed(fed(389, 12.0, revision=2, day=BEFORE))
    assert got.letters() == ["V09"]
    assert got.counts == {"in": 1, "late": 1}
    assert [row["record"] for row in got.topics["late"]] == ["DeadLetter"]


def test_live_bars_wait_until_the_history_has_ended():
    desk = Desk(two(history="past"))
    old = vended(389, 9.0, source="past", fill="refetched", day=BEFORE)
    got = desk.feed(old, fed(1, 10.0), fed(1, 10.5, revision=1), fed(1, 10.0))
    assert got.bars() == [(389, 9.0, "refetched", 0)]
    assert got.counts == {"in": 4, "out": 1, "held": 1, "duplicate": 2}
    got = desk.feed(status(minute(2), "history_end", "past"), fed(0, 9.5))
    assert got.bars() == [(1, 10.5, "real", 0), (0, 9.5, "real", 0)]
    assert got.counts == {"in": 1, "out": 2, "held": -1}


def test_bars_that_wait_are_saved():
    desk = Desk(two(history="past"))
    desk.feed(fed(1, 10.0))
    desk.stage = restored(desk)
    got = desk.feed(status(minute(2), "history_end", "past"))
    assert (got.bars(), got.counts) == ([(1, 10.0, "real", 0)], {"held": -1, "out": 1})


def test_live_bars_of_two_trade_dates_wait_and_no_more():
    desk = Desk(two(history="past"), at=None)
    got = desk.feed(*(fed(0, 10.0, day=day) for day in (BEFORE, "2024-07-02", NEXT)))
    assert got.letters() == ["V09"]
    assert got.counts == {"in": 3, "held": 2, "late": 1}


def test_bars_that_waited_are_no_gap():
    desk = Desk(two(history="past"))
    desk.feed(*(fed(n, 10.0 + n) for n in range(4)), beat(4))
    got = desk.feed(status(minute(4), "history_end", "past"))
    assert (got.bars(), got.gaps()) == ([(n, 10.0 + n, "real", 0) for n in range(4)], [])


def test_after_the_history_its_minutes_give_way_to_better_ones():
    desk = Desk(two(history="past"))
    desk.feed(fed(0, 10.0), vended(0, 9.0, source="past"))
    assert desk.feed(status(minute(2), "history_end", "past")).bars() == [(0, 10.0, "real", 1)]


def test_a_history_that_is_no_longer_named_ends_the_wait():
    desk = Desk(two(history="past"))
    assert desk.feed(fed(0, 10.0)).counts["held"] == 1
    got = desk.feed(config(changed(two())), beat(1))
    assert got.counts["held"] == -1
    assert got.bars() == [(0, 10.0, "real", 0)]


def test_what_is_due_is_decided_when_a_history_is_no_longer_named():
    desk = Desk(two(history="past"))
    desk.feed(fed(0, 10.0, source="past"), beat(2))
    assert desk.feed(config(changed(two()))).causes() == [(1, "no_trades", True)]


def test_a_history_that_is_named_later_brings_back_no_trade_date_that_was_let_go():
    desk = Desk(two())
    desk.feed(fed(0, 10.0, day=BEFORE), beat(1, day=NEXT), beat(1, "feed.bars", day=NEXT))
    desk.feed(config(changed(two(history="past"))))
    again = {"source": "past", "fill": "refetched"}
    assert desk.feed(fed(0, 9.0, day=BEFORE, **again)).letters() == ["V09"]
    assert desk.feed(fed(0, 9.0, **again)).counts["out"] == 1


def test_a_history_that_is_named_later_tells_nothing_of_trade_dates_that_were_let_go():
    desk = Desk(two(), at=None)
    desk.feed(beat(0, day=BEFORE), beat(0, "feed.bars", day=BEFORE))
    desk.feed(fed(0, 10.0, day=BEFORE), beat(1, day=NEXT), beat(1, "feed.bars", day=NEXT))
    desk.feed(config(changed(two(history="past"))))
    through = {"day": NEXT, "through": minute(1, BEFORE)}
    got = desk.feed(beat(2, "past", **through), status(minute(3, NEXT), "history_end", "past"))
    told = got.of("Session") + got.of("MinuteStatus") + got.of("Gap") + got.of("Bar")
    assert {row.get("session_date") for row in told} <= {day(NEXT)}


def test_bars_that_waited_are_taken_up_before_their_trade_date_is_let_go():
    one = two(sources=["feed"])
    desk = Desk(one, at=None)
    got = desk.feed(beat(0, day=BEFORE), fed(0, 10.0, day=BEFORE), beat(3, day=BEFORE))
    assert got.bars()[1] == (1, 10.0, "flat", 0)
    desk.feed(config(changed(two(sources=["feed"], history="past"))), fed(1, 11.0, day=BEFORE))
    desk.feed(beat(0, day=NEXT))
    got = desk.feed(config(msgspec.structs.replace(one, version=3)))
    assert got.bars()[0] == (1, 11.0, "real", 1)


def test_a_configuration_lets_go_of_trade_dates_while_bars_wait_for_a_history():
    one = changed(two(sources=["feed"], history="past", policy=["none"]), trailing_dates=2)
    desk = Desk(one, at=None)
    desk.feed(fed(0, 9.5, source="past", fill="refetched", day=BEFORE))
    desk.feed(beat(9, "past", day=NEXT, through=minute(1, NEXT)), fed(9, 9.0, day=NEXT))
    got = desk.feed(config(changed(one, trailing_dates=1)))
    assert got.gaps() == [(1, 389, "abandoned", 1)]


def test_a_symbol_that_a_bar_subscribes_has_what_is_overdue_decided_at_once():
    desk = Desk(two(sources=["feed"]))
    desk.feed(beat(1, alive=False), heartbeat(minute(5), "clock"))
    three = two(sources=["feed"])
    ge = msgspec.structs.replace(three.symbols[0], symbol="GE")
    desk.feed(config(changed(three, symbols=[*three.symbols, ge])))
    got = desk.feed(fed(3, 10.0, symbol="GE"))
    assert got.causes("GE") == [(1, "outage", False), (2, "outage", False)]
    assert got.bars("GE") == [(3, 10.0, "real", 0)]


def test_a_history_that_failed_ends_the_wait():
    desk = Desk(two(history="past"))
    desk.feed(status(minute(0), "history_failed", "past", symbol="SPY"))
    got = desk.feed(fed(0, 10.0), fed(0, 10.0, symbol="AIG"))
    assert (got.bars(), got.bars("AIG")) == ([(0, 10.0, "real", 0)], [])


def restored(desk: Desk, *, keep: Callable[[bytes], bool] = lambda _: True) -> BarsStage:
    stage = BarsStage(0)
    stage.restore({key: state for key, state in desk.stage.take_dirty().items() if keep(key)})
    return stage


def test_only_what_changed_is_saved():
    desk = Desk()
    desk.feed(fed(0, 10.0))
    planned = {b"SPY|3", b"AIG|2", b"AIG|3"}
    assert set(desk.stage.take_dirty()) == {b"!config|1", b"SPY|2", *planned, PARTITION_KEY}
    desk.feed(beat(0.5))
    assert set(desk.stage.take_dirty()) == {PARTITION_KEY}
    assert desk.stage.take_dirty() == {}


def test_the_partition_is_saved_last():
    desk = Desk()
    desk.feed(fed(0, 10.0), vended(0, 10.0, ts_open=0, ts_close=60_000_000_000))
    assert list(desk.stage.take_dirty())[-1] == PARTITION_KEY


def test_a_restored_stage_goes_on():
    desk = Desk()
    desk.feed(fed(0, 10.0), vended(2, 12.0), minute_status(minute(3), halted=True), beat(0.5))
    desk.stage = restored(desk)
    got = desk.feed(beat(4))
    assert got.bars() == [(1, 10.0, "flat", 0), (2, 12.0, "real", 0)]
    assert got.causes() == [(1, "no_trades", True), (3, "halt", False)]


def test_a_state_without_its_configuration_is_refused():
    desk = Desk()
    desk.feed(fed(0, 10.0))
    with pytest.raises(StateError, match="configuration 1 of the partition must be saved"):
        restored(desk, keep=lambda key: not key.startswith(b"!config"))


def test_a_torn_state_is_refused():
    desk = Desk()
    desk.feed(fed(0, 10.0))
    states = desk.stage.take_dirty()
    for key in (b"SPY|2", PARTITION_KEY):
        with pytest.raises(StateError):
            BarsStage(0).restore({**states, key: states[key][:-1]})


def test_records_that_the_partition_reflects_have_no_effect():
    desk = Desk()
    desk.feed(fed(0, 10.0))
    desk.stage = restored(desk)
    again, desk.log = desk.log, []
    got = desk.feed(*again)
    assert (got.topics, got.counts) == ({}, {})


def test_a_configuration_may_have_no_symbols():
    assert Desk(Domain(1)).feed(beat(1)).of("Heartbeat")[0]["ts_through"] == heartbeat(minute(1))["ts"]


def test_a_heartbeat_that_is_no_heartbeat_decides_nothing():
    got = Desk().feed(fed(0, 10.0), beat(5, source="x" * 65))
    assert got.causes() == []
    assert len(got.of("Heartbeat")) == 1


def test_sources_keep_their_numbers_over_a_restart():
    desk = Desk()
    desk.feed(fed(0, 10.0), heartbeat(minute(0.1), "a-source-whose-name-comes-first"))
    desk.stage = restored(desk)
    assert desk.feed(fed(0, 10.0)).counts == {"in": 1, "duplicate": 1}


def test_a_trade_date_restored_while_its_symbol_was_taken_out_takes_bars_once_it_is_back():
    body = two()
    without = changed(body, symbols=body.symbols[:1])
    desk = Desk(body)  # both sessions are open, and no minute is known
    desk.feed(config(without))
    desk.stage = restored(desk)
    desk.feed(config(changed(without, symbols=body.symbols)))
    assert desk.feed(fed(0, 10.0, symbol="AIG")).counts == {"in": 1, "out": 1}
