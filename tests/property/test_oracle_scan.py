"""The scanner says what a slow reading of its law says, record by record.

A generated log has two short trade dates of three symbols: real, flat and missing minutes with their causes,
revisions and late minutes, and heartbeats that promise more or less, so that values go stale.
"""

import json
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.config import Domain, IndicatorConfig, SignalConfig
from schemas.rules import AssetRules
from streams.core.analytics.stage import AnalyticsStage
from tests.factories import (
    Record,
    at,
    bar,
    calendar_rows,
    columns,
    config,
    day,
    domain,
    heartbeat,
    symbol,
)
from tests.oracle.reading import Ended, through
from tests.oracle.scan import Scan
from tests.property.minutes_made import a_minute

M = 60_000_000_000
DAYS = ("2024-07-01", "2024-07-02")
HOURS = ("13:30-13:40", "13:50-13:57")
OPENS = [
    (text, at(f"{text}T{start}") + number * M)
    for text in DAYS
    for start, count in (("13:30", 10), ("13:50", 7))
    for number in range(count)
]
CONDITIONS = (
    "close > 10",
    "close < ema_3 and rsi_4@1m < 60",
    "close@5m > ema_3@1m or close@15m <= 9.7",
    "not (close@5m < 10) and quality > 60",
    "quality <= 80 or flat",
    "close crosses above ema_3",
    "ema_3@5m crosses below close",
    "close crosses above ema_3@5m",
    "quality crosses below 90",
    "change(close, 2) > 1",
    "change(close@5m, 1) < 0 and not complete@5m",
    "change(close@1d, 1) != 0",
    "abs(change(ema_3, 1)) >= 0.5 and volume > 1",
    "9 < low <= close < high",
    "max(open, close) - min(open, close) == high - low",
    "notional / volume > 9.5 or trades >= 2",
    "-(open - close) * 2 + 1 > volume@5m / 10",
    "partial or low_coverage@5m",
    "coverage@5m < 1 and actual@5m >= 1 and filled@5m < expected@5m",
    "vwap@5m < close and vwap > 0",
    "change(close, 1) crosses above 0",
)
RANKED = (
    "rank(close) <= 1",
    "rank(volume@5m) == 2 and close > 9",
    "percentile(change(close, 1)) >= 50",
    "rank(close) < 3 and close crosses above ema_3",
    "not rank(ema_3) <= 1 or quality < 50",
)
INDICATORS = [
    IndicatorConfig("ema_3", "ema", 3), IndicatorConfig("rsi_4", "rsi", 4), IndicatorConfig("vwap", "vwap"),
]  # fmt: skip


def body(pick: Random) -> Domain:
    """A configuration of some conditions."""
    chosen = [*pick.sample(CONDITIONS, 5), *pick.sample(RANKED, 2)]
    signals = [
        SignalConfig(
            f"s{number}", when, pick.choice(["1m", "1m", "5m"]), pick.choice([0, 60_000, 180_000]),
            pick.choice([[], [], ["SPY"], ["SPY", "QQQ"]]),
        )
        for number, when in enumerate(chosen)
    ]  # fmt: skip
    return domain(
        symbol("SPY"), symbol("AIG"), symbol("QQQ"), partitions=1,
        calendars={"XNYS": calendar_rows(days=DAYS, hours=HOURS)},
        intervals=["5m", "15m", "1d"], indicators=INDICATORS, signals=signals,
        assets={"equity": AssetRules(disorder_ms=pick.choice([0, 2_000]))},
        expiry_ms=pick.choice([0, 2_000, 2_000, 90_000]),
    )  # fmt: skip


def a_bar(pick: Random, name: str, text: str, ts: int, fill: str, revision: int) -> Record:
    low = pick.choice([9.0, 9.7, 10.1])
    high = low + pick.choice([0.0, 0.3, 1.1])
    made = bar("2024-07-01T13:30", pick.choice([low, high]), high, low, pick.choice([low, high]), symbol=name)
    volume = pick.choice([0.0, 1.5, 20.0])
    made |= {"ts_open": ts, "ts_close": ts + M, "session_date": day(text), "revision": revision}
    made |= {
        "fill": fill,
        "volume": volume,
        "trades": pick.choice([None, 2]),
        "flags": pick.choice([0, 0, 2]),
    }
    made |= {"notional": pick.choice([None, volume * low])}
    if fill == "flat":
        made |= {
            "open": low,
            "high": low,
            "close": low,
            "volume": 0.0,
            "notional": 0.0,
            "actual": 0,
            "filled": 1,
        }
    return made


def made(seed: int, length: int) -> list[Record]:
    """A log of so many minutes of the two dates."""
    pick, revisions = Random(seed), dict[Any, int]()
    log = [config(body(pick))]
    for number, (text, ts) in enumerate(OPENS[:length]):
        for name in ("SPY", "AIG", "QQQ"):
            log += a_minute(pick, a_bar, name, text, ts, revisions, reals=6)
            if pick.random() < 0.15:
                log += a_minute(
                    pick, a_bar, name, *OPENS[pick.randint(max(0, number - 8), number)], revisions, reals=6
                )
        if pick.random() < 0.6:
            promised = ts + M + pick.choice([0, 0, 0, -1, -4 * M, 3_000_000_000, M])
            beat = heartbeat("2024-07-01T13:30", "bars")
            log.append({**beat, "ts": ts + M + number, "ts_through": promised, "ts_last": promised})
    return log


def changing(seed: int, length: int) -> list[Record]:
    """The same with other conditions half-way, of which some stay, and another expiry."""
    log, pick = made(seed, length), Random(seed + 1)
    before, after = body(Random(seed)), body(pick)
    signals = [*before.signals[: pick.randint(0, 5)], *(rename(one) for one in after.signals)]
    other = msgspec.structs.replace(before, version=2, signals=signals, expiry_ms=after.expiry_ms)
    log.insert(len(log) // 2, config(other))
    return log


def rename(signal: SignalConfig) -> SignalConfig:
    return msgspec.structs.replace(signal, name=f"later.{signal.name}")


modest = settings(max_examples=20, phases=[Phase.explicit, Phase.generate])  # a seed cannot be shrunk
logs = st.builds(made, st.integers(0, 1 << 32), st.integers(8, len(OPENS)))
changes = st.builds(changing, st.integers(0, 1 << 32), st.integers(8, len(OPENS)))
cuts = st.lists(st.integers(0, 200), max_size=4)

Signal = tuple[Any, ...]
Items = list[tuple[bytes, bytes]]


def said(ended: Ended) -> list[Signal]:
    """Signals as they went out; values to 9 digits."""
    return [
        (
            row["symbol"], row["name"], row["ts_event"], row["revision"], row["ts_expires"],
            {name: rounded(value) for name, value in json.loads(row["values"])},
        )
        for row in ended.of("signals", "Signal")
    ]  # fmt: skip


def wanted(log: list[Record]) -> tuple[list[Signal], int]:
    oracle = Scan().read(log)
    return [
        (*row[:5], {name: rounded(value) for name, value in row[5].items()}) for row in oracle.signals
    ], oracle.swallowed


def rounded(value: float) -> float:
    return float(f"{value:.9g}") if abs(value) > 1e-9 else 0.0


@given(logs, cuts)
@settings(parent=modest, max_examples=25)
def test_the_signals_are_those_of_the_oracle(log: list[Record], borders: list[int]):
    ended = through(AnalyticsStage(0), "bars.1m", log, borders)
    signals, swallowed = wanted(log)
    assert in_order(said(ended)) == in_order(signals)
    assert ended.counts["signals"] == len(signals)
    assert ended.counts["debounced"] == swallowed


def in_order(signals: list[Signal]) -> dict[tuple[Any, ...], list[Signal]]:
    """By symbol and name in the order they went out."""
    found: dict[tuple[Any, ...], list[Signal]] = {}
    for row in signals:
        found.setdefault(row[:2], []).append(row)
    return dict(sorted(found.items()))


def test_the_logs_raise_enough_signals_of_every_condition_for_the_comparison_to_fail():
    fired: dict[str, int] = {}
    for seed in range(40):
        log = made(seed, len(OPENS))
        ended = through(AnalyticsStage(0), "bars.1m", log)
        names = {one.name: one.when for one in body(Random(seed)).signals}
        for row in said(ended):
            fired[names[row[1]]] = fired.get(names[row[1]], 0) + 1
    assert set(fired) == {*CONDITIONS, *RANKED}
    assert sum(fired.values()) > 1_000


def step(stage: AnalyticsStage, log: list[Record], first: int) -> list[Signal]:
    """Signals of a part of a log that begins at an offset."""
    ended = Ended()
    if log:
        outputs = stage.step(columns("bars.1m", 0, *log, first_offset=first))
        ended.take(outputs.topics, outputs.counts)
    return [(*row[:5], *sorted(row[5].items())) for row in said(ended)]


def killed(log: list[Record], first: int, second: int, kept: Callable[[Items], Items]) -> list[Signal]:
    """Everything said when a checkpoint at ``first`` is whole, and of one at ``second`` only a part is."""
    stage = AnalyticsStage(0)
    found = step(stage, log[:first], 0)
    saved = stage.take_dirty()
    found += step(stage, log[first:second], first)
    states = {**saved, **dict(kept(list(stage.take_dirty().items())))}
    restored = AnalyticsStage(0)
    restored.restore(states)
    return found + step(restored, log[first:], first)


@given(changes, st.lists(st.integers(1, 110), min_size=2, max_size=2, unique=True), st.integers(0, 9))
@modest
def test_a_kill_between_any_two_writes_of_a_checkpoint_changes_no_signal(
    log: list[Record], borders: list[int], written: int
):
    first, second = (min(border, len(log)) for border in sorted(borders))
    whole = step(AnalyticsStage(0), log, 0)
    found = killed(log, first, second, lambda states: states[:written])
    assert list(dict.fromkeys(found)) == whole


def test_a_kill_changes_signals_when_edges_are_saved_behind_the_bars():
    different = 0
    for seed in range(30):
        log = made(seed, len(OPENS))
        whole = step(AnalyticsStage(0), log, 0)
        found = killed(log, 20, 50, lambda states: [one for one in states if not one[0].endswith(b"|scan")])
        different += list(dict.fromkeys(found)) != whole
    assert different > 0


@given(changes, cuts)
@modest
def test_saved_and_restored_anywhere_it_says_the_same(log: list[Record], borders: list[int]):
    whole = step(AnalyticsStage(0), log, 0)
    stage, found, states = AnalyticsStage(0), [], {}
    for start, end in pairwise(sorted({0, len(log), *(min(cut, len(log)) for cut in borders)})):
        found += step(stage, log[start:end], start)
        states |= stage.take_dirty()
        stage = AnalyticsStage(0)
        stage.restore(states)
    assert found == whole
