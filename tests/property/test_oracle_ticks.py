"""The ticks stage ends in what a slow reading of SEMANTICS ends in.

A generated log has two symbols of two sources, ticks and quotes, prints out of order, late, repeated and bad,
quiet minutes, heartbeats that stand still and a source that ends.
"""

import math
from random import Random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.config import AssetRules, ConditionTable, SourceConfig
from streams.core.ticks.stage import TicksStage
from tests.factories import (
    Record,
    at,
    config,
    correction,
    domain,
    heartbeat,
    quote,
    raw,
    status,
    symbol,
    tick,
)
from tests.oracle.reading import Ended, difference, newest, through
from tests.oracle.ticks import Ticks

OPEN = at("2024-07-02T13:30")
S = 1_000_000_000

TWO = domain(
    symbol("SPY", sources=["feed", "other"], conditions="tape", tick_size=0.25),
    symbol("EURUSD", asset="fx", calendar="24x7", price="bid", sources=["other"]),
    symbol("OIL", asset="commodity", calendar="24x7", sources=["feed"]),
    symbol("BTC", asset="fx", calendar="24x7", sources=["last", "other"]),
    sources=[
        SourceConfig("feed", "ticks.raw", gapless=True),
        SourceConfig("other", "ticks.raw"),
        SourceConfig("last", "ticks.raw", last_price=True),
    ],
    conditions={"tape": ConditionTable("letters", volume_only=["T"], ignored=["M"], auction=["6"])},
    assets={
        "equity": AssetRules(correction_prints=100_000),
        "fx": AssetRules(disorder_ms=1_000, outlier_prints=5, outlier_share=0.02, outlier_sigmas=2.0),
        "commodity": AssetRules(disorder_ms=500, nonpositive_price="allow"),
    },
)


def a_print(pick: Random, now: int, number: int) -> Record:
    """A tick or a quote around a time, mostly good."""
    event = now - pick.choice([0, 0, 0, 1, S // 3, S, 3 * S, 61 * S, 700 * S, 1_100 * S])
    received = max(event, now) if pick.random() < 0.9 else event - pick.choice([S, 5 * S, 6 * S])
    name, source = pick.choice(
        [
            *[("SPY", "feed"), ("SPY", "feed"), ("SPY", "other"), ("EURUSD", "other"), ("OIL", "feed")],
            *[("X", "feed"), ("BTC", "last"), ("BTC", "other")],
        ]
    )
    price = pick.choice([99.0, 100.0, 100.1, 101.3, 102.7, 130.0, 131.5, 61.0, 0.0, math.nan, math.inf])
    same = {"symbol": name, "source": source, "ts_event": event, "ts_recv": received}
    seq = pick.choice([None, number, number, pick.randint(1, 40), 9_000])
    if name == "EURUSD" or pick.random() < 0.1:
        ahead = pick.choice([0.1, 0.1, 5.0, 0.0, -1.0])
        sizes = {"bid_size": pick.choice([None, 0.0, 1.0, -1.0]), "ask_size": None}
        return {**quote("2024-07-02", price, price + ahead), **same, "seq": seq, **sizes}
    trade_id = pick.choice([None, None, "a", "b", f"t{number}", str(number), "17"])
    size = pick.choice([None, 1.0, 2.5, 0.1, 3.0, 0.0, math.nan])
    said = pick.choice([None, None, None, "@", "T", "6", "6T", "M"])
    return {**tick("2024-07-02", price, size, conditions=said), **same, "seq": seq, "trade_id": trade_id}


def a_word(pick: Random, now: int, log: list[Record]) -> Record:
    """A cancel or correct of a print of the last ones, or of one to come."""
    named = [one for one in log[-40:] if one["record"] == "Tick" and (one["trade_id"] or one["seq"])]
    prints = [one for one in named if one["symbol"] == "SPY" or pick.random() < 0.2]
    coming = {"symbol": "SPY", "source": "feed", "trade_id": f"t{len(log) + 3}", "seq": None, "ts_event": now}
    one = pick.choice([*prints, *prints, coming])
    name, ts = pick.choice(["cancel", "correct", "correct"]), now - pick.choice([0, 0, 0, S, 950 * S])
    said = {"ts_event": ts, "ts_recv": ts - pick.choice([0] * 19 + [6 * S])}
    said |= {"ts_print": pick.choice([None, None, one["ts_event"]])}
    said |= {
        "price": pick.choice([None, 100.5, 101.1, 97.0, 180.0]),
        "size": pick.choice([None] * 5 + [2.0] * 4 + [0.0]),
    }
    same = {field: one[field] for field in ("symbol", "source", "trade_id", "seq")}
    return {**correction("2024-07-02", name), **same, **said}


def a_beat(pick: Random, now: int) -> Record:
    source = pick.choice(["feed", "other", "clock"])
    through_ = now - pick.choice([0, 0, S, 30 * S])
    said = {"alive": pick.random() < 0.8, "ts": now, "ts_through": through_, "final": pick.random() < 0.1}
    return {**heartbeat("2024-07-02", source), **said}


def a_halt(pick: Random, now: int) -> Record:
    what, source = pick.choice(["halted", "resumed", "connected"]), pick.choice(["feed", "other"])
    name, ts = pick.choice([None, "SPY", "OIL", "X"]), now - pick.choice([0, 0, S, 90 * S])
    return {**status("2024-07-02", what, source), "symbol": name, "ts": ts}


def made(seed: int, length: int) -> list[Record]:
    """A log of so many records over minutes or hours, around the open or the close."""
    pick = Random(seed)
    begin, log = pick.choice([OPEN - 30 * S, OPEN, OPEN + 389 * 60 * S]), []
    now = begin
    while len(log) < length:
        now += pick.choice([0, 1, S // 5, S, 7 * S, 40 * S, pick.choice([S, 400 * S])])
        kind = pick.choice("ppppppppppppppppppppppphhhhhhrskkkk")
        log.append(
            a_print(pick, now, len(log))
            if kind == "p"
            else a_beat(pick, now)
            if kind == "h"
            else a_halt(pick, now)
            if kind == "s"
            else a_word(pick, now, log)
            if kind == "k"
            else raw(b"\x00")
        )
        if pick.random() < 0.12:
            log.append(pick.choice(log[-9:]))
    # Without a heartbeat for 15 minutes a changed minute is published when its place is needed
    is_final, is_short = pick.random() < 0.7, now - begin < 900 * S
    ends = [{**heartbeat("2024-07-02", name), "ts": now + S, "final": is_final} for name in ("feed", "other")]
    known = [config(TWO)] if pick.random() < 0.8 else [log[0], config(TWO)]
    return [*known, *log, *(ends if is_final or not is_short else [])]


modest = settings(max_examples=60, phases=[Phase.explicit, Phase.generate])  # a seed cannot be shrunk
logs = st.builds(made, st.integers(0, 1 << 32), st.integers(5, 120))


def wanted_bars(log: list[Record], interval: str) -> dict[Any, Any]:
    return Ticks().read(log).bars(interval)


def found_bars(ended: Ended, topic: str) -> dict[Any, Any]:
    return newest(ended.of(topic, "Bar"), "symbol", "source", "ts_open")


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


@given(logs, st.lists(st.integers(0, 120), max_size=4))
@modest
def test_every_record_has_the_outcome_of_the_oracle(log: list[Record], cuts: list[int]):
    wanted, ended = Ticks().read(log).outcomes, through(TicksStage(0), "ticks.raw", log, cuts)
    quiet = ("out", "duplicate", "held")
    assert found_outcomes(ended) == {
        place: outcome for place, outcome in wanted.items() if outcome not in quiet
    }
    said = list(wanted.values())
    counts = {name: ended.counts.get(name, 0) for name in ("in", *quiet)}
    assert counts == {"in": len(said), **{name: said.count(name) for name in quiet}}


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


def test_the_comparison_fails_when_one_row_of_the_stage_is_altered():
    log = [config(TWO), tick("2024-07-02T13:30:01", 10.0), tick("2024-07-02T13:30:02", 11.0)]
    log.append(heartbeat("2024-07-02T13:31:02", "feed"))
    found = found_bars(through(TicksStage(0), "ticks.raw", log), "bars.raw")
    ((key, row),) = found.items()
    assert difference(wanted_bars(log, "1m"), found) == []
    for name, value in (("close", 11.000000001), ("volume", 2.0000001), ("trades", 3), ("ts_last", None)):
        assert difference(wanted_bars(log, "1m"), {key: {**row, name: value}}) != []
    assert difference(wanted_bars(log, "1m"), {}) == [f"missing {key}"]
