"""The analytics stage ends in what a slow reading of SEMANTICS ends in.

A generated log has two short trade dates, with a break in each, of two symbols: real, flat and missing
minutes with their causes, revisions and late minutes, and heartbeats that promise more or less.
"""

import json
from random import Random
from typing import Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.config import IndicatorConfig
from schemas.indicators import KINDS, value_names
from streams.core.analytics.stage import AnalyticsStage
from tests.factories import (
    Record,
    around_the_clock,
    at,
    bar,
    calendar_rows,
    config,
    day,
    domain,
    heartbeat,
    symbol,
)
from tests.oracle.analytics import Analytics
from tests.oracle.reading import Ended, difference, newest, through
from tests.property.minutes_made import a_minute

M = 60_000_000_000
DAYS = ("2024-07-01", "2024-07-02")
HOURS = ("13:30-13:50", "14:00-14:13")
OPENS = [
    (text, at(f"{text}T{start}") + number * M)
    for text in DAYS
    for start, count in (("13:30", 20), ("14:00", 13))
    for number in range(count)
]
BODY = domain(
    symbol("SPY"),
    symbol("BTC", asset="crypto", calendar="24x7"),
    calendars={"XNYS": calendar_rows(days=DAYS, hours=HOURS), "24x7": around_the_clock()},
    intervals=["5m", "15m", "1h", "1d"],
    indicators=[
        IndicatorConfig("ema_3", "ema", 3),
        IndicatorConfig("rsi_4", "rsi", 4),
        IndicatorConfig("vwap", "vwap"),
        IndicatorConfig("adx", "adx", 3),
        IndicatorConfig("atr", "atr", 3),
        IndicatorConfig("bb", "bollinger", 4),
        IndicatorConfig("dev", "deviation", 3),
        IndicatorConfig("dc", "donchian", 3),
        IndicatorConfig("kc", "keltner", 3, parameters={"factor": 1.5}),
        IndicatorConfig("macd", "macd", parameters={"fast": 2, "slow": 4, "signal": 3}),
        IndicatorConfig("mom", "momentum", 2),
        IndicatorConfig("obv", "obv"),
        IndicatorConfig("roc", "roc", 2),
        IndicatorConfig("sma", "sma", 3),
        IndicatorConfig("st", "stochastic", 3, parameters={"smooth": 2, "signal": 2}),
        IndicatorConfig("tr", "true_range"),
        IndicatorConfig("va", "volume_average", 3),
    ],
)
NOTHING = 1e-12
"""What is left of prices near 10 where they cancel."""

TOPICS = ("bars.5m", "bars.15m", "bars.1h", "bars.1d")


def a_bar(pick: Random, name: str, text: str, ts: int, fill: str, revision: int) -> Record:
    low = pick.choice([9.0, 9.7, 10.1])
    high = low + pick.choice([0.0, 0.3, 1.1])
    made = bar("2024-07-01T13:30", low, high, low, pick.choice([low, high]), symbol=name)
    volume = pick.choice([0.0, 1.5, 20.0])
    made |= {"ts_open": ts, "ts_close": ts + M, "session_date": day(text), "revision": revision}
    made |= {"fill": fill, "volume": volume, "trades": pick.choice([None, 2])}
    made |= {"notional": pick.choice([None, volume * low])}
    if fill == "flat":
        made |= {"high": low, "close": low, "volume": 0.0, "notional": 0.0, "actual": 0, "filled": 1}
    return made


def made(seed: int, length: int) -> list[Record]:
    """A log of so many minutes of the two dates."""
    pick, revisions = Random(seed), dict[Any, int]()
    log = [config(msgspec.structs.replace(BODY, expiry_ms=pick.choice([0, 2_000, 75_500])))]
    for number, (text, ts) in enumerate(OPENS[:length]):
        for name in ("SPY", "BTC"):
            log += a_minute(pick, a_bar, name, text, ts, revisions)
            if pick.random() < 0.15:
                log += a_minute(
                    pick, a_bar, name, *OPENS[pick.randint(max(0, number - 30), number)], revisions
                )
        if pick.random() < 0.5:
            promised = ts + M - pick.choice([0, 1, 4 * M])
            beat = heartbeat("2024-07-01T13:30", "bars")
            log.append({**beat, "ts": ts + M + number, "ts_through": promised, "ts_last": promised})
    return log


modest = settings(max_examples=40, phases=[Phase.explicit, Phase.generate])  # a seed cannot be shrunk
logs = st.builds(made, st.integers(0, 1 << 32), st.integers(1, len(OPENS)))
cuts = st.lists(st.integers(0, 200), max_size=3)


def found_bars(ended: Ended) -> dict[Any, Any]:
    rows = [row for topic in TOPICS for row in ended.of(topic, "Bar")]
    return newest(rows, "symbol", "interval", "ts_open")


def found_values(ended: Ended) -> dict[Any, Any]:
    rows = newest(ended.of("indicators", "IndicatorValues"), "symbol", "interval", "ts_open")
    names = {name for one in BODY.indicators for name in value_names(one)}
    for row in rows.values():  # a revision tells of every name, whatever its value
        told = [name for name, _ in json.loads(row["values"])] + json.loads(row["missing"])
        assert set(told) == names or (row["revision"] == 0 and row["missing"] == "[]")
    return {key: dict(json.loads(row["values"])) for key, row in rows.items()}


def found_expiries(ended: Ended) -> dict[Any, int]:
    rows = newest(ended.of("indicators", "IndicatorValues"), "symbol", "interval", "ts_open")
    return {key: row["ts_expires"] for key, row in rows.items()}


def wrong_values(wanted: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    """Values that differ by more than 1e-9, and names that one side alone has."""
    names = [(key, sorted(wanted[key]), sorted(found.get(key, {}))) for key in wanted]
    said = [f"{key}: wanted {ours}, was {theirs}" for key, ours, theirs in names if ours != theirs]
    ours, theirs = (
        {
            key: {name: 0.0 if abs(value) < NOTHING else float(value) for name, value in row.items()}
            for key, row in side.items()
            if row
        }
        for side in (wanted, found)
    )
    return said or difference(ours, theirs, digits=1e-9)


@given(logs, cuts)
@modest
def test_the_final_derived_bars_are_those_of_the_oracle(log: list[Record], borders: list[int]):
    wanted = Analytics().read(log).derived()
    assert difference(wanted, found_bars(through(AnalyticsStage(0), "bars.1m", log, borders))) == []


@given(logs, cuts)
@modest
def test_the_final_indicator_values_are_those_of_the_oracle(log: list[Record], borders: list[int]):
    ended = through(AnalyticsStage(0), "bars.1m", log, borders)
    oracle, expiries = Analytics().read(log), found_expiries(ended)
    assert wrong_values(oracle.values(), found_values(ended)) == []
    wanted = oracle.expiries()
    assert expiries == {key: wanted[key] for key in expiries}


def test_the_oracle_has_every_kind():
    assert {one.kind for one in BODY.indicators} == set(KINDS)


def test_the_comparison_fails_when_one_row_of_the_stage_is_altered():
    log = made(1, 40)
    ended, oracle = through(AnalyticsStage(0), "bars.1m", log), Analytics().read(log)
    bars, values = found_bars(ended), found_values(ended)
    assert (difference(oracle.derived(), bars), wrong_values(oracle.values(), values)) == ([], [])
    key = next(iter(bars))
    for name, value in (("close", 1.0), ("coverage", 0.123), ("actual", 99), ("ts_close", 0)):
        assert difference(oracle.derived(), {**bars, key: {**bars[key], name: value}}) != []
    key = next(key for key, row in values.items() if "ema_3" in row)
    moved = {**values[key], "ema_3": values[key]["ema_3"] * (1 + 1e-8)}
    assert wrong_values(oracle.values(), {**values, key: moved}) != []
