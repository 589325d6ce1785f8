"""Each indicator against pandas-ta-classic on the same bars, and its rules one by one."""

import msgspec
import numpy as np
import pytest

from schemas.config import IndicatorConfig, encode
from schemas.indicators import KINDS
from streams.core.analytics.indicators.indicator import CONVERGED
from tests.factories import DAY, at, changed, config, domain
from tests.unit.analytics.feed import THREE, Feed, flat, minute, only, through
from tests.unit.analytics.library import CASES, by_the_library, chain_of, compared, off, random_bars
from tests.unit.analytics.series import MADE, SCALES, differs_by_a_grain, made, present


@pytest.mark.parametrize("series", MADE)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_indicator_is_that_of_the_library_from_its_first_value_on(case: IndicatorConfig, series: str):
    for scale in SCALES:
        bars = made(series, scale)
        if differs_by_a_grain(case, bars, scale):
            continue
        ours, theirs = chain_of(bars, case).values, by_the_library(case, present(bars))
        assert compared(ours[:, bars["revision"] >= 0], theirs, case, scale) < 1e-9, scale


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nearly_all_of_a_thousand_bars_have_their_values(case: IndicatorConfig):
    assert np.isfinite(chain_of(made("random"), case).values).sum(axis=1).min() > 900


def test_after_a_single_bar_those_without_a_warm_up_have_their_value():
    bars = random_bars(1)
    ready = {case.name for case in CASES if np.isfinite(chain_of(bars, case).values).all()}
    assert ready == {"donchian_1", "ema_1", "sma_1", "obv", "vwap"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bars_that_are_missing_are_passed_over(case: IndicatorConfig):
    bars = random_bars(300)
    bars["revision"][np.random.default_rng(2).random(300) < 0.2] = -1
    there = bars["revision"] >= 0
    gapless = bars[there]
    assert np.array_equal(
        chain_of(bars, case).values[:, there], chain_of(gapless, case).values, equal_nan=True
    )
    assert np.isnan(chain_of(bars, case).values[:, ~there]).all()


def test_the_comparison_sees_a_wrong_length():
    bars = random_bars(1_000)
    case = IndicatorConfig("ema_20", "ema", 20)
    ours = chain_of(bars, IndicatorConfig("ema_21", "ema", 21)).values
    assert off(ours[:, 21:], by_the_library(case, bars)[:, 21:], case, 1.0) > 1e-6


def test_every_kind_is_compared():
    assert {case.kind for case in CASES} == set(KINDS)


@pytest.mark.parametrize("case", [case for case in CASES if case.kind not in ("vwap", "obv")], ids=str)
def test_a_converged_value_hardly_depends_on_history_that_was_not_seen(case: IndicatorConfig):
    bars = random_bars(1_500)
    whole, part = chain_of(bars, case).values[:, 700:], chain_of(bars[700:].copy(), case)
    known = np.isfinite(part.values) & np.isfinite(whole)
    converged = known & (part.unseen < CONVERGED)
    span = np.nanmax(np.abs(whole))
    assert converged[:, -1].all()
    assert np.max(np.abs(part.values - whole)[converged]) < 1e-5 * span


def test_the_level_of_on_balance_volume_never_converges():
    assert np.all(chain_of(random_bars(300), IndicatorConfig("obv", "obv")).unseen == 1.0)


def test_several_parameter_sets_stand_side_by_side():
    bars = random_bars(300)
    both = chain_of(bars, *CASES)
    alone = np.concatenate([chain_of(bars, case).values for case in CASES])
    assert np.array_equal(both.values, alone, equal_nan=True)
    assert both.names == tuple(name for case in CASES for name in chain_of(bars, case).names)


def test_vwap_sums_the_notional_where_there_is_one():
    bars = random_bars(4)
    bars["volume"], bars["notional"] = 2.0, [10.0, 20.0, np.nan, 0.0]
    bars["high"] = bars["low"] = bars["close"] = 7.0
    vwap = chain_of(bars, IndicatorConfig("vwap", "vwap")).values[0]
    assert vwap.tolist() == [5.0, 7.5, 44.0 / 6.0, 44.0 / 8.0]


def test_vwap_has_converged_when_its_session_was_seen_from_its_start():
    bars, case = random_bars(300), IndicatorConfig("vwap", "vwap")
    bars["volume"] = 1.0
    seen = chain_of(bars[50:].copy(), case).unseen[0] < CONVERGED
    assert seen.tolist() == [False] * 50 + [True] * 200
    bars["starts"] = 0
    assert (chain_of(bars, case).unseen[0] < CONVERGED).tolist()[99:102] == [False, True, True]


def test_peek_shows_the_next_value_and_advances_nothing():
    bars = random_bars(100)
    for case in CASES:
        chain = chain_of(bars[:99].copy(), case)
        before = chain.start_at(bars, 99)
        assert np.array_equal(chain.peek(bars[99:]), chain_of(bars, case).values[:, 99], equal_nan=True), case
        assert chain.start_at(bars, 99) == before


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


def test_the_expiry_is_that_of_the_configuration_and_two_seconds_where_a_log_has_none():
    body = domain(indicators=list(THREE), expiry_ms=45_000)
    older = msgspec.json.decode(encode(body))
    assert older.pop("expiry_ms") == 45_000  # as it was written before there was one
    found = {}
    for name, said in (("newer", body), ("older", msgspec.json.encode(older).decode())):
        feed = Feed()
        feed(config(said))
        (row,) = only(feed(minute(0))["indicators"], interval="1m")
        found[name] = row["ts_expires"]
    assert found == {"newer": at(f"{DAY}T13:32:45"), "older": at(f"{DAY}T13:32:02")}


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
