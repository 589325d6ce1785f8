"""When the sink takes what came, where little comes."""

import pytest

from connectors.sinks.clickhouse.sink import until_quiet

INTERVAL = 0.25


@pytest.mark.parametrize(
    ("now", "wanted"),
    [(1_000.0, 0.125), (1_000.0625, 0.0625), (1_000.125, 0.25), (1_000.1875, 0.1875), (1_000.25, 0.125)],
)
def test_the_sink_rests_until_the_middle_between_two_quarters(now: float, wanted: float):
    assert until_quiet(now, INTERVAL) == wanted


@pytest.mark.parametrize("interval", [0.01, 0.2, INTERVAL])
def test_the_rest_is_never_longer_than_its_interval_and_never_nothing(interval: float):
    rests = [until_quiet(1_700_000_000 + number / 997, interval) for number in range(1_000)]
    assert all(0 < rest <= interval for rest in rests)
    assert max(rests) > 0.8 * interval > 0.3 * interval > min(rests)
