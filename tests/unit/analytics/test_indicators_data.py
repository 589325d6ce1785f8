"""Each indicator against pandas-ta-classic on real bars, gaps and quiet minutes included."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.config import IndicatorConfig
from streams.core.analytics.rows import BAR, Rows
from tests.unit.analytics.library import CASES, by_the_library, chain_of, off, same_places

FILES = {
    "SPY": "us_equity/bars_1m/SPY-2013*.csv.gz",
    "XAUUSD": "metals/bars_1m/XAUUSD-*.csv.gz",
    "BTCUSD": "crypto/bars_1m/BTCUSD-*.csv.gz",
}


@pytest.fixture(scope="module", params=FILES)
def bars(request: pytest.FixtureRequest, market_data: Path) -> Rows:
    """Some days of a symbol, minutes without trades left out."""
    paths = sorted(market_data.glob(FILES[request.param]))[:3]
    frame = pd.concat([pd.read_csv(path, parse_dates=["time"]) for path in paths])
    found = np.zeros(len(frame), BAR)
    for name in ("open", "high", "low", "close", "volume"):
        found[name] = frame[name].fillna(0.0) if name in frame else 0.0
    found["notional"] = np.nan
    days = frame["time"].dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)
    found["ts_open"] = frame["time"].dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    found["session_date"], found["starts"] = days, np.diff(days, prepend=-1) > 0
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_real_bars_an_indicator_is_that_of_the_library(case: IndicatorConfig, bars: Rows):
    ours, theirs = chain_of(bars, case).values, by_the_library(case, bars)  # noqa: PD011 - of a chain
    assert len(bars) > 1_000
    assert same_places(ours, theirs)
    if not np.isnan(ours).all():
        assert off(ours, theirs, case, 1.0) < 1e-9
