"""Stored history warms indicators up before their first live value.

::

    history of SPY ──► Config ──► first bar ──► its values are warm
    first bar ──► history of SPY ──► values that changed, published again
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from runtime.kafka import LARGEST_BATCH
from schemas.config import Domain, IndicatorConfig
from schemas.history import HISTORY, MOST, Rows, bars_needed, read, too_long
from schemas.indicators import KINDS
from schemas.topics import DERIVED
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.saved import Saved
from streams.core.analytics.stage import VERSION, AnalyticsStage
from streams.core.analytics.warmup import bars_of
from streams.core.slots import pack
from tests.factories import DAY, Record, at, changed, columns, config, day, domain, rows_of, symbol
from tests.unit.analytics.feed import THREE, Feed, clock, last_rows, minute, only, through
from tests.unit.analytics.library import CASES, chain_of, random_bars

EMA = IndicatorConfig("ema_20", "ema", 20)
BODY = domain(indicators=[EMA])
BEFORE, AFTER = "2024-07-01", "2024-07-03"


def stored(first: int, end: int, date: str = BEFORE) -> Rows:
    """Minutes of a date as they are stored; the price is the number."""
    rows = np.zeros(end - first, HISTORY)
    rows["ts_open"] = [at(clock(n, date)) for n in range(first, end)]
    rows["session_date"] = day(date)
    for name in ("open", "high", "low", "close"):
        rows[name] = np.arange(first, end)
    rows["volume"], rows["notional"] = 1.0, np.nan
    return rows


def history(rows: Rows, interval: str = "1m", name: str = "SPY") -> Record:
    return {
        "record": "History", "symbol": name, "interval": interval, "ts_event": int(rows["ts_open"][-1]),
        "bars": rows.tobytes(),
    }  # fmt: skip


def emas(feed: Feed) -> list[float | None]:
    rows = last_rows(only(feed.out.get("indicators", []), interval="1m"))
    return [row["values"].get("ema_20") for _, row in sorted(rows.items())]


def warm_value(*prices: float) -> float:
    value = float(np.mean(prices[:20]))
    for price in prices[20:]:
        value += (price - value) * 2 / 21
    return value


def test_the_first_live_value_is_warm():
    feed = Feed(BODY)
    feed(history(stored(300, 390)), minute(0, 400.0))
    assert emas(feed) == [pytest.approx(warm_value(*map(float, range(300, 390)), 400.0), rel=1e-12)]
    assert emas(Feed(BODY)) == []
    cold = Feed(BODY)
    cold(minute(0, 400.0))
    assert emas(cold) == [None]


def test_history_comes_before_the_configuration_that_names_its_symbol():
    feed = Feed()
    feed(history(stored(300, 390)), history(stored(0, 50), name="MSFT"), config(BODY), minute(0, 400.0))
    assert emas(feed) == [pytest.approx(warm_value(*map(float, range(300, 390)), 400.0), rel=1e-12)]


OLD, NEW = domain(indicators=[THREE[0]]), changed(BODY, indicators=[THREE[0], EMA])


def last_values(feed: Feed) -> dict[str, float]:
    values: dict[str, float] = only(feed.out["indicators"], interval="1m")[-1]["values"]
    return values


def test_a_new_indicator_is_warm_where_the_others_keep_what_they_have():
    feed = Feed(OLD)
    feed(*(minute(n, 500.0, day=BEFORE) for n in range(3)), minute(0, 600.0), minute(0, 400.0, day=AFTER))
    before = last_values(feed)
    feed(history(stored(300, 390)), config(NEW), minute(1, 401.0, day=AFTER))
    prices = [*map(float, range(300, 390)), 600.0, 400.0, 401.0]
    assert last_values(feed)["ema_20"] == pytest.approx(warm_value(*prices), rel=1e-12)
    assert last_values(feed)["ema_3"] == (before["ema_3"] + 401.0) / 2


def test_history_waits_for_the_configuration_after_it_through_the_bars_between():
    feed = Feed(OLD)
    feed(history(stored(300, 390)), minute(0, 400.0), config(NEW), minute(1, 401.0))
    assert last_values(feed)["ema_20"] == pytest.approx(warm_value(*map(float, range(300, 390)), 400, 401.0))


def test_history_whose_configuration_does_not_come_goes_with_the_trade_date():
    feed = Feed(OLD)
    feed(minute(0, 400.0, day=BEFORE), history(stored(300, 390, "2024-06-28")))
    held = len(feed.stage.take_dirty()[b"SPY"])
    feed(minute(0, 400.0))
    assert held - len(feed.stage.take_dirty()[b"SPY"]) > 80 * HISTORY.itemsize
    feed(config(NEW), minute(1, 401.0))
    assert "ema_20" not in last_values(feed)


def test_history_goes_when_the_configuration_after_it_has_used_it():
    feed = Feed(OLD)
    feed(minute(0, 400.0), history(stored(300, 390)), config(NEW), minute(1, 401.0))
    assert len(feed.stage.take_dirty()[b"SPY"]) < 80 * HISTORY.itemsize


def test_history_in_a_state_of_before_is_used_at_the_first_bar():
    starts = {(60_000_000_000, "history"): stored(300, 390).tobytes()}
    feed = Feed(BODY)
    saved = feed.stage.take_dirty() | {b"SPY": pack(VERSION, 0, Saved(0, starts=starts).to_bytes())}
    feed.stage.restore(saved)
    feed(minute(0, 400.0))
    assert emas(feed) == [pytest.approx(warm_value(*map(float, range(300, 390)), 400.0), rel=1e-12)]
    assert b"history" not in feed.stage.take_dirty()[b"SPY"]


def test_history_that_comes_after_the_first_bars_revises_their_values():
    feed = Feed(BODY)
    feed(minute(0, 400.0), minute(1, 401.0))
    found = feed(history(stored(300, 390)))
    assert [row["revision"] for row in only(found["indicators"], interval="1m")] == [1, 1]
    prices = [*map(float, range(300, 390)), 400.0]
    assert emas(feed) == [pytest.approx(warm_value(*prices)), pytest.approx(warm_value(*prices, 401.0))]


def test_stored_bars_that_the_log_has_too_count_once():
    feed = Feed(BODY)
    feed(minute(100, 100.0))
    feed(history(stored(50, 200, "2024-07-02")))
    assert emas(feed) == [pytest.approx(warm_value(*map(float, range(50, 101))), rel=1e-12)]


def test_an_indicator_that_has_seen_more_keeps_it():
    feed = Feed(BODY)
    dates = (BEFORE, "2024-07-02", "2024-07-03")
    for date in dates:
        feed(*(minute(n, float(n), day=date) for n in range(30)))
    assert feed(history(stored(300, 390, "2024-06-28"))) == {}


def test_derived_intervals_have_history_of_their_own():
    rows = stored(0, 78)
    rows["ts_open"] = [at(clock(5 * n, BEFORE)) for n in range(78)]
    feed = Feed(BODY)
    feed(history(rows, "5m"), *(minute(n, 100.0) for n in range(5)))
    found = only(feed.out["indicators"], interval="5m")
    assert found[0]["values"]["ema_20"] == pytest.approx(warm_value(*map(float, range(78)), 100.0), rel=1e-12)


def test_a_window_of_a_function_reaches_into_history():
    feed = Feed(domain(indicators=[IndicatorConfig("mid", "midpoint", 50, ["1m"], window=60)]))
    feed(history(stored(300, 390)), minute(0, 400.0), through(2), through(3, final=True))
    rows = last_rows(only(feed.out["indicators"], interval="1m"))
    assert [row["values"] for row in rows.values()] == [{"mid": (400.0 + 341.0) / 2}]


@pytest.mark.parametrize("data", [b"", b"x" * 63, stored(0, 9)[::-1].tobytes(), b"\0" * 64 * (MOST + 1)])
def test_history_that_is_none_is_a_dead_letter(data: bytes):
    feed = Feed(BODY)
    others = [{**history(stored(0, 9)), "interval": name} for name in ("soon", "7m")]
    found = feed({**history(stored(0, 9)), "bars": data}, *others)
    assert [row["code"] for row in found["dead-letters"]] == ["V01", "V01", "V01"]
    assert read(data) is None


TWO = changed(changed(BODY), symbols=[symbol("SPY"), symbol("AIG")])
LATER = changed(TWO, indicators=[EMA, IndicatorConfig("rsi_9", "rsi", 9)])
LOG = [
    history(stored(300, 390)), history(stored(0, 40), name="AIG"), history(stored(0, 9), name="GONE"),
    config(domain(symbol("SPY"), indicators=[THREE[0]])), minute(3, 7.0), minute(0, 9.0, symbol="AIG"),
    config(TWO), through(4), minute(4, 8.0),
    minute(0, 9.0, symbol="AIG"), history(stored(5, 100), name="AIG"), through(6), minute(5, 8.0),
    history(stored(200, 390)), minute(6, 9.0), through(8), config(LATER), minute(7, 8.5),
    minute(1, 9.0, symbol="AIG"),
]  # fmt: skip


@pytest.mark.parametrize("cut", range(1, len(LOG)))
def test_cut_and_taken_up_anywhere_warm_values_are_the_same(cut: int):
    whole = Feed()
    whole(*LOG)
    feed, saved = Feed(), dict[bytes, bytes]()
    out: dict[str, list[Record]] = {}
    for first, end in pairwise([0, cut, cut + 1, len(LOG)]):
        feed.stage = AnalyticsStage(0)
        feed.stage.restore(saved)
        batch = columns("bars.1m", 0, *LOG[first:end], first_offset=first)
        for topic, found in (feed.stage.step(batch).topics if end > first else {}).items():
            out.setdefault(topic, []).extend(rows_of(found))
        saved |= feed.stage.take_dirty()
    assert out == whole.out


def values_after(length: int, case: IndicatorConfig) -> tuple[Sequence[float], Sequence[float]]:
    chain = chain_of(random_bars(length), case)
    return chain.values[:, -1].tolist(), chain.unseen[:, -1].tolist()


LONG = [
    IndicatorConfig("rsi_200", "rsi", 200), IndicatorConfig("rsi_10000", "rsi", 10_000),
    IndicatorConfig("adx_120", "adx", 120), IndicatorConfig("adx_10000", "adx", 10_000),
    IndicatorConfig("sma_2500", "sma", 2_500), IndicatorConfig("ema_10000", "ema", 10_000),
    IndicatorConfig("keltner_3000", "keltner", 3_000),
    IndicatorConfig("macd", "macd", parameters={"fast": 12, "slow": 9_000, "signal": 10_000}),
    IndicatorConfig("stochastic_2500", "stochastic", 2_500),
]  # fmt: skip
REMEMBER = [one for one in LONG if one.kind in ("adx", "atr", "ema", "keltner", "macd", "rsi")]


@pytest.mark.parametrize("case", [*(one for one in CASES if one.kind not in ("vwap", "obv")), *LONG], ids=str)
def test_the_bars_said_to_be_needed_make_an_indicator_converge(case: IndicatorConfig):
    values, unseen = values_after(bars_needed(case), case)
    assert max(unseen) < CONVERGED
    assert np.isfinite(values).all()


@pytest.mark.parametrize("case", REMEMBER, ids=str)
def test_far_fewer_bars_than_are_said_to_be_needed_do_not(case: IndicatorConfig):
    assert max(values_after(int(0.7 * bars_needed(case)), case)[1]) > CONVERGED


def test_a_domain_says_how_many_bars_it_needs():
    assert isinstance(BODY, Domain)
    assert {one.name: bars_needed(one) for one in (EMA, THREE[2])} == {"ema_20": 167, "vwap": 1_441}


def random_history(count: int) -> Rows:
    """Minutes of many days before the first live one."""
    rows, random = np.zeros(count, HISTORY), random_bars(count)
    for name in HISTORY.names or ():
        rows[name] = random[name]
    rows["ts_open"] = at(clock(0)) - np.arange(count, 0, -1) * 60_000_000_000
    rows["session_date"] = day(BEFORE) - np.arange(count, 0, -1) // 390
    return rows


@pytest.mark.parametrize("case", [LONG[0], LONG[2], LONG[4]], ids=str)
def test_a_long_indicator_is_warm_at_the_first_live_bar(case: IndicatorConfig):
    rows = random_history(bars_needed(case))
    feed = Feed(domain(indicators=[case]))
    feed(history(rows), minute(0, 101.0))
    first = only(feed.out["indicators"], interval="1m")[0]
    chain = chain_of(bars_of(np.append(rows, stored_minute(101.0))), case)
    assert first["converged"] == list(chain.names)
    assert list(first["values"].values()) == chain.values[:, -1].tolist()


def stored_minute(price: float) -> Rows:
    """The first live minute as it would be stored."""
    row = stored(0, 1, DAY)
    for name in ("open", "high", "low", "close"):
        row[name] = price
    return row


def test_the_longest_history_of_all_intervals_of_a_symbol_fits_a_saved_state():
    rows, feed = random_history(MOST), Feed()
    feed(*(history(rows, interval) for interval in ("1m", *DERIVED)))
    size = len(feed.stage.take_dirty()[b"SPY"])
    assert 6 * MOST * HISTORY.itemsize < size < LARGEST_BATCH - (4 << 20)


def test_an_indicator_that_warm_up_is_too_short_for_is_told():
    least = {
        "length": 10_000,
        "fast": 10_000,
        "slow": 10_000,
        "signal": 10_000,
        "smooth": 10_000,
        "factor": 1.0,
    }
    longest = [
        IndicatorConfig(kind, kind, 10_000, parameters={
            one.name: least[one.name] for one in KINDS[kind].parameters if one.name != "length"
        })
        for kind in KINDS
    ]  # fmt: skip
    (line,) = too_long(longest)
    assert line.startswith("adx must need at most 150,000 bars to be warmed up, was 199,")
