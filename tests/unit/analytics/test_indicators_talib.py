"""Each indicator against TA-Lib where the two agree on conventions."""

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from schemas.config import IndicatorConfig
from streams.core.analytics.rows import Floats
from tests.unit.analytics.library import chain_of, off, random_bars

if os.environ.get("BARLINE_REQUIRE"):
    talib = importlib.import_module("talib")
else:
    talib = pytest.importorskip("talib", reason="set up anew: `make setup` installs TA-Lib")

One = IndicatorConfig
Columns = tuple[Floats, Floats, Floats, Floats]
CASES: list[tuple[IndicatorConfig, Callable[[Columns], Any]]] = [
    (
        One("adx_14", "adx", 14),
        lambda c: (talib.ADX(*c[:3], 14), talib.PLUS_DI(*c[:3], 14), talib.MINUS_DI(*c[:3], 14)),
    ),
    (One("atr_14", "atr", 14), lambda c: (talib.ATR(*c[:3], 14),)),
    (One("bb_20", "bollinger", 20), lambda c: talib.BBANDS(c[2], 20, 2.0, 2.0)[::-1]),
    (One("deviation_30", "deviation", 30), lambda c: (talib.STDDEV(c[2], 30),)),
    (
        One("donchian_20", "donchian", 20),
        lambda c: (
            talib.MIN(c[1], 20),
            (talib.MIN(c[1], 20) + talib.MAX(c[0], 20)) / 2,
            talib.MAX(c[0], 20),
        ),
    ),
    (One("ema_20", "ema", 20), lambda c: (talib.EMA(c[2], 20),)),
    (One("momentum_10", "momentum", 10), lambda c: (talib.MOM(c[2], 10),)),
    (One("obv", "obv"), lambda c: (talib.OBV(c[2], c[3]),)),
    (One("roc_10", "roc", 10), lambda c: (talib.ROC(c[2], 10),)),
    (One("rsi_14", "rsi", 14), lambda c: (talib.RSI(c[2], 14),)),
    (One("sma_20", "sma", 20), lambda c: (talib.SMA(c[2], 20),)),
    (One("stochastic_14", "stochastic", 14), lambda c: talib.STOCH(*c[:3], 14, 3, 0, 3, 0)),
    (One("true_range", "true_range"), lambda c: (talib.TRANGE(*c[:3]),)),
    (One("volume_average_20", "volume_average", 20), lambda c: (talib.SMA(c[3], 20),)),
]


@pytest.mark.parametrize(("case", "theirs"), CASES, ids=[case.name for case, _ in CASES])
def test_an_indicator_is_that_of_ta_lib(case: IndicatorConfig, theirs: Callable[[Columns], Any]):
    bars = random_bars(1_000)
    ours = chain_of(bars, case).values
    high, low, close, volume = (np.ascontiguousarray(bars[n]) for n in ("high", "low", "close", "volume"))
    given = np.array(theirs((high, low, close, volume)))
    both = np.isfinite(ours) & np.isfinite(given)
    assert np.isfinite(given).sum(axis=1).min() > 900
    assert not (np.isfinite(given) & ~np.isfinite(ours)).any()
    assert off(np.where(both, ours, np.nan), np.where(both, given, np.nan), case, 1.0) < 1e-9
