"""Values computed anew over stored bars are those of one run over all of them, wherever blocks begin."""

import numpy as np
import pytest

from schemas.config import IndicatorConfig
from streams.core.analytics import anew
from streams.core.analytics.anew import Computed, computed
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.windowed.bars import history_of
from tests.unit.analytics.library import CASES, chain_of, random_bars

FUNCTION = IndicatorConfig("mid", "midpoint", 20, window=30)
LONG = [IndicatorConfig("sma_2500", "sma", 2_500), IndicatorConfig("rsi_200", "rsi", 200)]
BARS = random_bars(5_000)
LEAD = 4_800


def over(*wanted: IndicatorConfig) -> Computed:
    return computed(Program(wanted), history_of(BARS), LEAD)


def test_values_after_a_lead_are_those_of_one_run_over_all_bars():
    chain, found = chain_of(BARS, *CASES, *LONG), over(*CASES, *LONG)
    assert found.names == chain.names
    np.testing.assert_array_equal(found.values, chain.values[:, LEAD:])
    weights = chain.unseen[:, LEAD:]
    np.testing.assert_array_equal(found.converged, (weights < CONVERGED) & np.isfinite(found.values))
    assert found.converged[-1].all()


def test_blocks_begin_anywhere(monkeypatch: pytest.MonkeyPatch):
    whole = over(*LONG, FUNCTION)
    monkeypatch.setattr(anew, "_BLOCK", 7)
    parts = over(*LONG, FUNCTION)
    np.testing.assert_array_equal(parts.values, whole.values)
    np.testing.assert_array_equal(parts.converged, whole.converged)
    assert whole.converged.all()


def test_a_range_without_bars_has_no_values():
    assert computed(Program(LONG), history_of(BARS), len(BARS)).values.shape == (2, 0)
