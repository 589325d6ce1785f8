"""The ticks stage ends in what a slow reading of SEMANTICS ends in, for logs of ``ticks_made``."""

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streams.core.ticks.book import Book
from streams.core.ticks.corrections.corrections import Corrections
from streams.core.ticks.stage import TicksStage
from streams.core.ticks.state import State
from streams.core.ticks.step import Step
from tests.factories import Record, config, heartbeat, tick
from tests.oracle.reading import Ended, difference, newest, through
from tests.oracle.ticks import Ticks
from tests.property.ticks_made import TWO, made

modest = settings(max_examples=60, phases=[Phase.explicit, Phase.generate])  # a seed cannot be shrunk
logs = st.builds(made, st.integers(0, 1 << 32), st.integers(5, 120))


def wanted_bars(log: list[Record], interval: str) -> dict[Any, Any]:
    return Ticks().read(log).bars(interval)


def found_bars(ended: Ended, topic: str) -> dict[Any, Any]:
    return newest(ended.of(topic, "Bar"), "symbol", "source", "ts_open")


QUIET = ("out", "duplicate", "held")
STATUS = ("rejected", "late", "duplicate", "seq_hole", "halted")


def found_statuses(ended: Ended) -> dict[Any, Any]:
    """What was said of each minute; a halt is said apart from the rest."""
    found: dict[Any, Any] = {}
    for row in ended.of("bars.raw", "MinuteStatus"):
        known = found.setdefault((row["symbol"], row["source"], row["ts_open"]), dict.fromkeys(STATUS, 0))
        found[row["symbol"], row["source"], row["ts_open"]] = {
            name: max(known[name], row[name]) for name in STATUS
        }
    return found


def found_outcomes(ended: Ended) -> dict[int, str]:
    """Of every refused or late record, by offset."""
    refused = {row["offset"]: f"rejected.{row['code']}" for row in ended.of("dead-letters", "DeadLetter")}
    return refused | {row["offset"]: f"late.{row['code']}" for row in ended.of("late", "DeadLetter")}


def refused(log: list[Record]) -> dict[int, str]:
    """What the oracle refuses or finds late, by offset."""
    wanted = Ticks().read(log).outcomes
    return {place: outcome for place, outcome in wanted.items() if outcome not in QUIET}


@given(logs, st.lists(st.integers(0, 120), max_size=4))
@modest
def test_every_record_has_the_outcome_of_the_oracle(log: list[Record], cuts: list[int]):
    wanted, ended = Ticks().read(log).outcomes, through(TicksStage(0), "ticks.raw", log, cuts)
    assert found_outcomes(ended) == refused(log)
    said = list(wanted.values())
    counts = {name: ended.counts.get(name, 0) for name in ("in", *QUIET)}
    assert counts == {"in": len(said), **{name: said.count(name) for name in QUIET}}


@given(logs, st.lists(st.integers(0, 120), max_size=4))
@modest
def test_the_final_bars_are_those_of_the_oracle(log: list[Record], cuts: list[int]):
    ended = through(TicksStage(0), "ticks.raw", log, cuts)
    assert difference(wanted_bars(log, "1m"), found_bars(ended, "bars.raw")) == []
    assert difference(wanted_bars(log, "1s"), found_bars(ended, "bars.1s")) == []


@given(logs, st.lists(st.integers(0, 120), max_size=4))
@modest
def test_every_forming_bar_is_that_of_the_oracle(log: list[Record], cuts: list[int]):
    found = through(TicksStage(0), "ticks.raw", log, cuts).of("bars.forming", "Bar")
    assert difference(dict(enumerate(Ticks().read(log).forming)), dict(enumerate(found))) == []


@given(logs, st.lists(st.integers(0, 120), max_size=4))
@modest
def test_what_is_said_of_minutes_is_what_the_oracle_says(log: list[Record], cuts: list[int]):
    ended = through(TicksStage(0), "ticks.raw", log, cuts)
    assert difference(Ticks().read(log).statuses(), found_statuses(ended)) == []


def test_the_logs_hold_every_kind_of_status():
    said = [row for seed in range(60) for row in Ticks().read(made(seed, 90)).statuses().values()]
    assert all(any(row[name] for row in said) for name in STATUS)


def test_the_logs_hold_every_outcome():
    said = {outcome for seed in range(60) for outcome in Ticks().read(made(seed, 90)).outcomes.values()}
    numbers = ("V01", "V02", "V03", "V05", "V08", "V11", "V13", "C01", "C02")
    codes = {f"rejected.{code}" for code in numbers}
    assert said == {"out", "duplicate", "held", "late.V09", "late.V10", "late.V16"} | codes


def test_the_logs_take_symbols_out_and_back_and_change_rules():
    logs = [[one for one in made(seed, 90) if one["record"] == "Config"] for seed in range(30)]
    assert sum(len(log) > 2 for log in logs) > 5
    said = {outcome for seed in range(30) for outcome in Ticks().read(made(seed, 90)).outcomes.values()}
    assert "rejected.C02" in said


def test_a_stage_that_keeps_the_prints_of_what_is_taken_out_is_found_out(monkeypatch: pytest.MonkeyPatch):
    honest = Corrections.configure

    def clinging(self: Corrections, state: State, book: Book, work: Step, at: int) -> None:
        before = dict(self.pairs)
        honest(self, state, book, work, at)
        self.pairs = before | self.pairs
        self.bind(state, book)

    monkeypatch.setattr(Corrections, "configure", clinging)
    logs = (made(seed, 90) for seed in range(40))
    assert any(found_outcomes(through(TicksStage(0), "ticks.raw", log)) != refused(log) for log in logs)


def test_the_comparison_fails_when_one_row_of_the_stage_is_altered():
    log = [config(TWO), tick("2024-07-02T13:30:01", 10.0), tick("2024-07-02T13:30:02", 11.0)]
    log.append(heartbeat("2024-07-02T13:31:02", "feed"))
    found = found_bars(through(TicksStage(0), "ticks.raw", log), "bars.raw")
    ((key, row),) = found.items()
    assert difference(wanted_bars(log, "1m"), found) == []
    for name, value in (("close", 11.000000001), ("volume", 2.0000001), ("trades", 3), ("ts_last", None)):
        assert difference(wanted_bars(log, "1m"), {key: {**row, name: value}}) != []
    assert difference(wanted_bars(log, "1m"), {}) == [f"missing {key}"]
