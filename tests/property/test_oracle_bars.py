"""The bars stage ends in what a slow reading of SEMANTICS ends in.

Logs are made in ``bars_made``: minutes of one session, or of several, so that trade dates leave the window.
"""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.flags import (
    DISAGREES,
    EARLY_END,
    LARGE_VOLUME,
    LATE_START,
    LOW_QUALITY,
    NO_BARS,
    PARTIAL,
    STUCK,
    TIMED_OUT,
    UNFILLED,
    VWAP_RANGE,
)
from streams.core.bars.stage import BarsStage
from streams.core.bars.window import Window
from tests.factories import Record, heartbeat, minute_status
from tests.oracle.bars import Bars
from tests.oracle.reading import Ended, difference, newest, through
from tests.property.bars_compared import closed_sessions
from tests.property.bars_made import OPEN, M, made
from tests.unit.bars.desk import Desk, beat, fed, minute, two

BITS = (PARTIAL, VWAP_RANGE, LARGE_VOLUME, STUCK, DISAGREES)
SESSION_BITS = (LATE_START, EARLY_END, TIMED_OUT, UNFILLED, NO_BARS, LOW_QUALITY)
modest = settings(max_examples=40, phases=[Phase.explicit, Phase.generate])  # a seed cannot be shrunk
seeds = st.integers(0, 1 << 32)
logs = st.one_of(
    st.tuples(seeds, st.integers(1, 20), st.just(False)),  # one session; what a failure prints stays short
    st.tuples(seeds, st.integers(8, 30), st.just(True)),  # several
)
cuts = st.lists(st.integers(0, 400), max_size=3)


def log_of(how: tuple[int, int, bool]) -> list[Record]:
    seed, length, short = how
    return made(seed, length, short=short)


def ended(log: list[Record], borders: list[int]) -> Ended:
    return through(BarsStage(0), "bars.raw", log, borders)


@given(logs, cuts)
@modest
def test_the_final_minutes_are_those_of_the_oracle(how: tuple[int, int, bool], borders: list[int]):
    log = log_of(how)
    wanted = Bars().read(log).rows()
    found = newest(ended(log, borders).of("bars.1m", "Bar"), "symbol", "ts_open")
    assert difference(wanted, found) == []


@given(logs, cuts)
@modest
def test_the_final_causes_are_those_of_the_oracle(how: tuple[int, int, bool], borders: list[int]):
    log = log_of(how)
    oracle = Bars().read(log)
    said = ended(log, borders).of("bars.1m", "MinuteStatus")
    found = {(row["symbol"], row["ts_open"]): row["cause"] for row in said}
    wanted = oracle.statuses()
    assert {place: found.get(place) for place in wanted} == wanted


@given(logs, cuts)
@modest
def test_the_final_gaps_are_those_of_the_oracle(how: tuple[int, int, bool], borders: list[int]):
    log = log_of(how)
    wanted = Bars().read(log).gaps()
    found = newest(ended(log, borders).of("gaps", "Gap"), "symbol", "ts_open")
    assert difference(wanted, found) == []


@given(seeds, st.integers(8, 30), cuts)
@modest
def test_closed_sessions_are_those_of_the_oracle(seed: int, length: int, borders: list[int]):
    log = made(seed, length, short=True)
    oracle = Bars().read(log)
    assert difference(oracle.sessions(), closed_sessions(ended(log, borders), oracle)) == []


@given(logs, cuts)
@modest
def test_every_bar_has_the_outcome_of_the_oracle(how: tuple[int, int, bool], borders: list[int]):
    log = log_of(how)
    oracle, found = Bars().read(log), ended(log, borders)
    said = oracle.outcomes
    refused = {row["offset"]: f"rejected.{row['code']}" for row in found.of("dead-letters", "DeadLetter")}
    refused |= {row["offset"]: f"late.{row['code']}" for row in found.of("late", "DeadLetter")}
    quiet = ("out", "duplicate", "held")
    assert refused == {
        place: one for place, one in said.items() if one not in quiet and place not in oracle.unsent
    }
    counts = {name: found.counts.get(name, 0) for name in ("in", *quiet)}
    values = list(said.values())
    assert counts == {"in": len(values), **{name: values.count(name) for name in quiet}}


def causes(log: list[Record]) -> dict[int, str]:
    """Final cause of each minute of SPY, from the stage, by minute since the open."""
    said = ended(log, []).of("bars.1m", "MinuteStatus")
    return {(row["ts_open"] - OPEN) // M: row["cause"] for row in said if row["symbol"] == "SPY"}


def wanted_causes(log: list[Record]) -> dict[int, str]:
    return {
        (ts - OPEN) // M: cause for (name, ts), cause in Bars().read(log).statuses().items() if name == "SPY"
    }


def test_a_minute_of_a_failure_stays_one_after_the_next_failure():
    log = [*Desk(two(sources=["feed"])).log, beat(0.95, last=0.9, alive=False)]
    log += [heartbeat(minute(1.3), "clock"), heartbeat(minute(2.3), "clock")]
    log += [beat(2.95, last=0.9), beat(3.05, last=0.9), fed(3, 10.0), beat(4, last=3.9)]
    log += [beat(4.5, last=3.9, alive=False), minute_status(minute(5), rejected=1)]
    assert wanted_causes(log) == {0: "outage", 1: "outage", 2: "outage"}
    assert causes(log) == wanted_causes(log)


def test_the_minute_in_which_a_long_silence_ends_is_part_of_it():
    log = [*Desk(two(sources=["feed"])).log, fed(0, 10.0), beat(1, last=0.9)]
    log += [beat(n / 15, last=0.9 if n < 100 else 6.6) for n in range(16, 106)]
    assert wanted_causes(log) == dict.fromkeys(range(1, 7), "outage")
    assert causes(log) == wanted_causes(log)


def test_a_gap_ends_at_a_real_bar_that_came_late():
    log = [*Desk(two(sources=["feed"])).log, fed(0, 10.0), beat(3), fed(2, 10.0), beat(4)]
    wanted = {place: gap["minutes"] for place, gap in Bars().read(log).gaps().items() if place[0] == "SPY"}
    assert wanted == {("SPY", OPEN + M): 2, ("SPY", OPEN + 3 * M): 1}
    found = newest(ended(log, []).of("gaps", "Gap"), "symbol", "ts_open")
    assert {place: gap["minutes"] for place, gap in found.items() if place[0] == "SPY"} == wanted


def test_the_logs_hold_every_cause_and_every_fill():
    oracles = [Bars().read(made(seed, 14)) for seed in range(20)]
    oracles += [Bars().read(made(seed, 24, short=True)) for seed in range(20)]
    assert {cause for one in oracles for cause in one.statuses().values()} >= {
        "halt", "rejected", "outage", "no_trades", "unknown",
    }  # fmt: skip
    assert {row["fill"] for one in oracles for row in one.rows().values()} >= {"real", "flat"}
    flags = {row["flags"] & bit for one in oracles for row in one.rows().values() for bit in BITS}
    assert flags == {0, *BITS}
    told = [row["flags"] for one in oracles for row in one.sessions().values()]
    assert {bits & bit for bits in told for bit in SESSION_BITS} == {0, *SESSION_BITS}
    assert {gap["state"] for one in oracles for gap in one.gaps().values()} >= {"open", "filled", "abandoned"}
    assert "late.V09" in {outcome for one in oracles for outcome in one.outcomes.values()}


def test_a_refetched_minute_is_that_of_the_oracle():
    log = [*Desk(two(sources=["feed"])).log, fed(0, 10.0), beat(3), fed(1, 12.0, fill="refetched"), beat(4)]
    wanted, found = Bars().read(log), ended(log, [])
    assert wanted.rows()["SPY", OPEN + 2 * M]["close"] == 12.0
    assert wanted.gaps()["SPY", OPEN + M]["state"] == "filled"
    assert difference(wanted.rows(), newest(found.of("bars.1m", "Bar"), "symbol", "ts_open")) == []
    assert difference(wanted.gaps(), newest(found.of("gaps", "Gap"), "symbol", "ts_open")) == []


def test_a_final_heartbeat_leaves_no_hole_before_the_newest_bar_of_any_trade_date():
    later = {"day": "2024-07-03"}
    log = [*Desk(two(sources=["feed"])).log, fed(0, 10.0), fed(3, 10.0), fed(2, 11.0, **later)]
    log.append(beat(1, final=True))
    oracle, found = Bars().read(log), ended(log, [])
    assert len([place for place in oracle.statuses() if place[0] == "SPY"]) == 4
    assert difference(oracle.rows(), newest(found.of("bars.1m", "Bar"), "symbol", "ts_open")) == []
    said = {(row["symbol"], row["ts_open"]): row["cause"] for row in found.of("bars.1m", "MinuteStatus")}
    assert said == oracle.statuses()


def test_a_published_flat_beyond_the_limit_follows_the_close_before_it():
    log = [*Desk(two(sources=["feed"], fill_limit=1)).log, fed(0, 10.0), beat(4, last=3.5), beat(5, last=4.5)]
    log += [fed(2, 10.0, volume=-1.0), fed(3, 10.0, volume=-1.0), fed(0, 12.0, revision=1)]
    wanted, found = Bars().read(log), newest(ended(log, []).of("bars.1m", "Bar"), "symbol", "ts_open")
    closes = [wanted.rows()["SPY", OPEN + number * M]["close"] for number in range(4)]
    assert closes == [12.0] * 4
    assert difference(wanted.rows(), found) == []


def test_a_published_flat_stays_when_a_refused_bar_changes_a_cause_before_it():
    log = [*Desk(two(sources=["feed"], fill_limit=2)).log, fed(0, 10.0), beat(3, last=1.5), beat(4, last=1.5)]
    log += [fed(1, 10.0, volume=-1.0), beat(5, last=1.5)]
    wanted, found = Bars().read(log), ended(log, [])
    assert {place[1] for place in wanted.rows()} >= {OPEN + number * M for number in range(4)}
    assert difference(wanted.rows(), newest(found.of("bars.1m", "Bar"), "symbol", "ts_open")) == []


def test_the_comparison_fails_when_one_row_of_the_stage_is_altered():
    log = [*Desk(two(sources=["feed"])).log, fed(0, 10.0), beat(2)]
    wanted = Bars().read(log).rows()
    found = newest(ended(log, []).of("bars.1m", "Bar"), "symbol", "ts_open")
    assert difference(wanted, found) == []
    flat = ("SPY", OPEN + M)
    assert wanted[flat]["fill"] == "flat"
    for name, value in (("close", 10.000001), ("fill", "real"), ("volume", 1.0), ("source", "feed")):
        assert difference(wanted, {**found, flat: {**found[flat], name: value}}) != []


def test_the_comparison_fails_when_another_number_of_trade_dates_is_kept(monkeypatch: pytest.MonkeyPatch):
    logs = [made(seed, 24, short=True) for seed in (6, 8, 12)]

    def differ() -> bool:
        return any(
            difference(
                Bars().read(log).rows(), newest(ended(log, []).of("bars.1m", "Bar"), "symbol", "ts_open")
            )
            for log in logs
        )

    assert not differ()
    begin = Window.__init__
    monkeypatch.setattr(Window, "__init__", lambda own, grid, _: begin(own, grid, 1))
    assert differ()


def test_the_comparison_of_sessions_fails_when_one_minute_is_counted_wrongly():
    log = made(1, 24, short=True)
    oracle = Bars().read(log)
    wanted, found = oracle.sessions(), closed_sessions(ended(log, []), oracle)
    assert difference(wanted, found) == []
    key = next(iter(wanted))
    for name in ("expected", "real", "no_trades", "outage", "planned", "flags"):
        assert difference(wanted, {**found, key: {**found[key], name: found[key][name] + 1}}) != []
