"""The fold does not show the order in which prints came; a fold that does is found out."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.ticks.stage import TicksStage
from tests.factories import Record, at, columns, config, domain, heartbeat, rows_of, tick

OPEN = at("2024-07-02T13:30")
S = 1_000_000_000
Bars = dict[int, Record]
Fold = Callable[[list[Record]], Bars]

EXACT = ("open", "high", "low", "close", "trades", "ts_first", "ts_last", "flags")
SUMMED = ("volume", "notional")


def some_prints(seed: int, count: int) -> list[Record]:
    """Prints of three minutes, many at the same time and with the same seq."""
    pick = Random(seed)
    found = []
    for number in range(count):
        ts = OPEN + pick.choice([0, 1, 59 * S, 60 * S, 61 * S, pick.randrange(180 * S)])
        price, size = 100 + pick.randrange(200) / 7, pick.randrange(1, 1000) / 3
        same = {"ts_event": ts, "ts_recv": ts, "seq": pick.choice([None, number % 5])}
        found.append({**tick("2024-07-02", price, size), **same, "trade_id": f"t{number}"})
    return found


def by_the_stage(prints: list[Record]) -> Bars:
    """The newest revision of each minute."""
    log = [config(domain()), heartbeat("2024-07-02T13:29"), *prints, heartbeat("2024-07-02T13:40")]
    found = TicksStage(0).step(columns("ticks.raw", 0, *log))
    assert found.counts["out"] == len(prints)
    return {bar["ts_open"]: bar for bar in rows_of(found.topics["bars.raw"], "Bar")}


def by_arrival(prints: list[Record]) -> Bars:
    """What a fold would give that takes the first to come as the open and the last as the close."""
    bars: Bars = {}
    for one in prints:
        ts_open = one["ts_event"] // (60 * S) * 60 * S
        bar = bars.setdefault(ts_open, {"open": one["price"], "trades": 0, "volume": 0.0, "flags": 0})
        bar["close"] = one["price"]
        bar["high"] = max(bar.get("high", one["price"]), one["price"])
        bar["low"] = min(bar.get("low", one["price"]), one["price"])
        bar["trades"] += 1
        bar["volume"] += one["size"]
        bar["notional"] = bar.get("notional", 0.0) + one["price"] * one["size"]
        bar["ts_first"] = min(bar.get("ts_first", one["ts_event"]), one["ts_event"])
        bar["ts_last"] = max(bar.get("ts_last", one["ts_event"]), one["ts_event"])
    return bars


def assert_order_does_not_show(fold: Fold, seed: int, count: int) -> None:
    prints = some_prints(seed, count)
    shuffled = prints.copy()
    Random(seed + 1).shuffle(shuffled)
    one, other = fold(prints), fold(shuffled)
    assert one.keys() == other.keys()
    for ts_open, bar in one.items():
        assert {name: bar[name] for name in EXACT} == {name: other[ts_open][name] for name in EXACT}
        for name in SUMMED:
            assert bar[name] == pytest.approx(other[ts_open][name], rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 60))
def test_any_order_of_the_same_admitted_prints_gives_the_same_bars(seed: int, count: int):
    assert_order_does_not_show(by_the_stage, seed, count)


def test_a_fold_by_arrival_is_found_out():
    with pytest.raises(AssertionError):
        assert_order_does_not_show(by_arrival, 1, 30)


def test_of_prints_at_one_time_the_seq_then_the_price_decides():
    ts = "2024-07-02T13:30:01"
    for one, other in ((7.0, 8.0), (8.0, 7.0)):
        prints = [tick(ts, one, seq=2, trade_id="a"), tick(ts, other, seq=1, trade_id="b")]
        (bar,) = by_the_stage(prints).values()
        assert (bar["open"], bar["close"]) == (other, one)
        (bar,) = by_the_stage([tick(ts, one), tick(ts, other)]).values()
        assert (bar["open"], bar["close"]) == (7.0, 8.0)


def test_the_sums_of_one_log_are_the_same_bytes_every_time():
    prints = some_prints(3, 60)
    assert by_the_stage(prints) == by_the_stage(prints)
