"""Each indicator against pandas-ta-classic on the same bars, and its rules one by one."""

import warnings

import numpy as np
import pandas as pd
import pytest

from streams.core.analytics.indicators import INDICATORS
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.rows import BAR, Floats, Rows
from tests.factories import DAY, at, changed, config, domain
from tests.unit.analytics.feed import THREE, Feed, flat, minute, only, through

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pandas-ta-classic uses what pandas has deprecated
    import pandas_ta_classic as ta

SCALES = [1.0, 1e-12, 1e12]


def bars_of(count: int, scale: float = 1.0, seed: int = 7) -> Rows:
    """A random walk with some volume missing."""
    rng = np.random.default_rng(seed)
    bars = np.zeros(count, BAR)
    close = (100.0 + np.cumsum(rng.normal(size=count))) * scale
    bars["close"], bars["open"] = close, close
    bars["high"], bars["low"] = close * 1.01, close * 0.98
    bars["volume"] = rng.integers(0, 4, count) * 1.5
    bars["notional"] = np.nan
    bars["session_date"] = np.arange(count) // 100
    bars["ts_open"] = bars["session_date"] * 86_400_000_000_000 + np.arange(count) % 100 * 60_000_000_000
    bars["starts"] = np.arange(count) % 100 == 0
    return bars


def computed(kind: str, bars: Rows, length: int = 0) -> tuple[Floats, Floats]:
    """Values and unseen weights of all bars."""
    states = np.zeros(len(bars) + 1, INDICATORS[kind].state)
    values, unseen = np.empty(len(bars)), np.empty(len(bars))
    INDICATORS[kind].advance(states, bars, 0, len(bars), length, values, unseen)
    return values, unseen


def by_the_library(kind: str, bars: Rows, length: int) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        frame = pd.DataFrame({name: bars[name] for name in ("high", "low", "close", "volume")})
        frame.index = pd.to_datetime(bars["ts_open"])
        if kind == "ema":
            return ta.ema(frame.close, length, talib=False).to_numpy()
        if kind == "rsi":
            return ta.rsi(frame.close, length, talib=False).to_numpy()
        return ta.vwap(frame.high, frame.low, frame.close, frame.volume, anchor="D").to_numpy()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("kind", "length"), [("ema", 2), ("ema", 20), ("rsi", 2), ("rsi", 14), ("vwap", 0)])
def test_an_indicator_is_that_of_the_library_from_its_first_value_on(kind: str, length: int, scale: float):
    bars = bars_of(1_000, scale)
    ours, theirs = computed(kind, bars, length)[0], by_the_library(kind, bars, length)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.nanmax(np.abs(ours / theirs - 1.0)) < 1e-9
    assert np.count_nonzero(~np.isnan(ours)) > 900


def test_the_comparison_sees_a_wrong_length():
    bars = bars_of(1_000)
    ours, theirs = computed("ema", bars, 21)[0], by_the_library("ema", bars, 20)
    assert np.nanmax(np.abs(ours / theirs - 1.0)) > 1e-6


@pytest.mark.parametrize(
    ("kind", "length", "first"), [("ema", 5, 4), ("ema", 1, 0), ("rsi", 5, 5), ("rsi", 1, 1)]
)
def test_the_first_value_comes_after_the_warm_up(kind: str, length: int, first: int):
    assert int(np.flatnonzero(~np.isnan(computed(kind, bars_of(50), length)[0]))[0]) == first


def test_flat_prices_have_an_ema_but_no_rsi():
    bars = bars_of(30)
    bars["close"] = 5.0
    assert computed("ema", bars, 3)[0][-1] == 5.0
    assert np.isnan(computed("rsi", bars, 3)[0]).all()


def test_vwap_sums_the_notional_where_there_is_one():
    bars = bars_of(4)
    bars["volume"], bars["notional"] = 2.0, [10.0, 20.0, np.nan, 0.0]
    bars["high"] = bars["low"] = bars["close"] = 7.0
    assert computed("vwap", bars)[0].tolist() == [5.0, 7.5, 44.0 / 6.0, 44.0 / 8.0]


def test_vwap_has_no_value_while_there_is_no_volume():
    bars = bars_of(3)
    bars["volume"] = [0.0, 0.0, 1.0]
    assert np.isnan(computed("vwap", bars)[0]).tolist() == [True, True, False]


@pytest.mark.parametrize(("kind", "length"), [("ema", 10), ("rsi", 10)])
def test_a_converged_value_hardly_depends_on_history_that_was_not_seen(kind: str, length: int):
    bars = bars_of(1_000)
    long, (short, unseen) = computed(kind, bars, length)[0], computed(kind, bars[300:].copy(), length)
    converged = unseen < CONVERGED
    span = np.ptp(bars["close"]) if kind == "ema" else 100.0
    off = np.abs(short - long[300:]) / span
    assert converged.any()
    assert np.max(off[converged]) < 1e-5
    assert np.nanmax(off[~converged]) > 1e-5


def test_vwap_has_converged_when_its_session_was_seen_from_its_start():
    bars = bars_of(300)
    assert (computed("vwap", bars[50:].copy())[1] < CONVERGED).tolist() == [False] * 50 + [True] * 200
    bars["starts"] = 0
    assert (computed("vwap", bars)[1] < CONVERGED).tolist()[99:102] == [False, True, True]


def test_peek_shows_the_next_value_and_advances_nothing():
    bars = bars_of(40)
    for kind, indicator in INDICATORS.items():
        states = np.zeros(41, indicator.state)
        values, unseen = np.empty(40), np.empty(40)
        indicator.advance(states, bars, 0, 40, 5, values, unseen)
        before = states.tobytes()
        assert indicator.peek(states[39:40], bars[39:40], 5) == values[39], kind
        assert states.tobytes() == before


@pytest.mark.parametrize("cut", [0, 1, 13, 199])
def test_a_state_taken_up_goes_on_with_the_same_values(cut: int):
    bars = bars_of(200)
    for kind, indicator in INDICATORS.items():
        whole, _ = computed(kind, bars, 7)
        states = np.zeros(201, indicator.state)
        values, unseen = np.empty(200), np.empty(200)
        indicator.advance(states, bars, 0, cut, 7, values, unseen)
        later = np.frombuffer(states.tobytes(), indicator.state).copy()
        indicator.advance(later, bars, cut, 200, 7, values, unseen)
        assert np.array_equal(values, whole, equal_nan=True)


def test_one_record_holds_all_values_that_are_ready():
    feed = Feed(domain(indicators=list(THREE)))
    found = only(feed(*(minute(n, float(n * n % 5)) for n in range(4)))["indicators"], interval="1m")
    assert [sorted(row["values"]) for row in found] == [
        ["vwap"], ["vwap"], ["ema_3", "vwap"], ["ema_3", "rsi_3", "vwap"],
    ]  # fmt: skip
    assert [row["converged"] for row in found] == [["vwap"]] * 4


def test_flat_bars_advance_an_indicator():
    feed = Feed(domain(indicators=[THREE[0]]))
    found = feed(minute(0, 3.0), minute(1, 6.0), flat(2, 6.0))["indicators"]
    assert found[-1]["values"] == {"ema_3": 5.0}


def test_an_indicator_is_computed_on_its_intervals_only():
    indicators = [type(THREE[0])("ema_3", "ema", 3, ["5m"])]
    feed = Feed(domain(indicators=indicators))
    found = feed(*(minute(n) for n in range(5)))
    assert [row["interval"] for row in found["indicators"]] == ["5m"]
    assert [row["interval"] for row in found["ready"]] == ["1m"] * 5 + ["5m"]


def test_a_value_expires_two_seconds_and_the_disorder_after_the_next_bar():
    feed = Feed(domain(indicators=list(THREE)))
    feed(*(minute(n) for n in range(390)))
    expires = {(row["interval"], row["ts_open"]): row["ts_expires"] for row in feed.out["indicators"]}
    assert expires["1m", at(f"{DAY}T13:30")] == at(f"{DAY}T13:32:02")
    assert expires["1m", at(f"{DAY}T19:59")] == at("2024-07-03T13:31:02")
    assert expires["1h", at(f"{DAY}T18:30")] == at(f"{DAY}T20:00:02")
    assert expires["1d", at(f"{DAY}T13:30")] == at("2024-07-03T20:00:02")


def test_past_the_horizon_a_value_lives_as_long_as_its_bar():
    feed = Feed(domain(indicators=list(THREE)))
    feed(minute(389, day="2024-07-03"))
    assert feed.out["indicators"][0]["ts_expires"] == at("2024-07-03T20:01:02")


def test_an_indicator_added_later_is_computed_from_the_bars_that_are_kept():
    before = domain(indicators=[THREE[2]])
    feed = Feed(before)
    feed(*(minute(n, float(n)) for n in range(5)))
    feed(config(changed(before, indicators=list(THREE))), through(1))
    found = only(feed(minute(5, 5.0))["indicators"], interval="1m")
    assert [row["values"]["ema_3"] for row in found] == [4.0]
