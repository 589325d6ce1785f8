"""Indicators of a bar that is still forming: those it would have if it closed, and nothing moves."""

import numpy as np
import pytest

from schemas.config import IndicatorConfig
from schemas.history import HISTORY
from streams.core.analytics.forming import Forming, composed
from streams.core.analytics.rows import Rows
from tests.factories import domain
from tests.unit.analytics.feed import Feed, minute, only, through
from tests.unit.analytics.library import CASES, chain_of, random_bars

BARS = random_bars(330)
"""Trade dates of a hundred bars."""


def rows(bars: Rows) -> Rows:
    found = np.zeros(len(bars), HISTORY)
    for name in HISTORY.names:
        found[name] = bars[name]
    return found


@pytest.mark.parametrize("cut", [1, 99, 100, 250])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_forming_bar_has_the_values_of_the_closed_one_and_moves_nothing(case: IndicatorConfig, cut: int):
    forming = Forming([case], rows(BARS[:cut]))
    wanted = chain_of(BARS[: cut + 1], case)
    closed = dict(zip(wanted.names, wanted.values[:, cut], strict=True))
    other = rows(BARS[cut : cut + 1])
    other["close"] *= 3.0
    for _ in range(2):
        forming.peek(other)
        assert forming.peek(rows(BARS[cut : cut + 1])) == {n: v for n, v in closed.items() if np.isfinite(v)}


def test_it_goes_on_with_each_bar_that_closes():
    grown, whole = Forming(CASES, rows(BARS[:7])), Forming(CASES, rows(BARS[:320]))
    for first in range(7, 320, 31):
        grown.close(rows(BARS[first : min(first + 31, 320)]))
    assert grown.peek(rows(BARS[320:321])) == whole.peek(rows(BARS[320:321]))


def test_a_composed_bar_has_the_values_that_analytics_gives_when_it_closes():
    own = [IndicatorConfig(name, name, 3) for name in ("ema", "atr")] + [IndicatorConfig("vwap", "vwap")]
    feed = Feed(domain(indicators=own, intervals=["5m"]))
    prices = [100.0 + np.sin(number) for number in range(25)]
    records = [minute(n, price, price + 1.0, price - 1.0, price) for n, price in enumerate(prices)]
    feed(*records, through(26))
    minutes = np.array([tuple(row[name] for name in HISTORY.names) for row in records], HISTORY)
    fives = np.concatenate([composed(minutes[first : first + 5]) for first in range(0, 25, 5)])
    found = only(feed.out["indicators"], interval="5m")[-1]["values"]
    assert sorted(found) == ["atr", "ema", "vwap"]
    assert Forming(own, fives[:4]).peek(composed(minutes[20:25])) == pytest.approx(found, rel=1e-12)


def test_functions_are_left_out():
    own = [IndicatorConfig("st", "supertrend", 7), IndicatorConfig("sma_1", "sma", 1)]
    assert set(Forming(own, rows(BARS[:5])).peek(rows(BARS[5:6]))) == {"sma_1"}
