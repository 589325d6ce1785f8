"""Symbols side by side give, bit by bit, what each gives by itself."""

from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.config import Domain, IndicatorConfig, SignalConfig
from streams.core.analytics import stage as stages
from streams.core.analytics.indicators.across import keep_states, room_for, run_across, tell_values
from streams.core.analytics.indicators.lane import LANES
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.indicators.steps import STRIDE, run_along
from streams.core.analytics.scan.single import Single
from streams.core.analytics.stage import AnalyticsStage
from tests.factories import (
    DAY,
    Record,
    around_the_clock,
    at,
    bar,
    columns,
    config,
    domain,
    heartbeat,
    minute_status,
    rows_of,
    symbol,
)
from tests.unit.analytics.library import CASES, random_bars

SYMBOLS, PLACES, M = LANES + 9, 3 * STRIDE, 60_000_000_000
NAMES = [f"S{number:02}" for number in range(20)]
BODY = domain(
    *(symbol(name, asset="crypto", calendar="24x7") for name in NAMES[::2]),
    *(symbol(name) for name in NAMES[1::2]),
    calendars={**domain().calendars, "24x7": around_the_clock()},
    intervals=["5m", "15m"],
    indicators=[
        IndicatorConfig("ema_3", "ema", 3),
        IndicatorConfig("sma_4", "sma", 4),
        IndicatorConfig("vwap", "vwap"),
        IndicatorConfig("obv", "obv", intervals=["5m"]),
    ],
    signals=[
        SignalConfig("up", "change(close, 1) > 0 and quality > 50", debounce_ms=0),
        SignalConfig("five", "close@5m > ema_3@5m or sma_4@15m > 11", debounce_ms=0),
        SignalConfig("slow", "close@5m > 9 or close@15m > 9", debounce_ms=0),
        SignalConfig("first", "rank(close) <= 2", debounce_ms=0),
        SignalConfig("back", "close crosses above ema_3@5m or change(close@5m, 2) > 5", debounce_ms=0),
        SignalConfig("worse", "quality crosses below 95 or filled@15m > 0 and notional > 0", debounce_ms=0),
        SignalConfig("some", "change(vwap, 3) > 1 and trades > 0 or flat", symbols=NAMES[3:6], debounce_ms=0),
        SignalConfig("fresh", "close > 9 and close@5m > 9", debounce_ms=180_000),
    ],
    partitions=1,
)  # fmt: skip


BARE = msgspec.structs.replace(
    BODY, indicators=[], signals=[one for one in BODY.signals if one.name in {"up", "first", "worse"}]
)
"""Without indicators a bar may come side by side with others though later ones of its symbol are there."""


class Lanes:
    """Symbols side by side, each with bars of its own.

    Attributes:
        newest: by symbol, the place of its newest bar; those before it may be missing.
    """

    def __init__(self) -> None:
        self.program = Program(CASES)
        self.bars = np.stack([random_bars(PLACES, seed=seed) for seed in range(SYMBOLS)])
        blocks, outputs, width = -(-SYMBOLS // LANES), len(self.program.names), self.program.width
        self.states = np.zeros((blocks, width * LANES))
        self.kept = np.zeros((SYMBOLS, (PLACES // STRIDE + 1) * width))
        self.values = np.full((SYMBOLS, PLACES * outputs), np.nan)
        self.unseen = np.ones(self.values.shape)
        self.taken = np.arange(blocks * LANES) < SYMBOLS
        self.room = room_for(self.program.codes, outputs, blocks)
        self.bars["revision"] = -1
        self.newest = np.full((SYMBOLS, 1), -1, np.int64)

    def move_on(self, lanes: np.ndarray, place: int) -> None:
        """The bars of some symbols at a place."""
        codes, places = self.program.codes, np.full(len(lanes), place)
        self.bars["revision"][lanes, place] = 0
        keep_states(self.states, lanes, places, self.newest, 0, 0, self.program.width, self.kept, 0)
        run_across(codes, self.states, self.bars, lanes, places, self.taken, *self.room)
        tell_values(
            codes, self.room[0], lanes, places, 0, len(self.program.names), 0, self.values, self.unseen
        )
        self.newest[lanes] = place

    def is_as_alone(self, symbol: int) -> bool:
        """Whether values, weights and states of a symbol are what it has by itself."""
        width, outputs, end = self.program.width, len(self.program.names), int(self.newest[symbol, 0]) + 1
        state, kept = np.zeros(width), np.zeros(self.kept.shape[1])
        values, unseen = np.full(PLACES * outputs, np.nan), np.ones(PLACES * outputs)
        run_along(self.program.codes, state, kept, self.bars[symbol], 0, end, values, unseen, outputs)
        lane = self.states[symbol // LANES].reshape(-1, LANES)[:, symbol % LANES]
        pairs = (
            (values, self.values[symbol]),
            (unseen, self.unseen[symbol]),
            (kept, self.kept[symbol]),
            (state, lane),
        )
        return all(one.tobytes() == other.tobytes() for one, other in pairs)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), share=st.sampled_from([0.05, 0.5, 0.95, 1.0]))
def test_lanes_hold_what_every_symbol_has_by_itself(seed: int, share: float):
    random, lanes = np.random.default_rng(seed), Lanes()
    for number in range(PLACES):
        there = np.ones(SYMBOLS, np.bool_) if number % 3 == 0 else random.random(SYMBOLS) < share
        lanes.move_on(np.flatnonzero(there), number)
    assert [lanes.is_as_alone(one) for one in range(SYMBOLS)] == [True] * SYMBOLS


def test_a_lane_that_takes_up_another_symbols_number_is_found_out():
    lanes = Lanes()
    for place in range(PLACES // 2):
        lanes.move_on(np.arange(SYMBOLS), place)
    lanes.states[0, 7] += 1.0
    for place in range(PLACES // 2, PLACES):
        lanes.move_on(np.arange(SYMBOLS), place)
    wrong = [one for one in range(SYMBOLS) if not lanes.is_as_alone(one)]
    assert wrong == [7]


STARTS = {"13:30": NAMES, "23:40": NAMES[::2]}
"""Within a trade date, and over the end of one of those around the clock."""


def opened(name: str, ts_open: int, price: float) -> float:
    """The price that a bar opens at, which is none for some symbols in the first minute of a trade date."""
    return float("nan") if ts_open % (1_440 * M) == 0 and name in NAMES[8:16] else price


def log_of(seed: int, start: str = "13:30") -> list[Record]:
    """Minutes of all symbols in turn; some are missing, come twice, late or anew, or have causes.

    With an odd seed the last minute of each 15m bar comes after two of the next one; with an even one some
    symbols are silent for so long that the derived bars they have had are stale in the end.
    """
    random, log, held = Random(seed), list[Record](), list[Record]()
    for number in range(37):
        if number % 15 == 2:
            log, held = log + held, []
        opens = at(f"2024-07-01T{start}") + number * M
        for name in STARTS[start]:
            if name in NAMES[4:8] and 14 < number < 35 and not seed % 2:
                continue
            price = random.uniform(9.0, 12.0)
            one = {**bar(f"{DAY}T13:30", price), "symbol": name, "ts_open": opens, "ts_close": opens + M}
            one |= {"session_date": opens // (1_440 * M), "trades": random.choice([None, 3])}
            if random.random() < 0.03:
                ago = random.randrange(4) * M
                cause = random.choice(["halt", "outage", "no_trades", "unknown"])
                status = minute_status(f"{DAY}T13:30", symbol=name, source="bars", cause=cause)
                log.append({**status, "ts_open": opens - ago, "filled": random.random() < 0.5})
            if random.random() < 0.03:
                one |= {"fill": "flat", "volume": 0.0, "actual": 0, "filled": 1}
            one["open"] = opened(name, opens, price)
            if number > 3 and random.random() < 0.01:
                before = opens - random.randrange(1, random.choice([4, 36])) * M
                log.append(
                    {**one, "ts_open": before, "ts_close": before + M, "revision": random.randrange(2)}
                )
            if number < 5 or random.random() < 0.98:
                (held if number % 15 == 14 and seed % 2 else log).append(one)
        if random.random() < 0.9 and not (seed % 2 and number % 15 in {13, 14, 0, 1}):
            beat, past = heartbeat(f"{DAY}T13:30", "bars"), opens + random.choice([1, 1, 1, -2, 3]) * M
            log.append({**beat, "ts": opens + M, "ts_through": past, "ts_last": past})
    return log


def outputs(
    log: list[Record], size: int, body: Domain = BODY
) -> tuple[dict[str, list[Record]], dict[bytes, bytes]]:
    """All that a stage puts out by topic, in steps of so many records, and what it saves in the end."""
    stage, found = AnalyticsStage(0), dict[str, list[Record]]()
    stage.step(columns("bars.1m", 0, config(body)))
    for first in range(0, len(log), size):
        made = stage.step(columns("bars.1m", 0, *log[first : first + size], first_offset=1 + first))
        for topic, told in made.topics.items():
            found.setdefault(topic, []).extend(rows_of(told))
    return found, stage.take_dirty()


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 1000), start=st.sampled_from(sorted(STARTS)), size=st.sampled_from([9, 40, 1000]),
    bare=st.booleans(),
)  # fmt: skip
@example(seed=1, start="13:30", size=40, bare=True)
@example(seed=2, start="23:40", size=40, bare=False)
@example(seed=5, start="13:30", size=40, bare=False)
def test_bars_side_by_side_give_what_they_give_one_by_one(seed: int, start: str, size: int, bare: bool):
    log, body = log_of(seed, start), BARE if bare else BODY
    assert outputs(log, size, body) == outputs(log, 1, body)


def test_the_logs_raise_every_signal():
    told = [row["name"] for start in STARTS for row in outputs(log_of(1, start), 40)[0]["signals"]]
    assert set(told) == {signal.name for signal in BODY.signals}


def test_what_changed_a_symbol_otherwise_and_is_not_told_is_found_out(monkeypatch: pytest.MonkeyPatch):
    """What was read of a symbol is forgotten when anything but its next bar comes."""
    log = log_of(1)
    alone, _ = outputs(log, 1)
    monkeypatch.setattr(Single, "forget", lambda _single, _symbol: None)
    together, _ = outputs(log, 40)
    assert {topic for topic in alone if alone[topic] != together[topic]} == {"signals"}


def test_symbols_whose_indicators_stand_still_are_found_out(monkeypatch: pytest.MonkeyPatch):
    log = log_of(1)
    alone, _ = outputs(log, 1)
    monkeypatch.setattr(stages, "move_on", lambda _turn: None)
    together, _ = outputs(log, 40)
    assert {topic for topic in alone if alone[topic] != together[topic]} >= {"indicators", "signals"}
