"""Each indicator against TA-Lib, from its first value on."""

from pathlib import Path

import numpy as np
import pytest

from schemas.config import IndicatorConfig
from schemas.indicators import KINDS
from tests.unit.analytics.library import chain_of, compared, random_bars
from tests.unit.analytics.series import MADE, REAL, SCALES, made, present, real, scaled
from tests.unit.analytics.ta_lib import COMPARED, by_ta_lib


@pytest.mark.parametrize("series", MADE)
@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.name)
def test_an_indicator_is_that_of_ta_lib_from_its_first_value_on(case: IndicatorConfig, series: str):
    for scale in SCALES:
        bars = made(series, scale)
        ours, theirs = chain_of(bars, case).values, by_ta_lib(case, present(bars))
        assert compared(ours[:, bars["revision"] >= 0], theirs, case, scale) < 1e-9, scale


@pytest.mark.data
@pytest.mark.parametrize("symbol", REAL)
@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.name)
def test_on_real_bars_an_indicator_is_that_of_ta_lib(case: IndicatorConfig, symbol: str, market_data: Path):
    for scale in SCALES:
        bars = scaled(real(market_data, symbol), scale)
        ours, theirs = chain_of(bars, case).values, by_ta_lib(case, bars)
        assert compared(ours, theirs, case, scale) < 1e-9, scale
        assert np.isfinite(theirs).sum(axis=1).min() > 2_000 or not bars["volume"].any()


@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.name)
def test_no_price_is_so_small_or_large_that_it_counts_as_another(case: IndicatorConfig):
    for scale in (1e-100, 1e100):
        bars = made("random", scale)
        assert compared(chain_of(bars, case).values, by_ta_lib(case, bars), case, scale) < 1e-9, scale


def test_every_kind_is_compared():
    assert {case.kind for case in COMPARED} == set(KINDS)


def test_the_comparison_sees_a_wrong_length_and_a_value_too_many():
    bars, case = random_bars(1_000), IndicatorConfig("ema_20", "ema", 20)
    ours, theirs = chain_of(bars, IndicatorConfig("ema_21", "ema", 21)).values, by_ta_lib(case, bars)
    assert compared(ours[:, 21:], theirs[:, 21:], case, 1.0) > 1e-6
    assert compared(ours, theirs, case, 1.0) == np.inf
