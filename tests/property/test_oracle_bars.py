"""The bars stage ends in what a slow reading of SEMANTICS ends in.

A generated log has twenty minutes of two symbols from up to two sources: bars that come late, twice, revised,
refetched or bad, minutes without a bar, sources that die and come back, halts, and refused prints.
"""

import math
from random import Random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.config import Domain, RuleChanges
from schemas.flags import DISAGREES, LARGE_VOLUME, PARTIAL, STUCK, VWAP_RANGE
from streams.core.bars.stage import BarsStage
from tests.factories import DAY, Record, at, bar, config, heartbeat, minute_status, status
from tests.oracle.bars import Bars
from tests.oracle.reading import Ended, difference, newest, through
from tests.unit.bars.desk import Desk, beat, fed, minute, two

M = 60_000_000_000
S = 1_000_000_000
BITS = (PARTIAL, VWAP_RANGE, LARGE_VOLUME, STUCK, DISAGREES)
OPEN = at(f"{DAY}T13:30")


def body(pick: Random) -> Domain:
    """Two symbols; one source or two."""
    sources = pick.choice([["feed"], ["feed", "feed.bars"]])
    fields: dict[str, Any] = {"sources": sources, "fill_limit": pick.choice([1, 2, 5])}
    fields["rules"] = RuleChanges(
        volume_bars=pick.choice([0, 1, 2, 3]), volume_factor=2.0, stuck_bars=pick.choice([0, 2, 3]),
        disagreement=pick.choice([0.0, 0.001, 0.1]),
    )  # fmt: skip
    fields["policy"] = pick.choice([["refetch", "flat"], ["flat"], ["none"]])
    return two(**fields)


class Day:
    """A generated log, minute by minute."""

    def __init__(self, seed: int, length: int) -> None:
        self.pick = Random(seed)
        self.domain = body(self.pick)
        self.sources = self.domain.symbols[0].sources
        self.log = [config(self.domain), *(self.beat(name, 0) for name in self.sources)]
        self.last = dict.fromkeys(self.sources, 0)
        self.down: set[str] = set()
        for number in range(length):
            self.minute(number)

    def beat(self, source: str, offset: int, *, last: int | None = None, **fields: Any) -> Record:
        way = "ticks" if source == "feed" else source
        made = heartbeat(f"{DAY}T13:30", source, writer=way)
        said = OPEN + (offset if last is None else last)
        return {**made, "ts": OPEN + offset, "ts_through": OPEN + offset, "ts_last": said, **fields}

    def minute(self, number: int) -> None:
        """Bars of a minute, then heartbeats within the next one."""
        pick = self.pick
        quiet = pick.random() < 0.15
        for name in ("SPY", "AIG"):
            for source in self.sources:
                if source not in self.down and not quiet and pick.random() < 0.75:
                    self.log.append(self.bar(name, source, number))
                    self.last[source] = number * M + 59 * S
        if pick.random() < 0.15 and number:
            self.log.append(self.odd(number))
        self.hear(number)

    def bar(self, name: str, source: str, number: int, **fields: Any) -> Record:
        low = self.pick.choice([9.0, 9.5, 10.0])
        high = low + self.pick.choice([0.0, 0.5, 1.0])
        made = bar(minute(number), low, high, low, high, symbol=name, source=source)
        volume = self.pick.choice([10.0, 2.0, 40.0])
        trades = self.pick.choice([None, None, 0, 3])
        flags = PARTIAL if self.pick.random() < 0.1 else 0
        return {
            **made,
            "volume": volume,
            "notional": volume * low,
            "flags": flags,
            "trades": trades,
            **fields,
        }

    def odd(self, number: int) -> Record:
        """A late, refetched, revised or bad bar of a minute so far, or why there is none."""
        pick = self.pick
        back = pick.randint(0, number)
        name, source = pick.choice(["SPY", "AIG"]), pick.choice(self.sources)
        made = self.bar(name, source, back, revision=pick.choice([0, 1, 2]))
        choices = [
            made,
            made,
            {**made, "fill": "refetched"},
            {**made, "high": 1.0},
            {**made, "open": math.nan},
        ]
        choices += [
            {**made, "ts_open": made["ts_open"] + S},
            {**made, "symbol": "X"},
            {**made, "volume": -1.0},
        ]
        choices += [minute_status(minute(number + 1), symbol=name, source=source, rejected=1)]
        choices += [minute_status(minute(number + 1), symbol=name, source=source, halted=True)]
        choices += [status(minute(number), "halted", source, symbol=name)]
        choices += [status(minute(number), "resumed", source, symbol=name)]
        return pick.choice(choices)

    def hear(self, number: int) -> None:
        """Heartbeats of the sources that live, every four seconds around the boundary of a minute."""
        pick = self.pick
        for source in self.sources:
            if source in self.down and pick.random() < 0.3:
                self.down.remove(source)
            elif source not in self.down and pick.random() < 0.07:
                self.down.add(source)
                self.log.append(self.beat(source, number * M + 57 * S, last=self.last[source], alive=False))
        for second in range(58, 118, 4):
            at_ = number * M + second * S
            for source in self.sources:
                if source not in self.down:
                    self.log.append(self.beat(source, at_, last=self.last[source]))
            if second % 20 == 18:
                self.log.append({**self.beat("clock", at_), "writer": pick.choice(["clock", "ticks"])})


def made(seed: int, length: int) -> list[Record]:
    return Day(seed, length).log


modest = settings(max_examples=40, phases=[Phase.explicit, Phase.generate])  # a seed cannot be shrunk
logs = st.builds(made, st.integers(0, 1 << 32), st.integers(1, 20))
cuts = st.lists(st.integers(0, 400), max_size=3)


def ended(log: list[Record], borders: list[int]) -> Ended:
    return through(BarsStage(0), "bars.raw", log, borders)


@given(logs, cuts)
@modest
def test_the_final_minutes_are_those_of_the_oracle(log: list[Record], borders: list[int]):
    wanted = Bars().read(log).rows()
    found = newest(ended(log, borders).of("bars.1m", "Bar"), "symbol", "ts_open")
    assert difference(wanted, found) == []


@given(logs, cuts)
@modest
def test_the_final_causes_are_those_of_the_oracle(log: list[Record], borders: list[int]):
    oracle = Bars().read(log)
    said = ended(log, borders).of("bars.1m", "MinuteStatus")
    found = {(row["symbol"], row["ts_open"]): row["cause"] for row in said}
    wanted = oracle.statuses()
    assert {place: found.get(place) for place in wanted} == wanted


@given(logs, cuts)
@modest
def test_the_final_gaps_are_those_of_the_oracle(log: list[Record], borders: list[int]):
    wanted = Bars().read(log).gaps()
    found = newest(ended(log, borders).of("gaps", "Gap"), "symbol", "ts_open")
    assert difference(wanted, found) == []


@given(logs, cuts)
@modest
def test_every_bar_has_the_outcome_of_the_oracle(log: list[Record], borders: list[int]):
    said, found = Bars().read(log).outcomes, ended(log, borders)
    refused = {row["offset"]: f"rejected.{row['code']}" for row in found.of("dead-letters", "DeadLetter")}
    refused |= {row["offset"]: f"late.{row['code']}" for row in found.of("late", "DeadLetter")}
    assert refused == {place: one for place, one in said.items() if one not in {"out", "duplicate"}}
    counts = {name: found.counts.get(name, 0) for name in ("in", "out", "duplicate")}
    values = list(said.values())
    assert counts == {"in": len(values), "out": values.count("out"), "duplicate": values.count("duplicate")}


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
    oracles = [Bars().read(made(seed, 14)) for seed in range(30)]
    assert {cause for one in oracles for cause in one.statuses().values()} >= {
        "halt", "rejected", "outage", "no_trades", "unknown",
    }  # fmt: skip
    assert {row["fill"] for one in oracles for row in one.rows().values()} >= {"real", "flat"}
    flags = {row["flags"] & bit for one in oracles for row in one.rows().values() for bit in BITS}
    assert flags == {0, *BITS}
    assert {gap["state"] for one in oracles for gap in one.gaps().values()} >= {"open", "filled"}


def test_a_refetched_minute_is_that_of_the_oracle():
    log = [*Desk(two(sources=["feed"])).log, fed(0, 10.0), beat(3), fed(1, 12.0, fill="refetched"), beat(4)]
    wanted, found = Bars().read(log), ended(log, [])
    assert wanted.rows()["SPY", OPEN + 2 * M]["close"] == 12.0
    assert wanted.gaps()["SPY", OPEN + M]["state"] == "filled"
    assert difference(wanted.rows(), newest(found.of("bars.1m", "Bar"), "symbol", "ts_open")) == []
    assert difference(wanted.gaps(), newest(found.of("gaps", "Gap"), "symbol", "ts_open")) == []


def test_the_comparison_fails_when_one_row_of_the_stage_is_altered():
    log = [*Desk(two(sources=["feed"])).log, fed(0, 10.0), beat(2)]
    wanted = Bars().read(log).rows()
    found = newest(ended(log, []).of("bars.1m", "Bar"), "symbol", "ts_open")
    assert difference(wanted, found) == []
    flat = ("SPY", OPEN + M)
    assert wanted[flat]["fill"] == "flat"
    for name, value in (("close", 10.000001), ("fill", "real"), ("volume", 1.0), ("source", "feed")):
        assert difference(wanted, {**found, flat: {**found[flat], name: value}}) != []
