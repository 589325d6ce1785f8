"""Each indicator against pandas-ta-classic on real bars, gaps and quiet minutes included."""

from pathlib import Path

import pytest

from schemas.config import IndicatorConfig
from tests.unit.analytics.library import CASES, by_the_library, chain_of, compared
from tests.unit.analytics.series import REAL, SCALES, differs_by_a_grain, real, scaled

pytestmark = pytest.mark.data


@pytest.mark.parametrize("symbol", REAL)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_real_bars_an_indicator_is_that_of_the_library(
    case: IndicatorConfig, symbol: str, market_data: Path
):
    for scale in SCALES:
        bars = scaled(real(market_data, symbol), scale)
        if differs_by_a_grain(case, bars, scale):
            continue
        ours, theirs = chain_of(bars, case).values, by_the_library(case, bars)
        assert compared(ours, theirs, case, scale) < 1e-9, scale


@pytest.mark.parametrize(("symbol", "days"), [("SPY", 6), ("XAUUSD", 3), ("BTCUSD", 2)])
def test_all_days_there_are_are_compared(symbol: str, days: int, market_data: Path):
    bars = real(market_data, symbol)
    assert len(set(bars["session_date"].tolist())) == days
    assert len(bars) > 2_000
