"""What the metrics of a worker tell of indicators by functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from runtime.metrics import REGISTRY
from schemas.config import IndicatorConfig
from streams.agents.analytics import AGENT
from tests.factories import columns, config, domain, heartbeat
from tests.unit.analytics.feed import minute
from tests.unit.analytics.packages import installed

OWN = [IndicatorConfig(name, name, intervals=["1m"], window=5) for name in ("vandal", "fails_at_seven")]


@pytest.fixture(autouse=True)
def _package(tmp_path: Path) -> Iterator[None]:
    with installed(tmp_path):
        yield


def test_each_run_and_each_failure_is_shown(caplog: pytest.LogCaptureFixture):
    beats = [heartbeat(f"2024-07-02T13:{number}:00", "bars") for number in range(40, 45)]
    records = [config(domain(indicators=OWN)), minute(6), minute(7), *beats]
    AGENT.stage(0).step(columns("bars.1m", 0, *records))
    shown = generate_latest(REGISTRY).decode()
    assert 'barline_stage_seconds_count{stage="analytics.indicator.vandal"} 2.0' in shown
    assert 'barline_stage_seconds_count{stage="analytics.indicator.fails_at_seven"} 1.0' in shown
    assert 'barline_disabled_indicators_total{agent="analytics",indicator="fails_at_seven"} 1.0' in shown
    assert "fails_at_seven is disabled" in caplog.text
    assert "SPY 1m" in caplog.text
