"""Where the libraries differ from us by convention: each row of the table in docs/indicators.md, tried."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from schemas.config import IndicatorConfig
from streams.core.analytics.rows import Floats, Rows
from tests.unit.analytics.library import by_the_library, chain_of, compared, random_bars
from tests.unit.analytics.series import PRICES, made
from tests.unit.analytics.ta_lib import NOT_OF_ONE, by_ta_lib, has_moved, prices_of, talib

One = IndicatorConfig
GRAIN = np.finfo(float).eps


def ours(bars: Rows, case: IndicatorConfig) -> Floats:
    return chain_of(bars, case).values


def still(count: int, bars: Rows) -> Rows:
    """The same, but that nothing moves in the first bars."""
    for price in PRICES:
        bars[price][:count] = bars["close"][count]
    return bars


def rsi_of_what_never_moved() -> None:
    bars, case = still(40, random_bars(300)), One("rsi_14", "rsi", 14)
    unmoved = ~has_moved(bars, "rsi")
    assert unmoved.sum() == 41
    assert np.isnan(ours(bars, case)[0, unmoved]).all()
    assert compared(ours(bars, case), by_the_library(case, bars), case, 1.0) < 1e-9
    assert talib.RSI(prices_of(bars).close, 14)[14:41].tolist() == [0.0] * 27
    assert compared(ours(bars, case), by_ta_lib(case, bars), case, 1.0) < 1e-9


def range_of_nothing() -> None:
    bars = made("flat", 1e-12)
    for case, size in ((One("x", "true_range"), GRAIN), (One("x", "atr", 14), GRAIN)):
        assert np.nanmax(ours(bars, case)) == 0.0
        assert by_the_library(case, bars)[0, -1] == pytest.approx(size)
        assert np.nanmax(by_ta_lib(case, bars)) == 0.0
    case = One("x", "keltner", 20)
    assert np.ptp(ours(bars, case)[:, -1]) == 0.0
    assert np.ptp(by_the_library(case, bars)[:, -1]) == pytest.approx(4 * GRAIN)


def adx_along_many_flat_bars() -> None:
    bars, case = random_bars(300), One("adx_2", "adx", 2)
    for price in PRICES:
        bars[price][200:] = bars["close"][200]
    by_us, theirs = ours(bars, case), by_the_library(case, bars)
    assert compared(by_us[:, :220], theirs[:, :220], case, 1.0) < 1e-9
    assert by_us[1:, 299] == pytest.approx(by_us[1:, 230])
    assert theirs[1:, 299] == pytest.approx([0.0, 0.0])
    assert compared(by_us, by_ta_lib(case, bars), case, 1.0) < 1e-9


def adx_of_tiny_moves() -> None:
    bars, case = random_bars(300, 1e-18), One("adx_14", "adx", 14)
    assert np.all(by_the_library(case, bars)[1:, -1] == 0.0)
    assert compared(ours(bars, case), by_ta_lib(case, bars), case, 1e-18) < 1e-9
    whole = ours(random_bars(300), case)
    assert np.allclose(ours(bars, case), whole, rtol=1e-9, equal_nan=True)


def adx_of_what_never_moved() -> None:
    bars, case = still(40, random_bars(600)), One("adx_14", "adx", 14)
    by_us, theirs = ours(bars, case), talib.ADX(*prices_of(bars)[:3], 14)
    assert np.flatnonzero(np.isfinite(by_us[0]))[0] == 40 + 13
    assert np.all(by_us[1:, 14:40] == 0.0)
    assert compared(by_us, by_the_library(case, bars), case, 1.0) < 1e-9
    assert theirs[27:40].tolist() == [0.0] * 13
    assert abs(theirs[60] - by_us[0, 60]) > 1.0
    assert abs(theirs[599] - by_us[0, 599]) < 1e-9


def seed_of_the_fast_average() -> None:
    bars, case = random_bars(600), One("macd", "macd")
    by_us, theirs = ours(bars, case), np.array(talib.MACD(prices_of(bars).close))
    assert compared(by_us, by_the_library(case, bars), case, 1.0) < 1e-9
    assert np.isfinite(by_us).sum(axis=1).tolist() == [575, 567, 567]
    assert np.isfinite(theirs).sum(axis=1).tolist() == [567] * 3
    assert np.abs(theirs - by_us)[:, 33].min() > 1e-3
    assert np.abs(theirs - by_us)[:, 599].max() < 1e-9


def first_values_of_k() -> None:
    bars, case = random_bars(100), One("stochastic_14", "stochastic", 14)
    theirs = talib.STOCH(*prices_of(bars)[:3], 14, 3, 0, 3, 0)
    assert [np.flatnonzero(np.isfinite(one))[0] for one in ours(bars, case)] == [15, 17]
    assert [np.flatnonzero(np.isfinite(one))[0] for one in theirs] == [17, 17]
    few = bars[:17].copy()
    assert np.isfinite(ours(few, case)).sum(axis=1).tolist() == [2, 0]
    assert np.isnan(by_the_library(case, few)).all()


def oscillator_of_nothing() -> None:
    bars, case = made("flat"), One("stochastic_14", "stochastic", 14)
    for theirs in (ours(bars, case), by_the_library(case, bars), by_ta_lib(case, bars)):
        assert theirs[:, -1].tolist() == [0.0, 0.0]


def change_from_nothing() -> None:
    bars, case = random_bars(30), One("roc_10", "roc", 10)
    bars["close"] = np.arange(30.0)
    assert np.isnan(ours(bars, case)[0, 10])
    assert (
        ours(bars, case)[0, 11] == by_the_library(case, bars)[0, 11] == by_ta_lib(case, bars)[0, 11] == 1_000
    )
    assert by_the_library(case, bars)[0, 10] == np.inf
    assert by_ta_lib(case, bars)[0, 10] == 0.0


def lengths_of_one() -> None:
    bars = random_bars(100)
    assert np.all(ours(bars, One("x", "deviation", 1)) == 0.0)
    assert np.all(ours(bars, One("x", "bollinger", 1)) == bars["close"])
    for kind, usual in (("deviation", 30), ("bollinger", 5)):
        theirs = by_the_library(One("x", kind, 1), bars)
        assert np.array_equal(theirs, by_the_library(One("x", kind, usual), bars), equal_nan=True)
    for kind in NOT_OF_ONE:
        with pytest.raises(Exception, match="Bad Parameter"):
            by_ta_lib(One("x", kind, 1), bars)
    for kind in ("donchian", "rsi"):
        case = One("x", kind, 1)
        assert compared(ours(bars, case), by_the_library(case, bars), case, 1.0) < 1e-9


def money_of_bars() -> None:
    bars, case = random_bars(50), One("vwap", "vwap")
    bars["volume"] = 2.0
    bars["notional"] = 2.0 * bars["low"]
    assert np.allclose(ours(bars, case)[0], np.cumsum(bars["low"]) / np.arange(1, 51))
    typical = np.cumsum(bars["high"] + bars["low"] + bars["close"]) / 3 / np.arange(1, 51)
    assert np.allclose(by_the_library(case, bars)[0], typical)
    assert np.allclose(talib.VWAP(*prices_of(bars)), typical)


def sessions() -> None:
    bars, case = random_bars(300), One("vwap", "vwap")
    bars["volume"][200:205] = 0.0
    by_us, theirs = ours(bars, case), by_the_library(case, bars)
    assert np.flatnonzero(np.isnan(by_us)).tolist() == list(range(200, 205))
    assert compared(by_us, theirs, case, 1.0) < 1e-9
    whole = talib.VWAP(*prices_of(bars))
    assert np.isfinite(whole).all()
    assert np.abs(whole - by_us[0])[250] > 1.0
    assert talib.VWAP(*prices_of(bars[200:]))[:5].tolist() == [0.0] * 5


def channel_of_averages() -> None:
    bars, case = random_bars(300), One("keltner_20", "keltner", 20)
    by_us, (high, low, close, _) = ours(bars, case), prices_of(bars)
    assert compared(by_us, by_the_library(case, bars), case, 1.0) < 1e-9
    lower, middle, upper = talib.KC(high, low, close, 20, 20, 2.0)[::-1]
    typical = (high + low + close) / 3
    assert np.allclose(middle[1:], talib.EMA(typical[1:], 20), equal_nan=True)
    assert np.allclose(upper - lower, 4 * talib.ATR(high, low, close, 20), equal_nan=True)
    assert np.nanmin(np.abs(upper - by_us[2])[30:]) > 1e-9


def deviations() -> None:
    bars = random_bars(100)
    for case in (One("x", "bollinger", 20), One("x", "deviation", 20)):
        spread = np.std(bars["close"][-20:])
        width = np.ptp(ours(bars, case)[:, -1]) / 4 if case.kind == "bollinger" else ours(bars, case)[0, -1]
        assert width == pytest.approx(spread, rel=1e-12)
        assert compared(ours(bars, case), by_the_library(case, bars), case, 1.0) < 1e-9
        assert compared(ours(bars, case), by_ta_lib(case, bars), case, 1.0) < 1e-9


CONVENTIONS: dict[str, Callable[[], None]] = {
    "RSI without a rise or a fall so far": rsi_of_what_never_moved,
    "range of a bar without one, in true range, ATR, Keltner and ADX": range_of_nothing,
    "ADX along flat bars, n = 2 from some 25 in a row on": adx_along_many_flat_bars,
    "ADX of moves below 2.2e-16": adx_of_tiny_moves,
    "ADX while nothing has moved": adx_of_what_never_moved,
    "MACD, seed of the fast EMA": seed_of_the_fast_average,
    "stochastic, first values of k": first_values_of_k,
    "stochastic where the highest is the lowest": oscillator_of_nothing,
    "rate of change from a price of 0": change_from_nothing,
    "length of 1": lengths_of_one,
    "VWAP of bars with a notional": money_of_bars,
    "VWAP, sessions and volume": sessions,
    "Keltner channel": channel_of_averages,
    "Bollinger bands, deviation": deviations,
}


@pytest.mark.parametrize("row", CONVENTIONS)
def test_a_difference_is_what_the_documentation_says(row: str):
    CONVENTIONS[row]()


def test_every_row_of_the_documentation_is_tried():
    text = Path("docs/indicators.md").read_text().split("## Conventions")[1]
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row] == list(CONVENTIONS)
