"""A calendar that ends is warned about in time, and one that has ended makes the worker not ready."""

import pytest

from runtime.metrics import exposition
from streams.core.ticks.stage import TicksStage
from streams.transport.horizon import Horizons, calendars_left
from tests.factories import calendar_rows, columns, config, domain, heartbeat, symbol

HOUR = 3_600_000_000_000


def stage_at(ts: str) -> TicksStage:
    """A stage with two calendars, at a heartbeat of its source."""
    lunch = calendar_rows("XHKG", ["2024-07-02"], ["01:30-04:00"])
    known = domain(symbol(), symbol("TENCENT", calendar="XHKG"))
    known.calendars["XHKG"] = lunch
    stage = TicksStage(0)
    stage.step(columns("ticks.raw", 0, config(known), heartbeat(ts)))
    return stage


def test_what_is_left_of_a_calendar_counts_from_the_newest_heartbeat():
    assert calendars_left([TicksStage(0)]) == {}
    assert calendars_left([stage_at("2024-07-02T03:00")]) == {"XHKG": HOUR, "XNYS": 41 * HOUR}


def test_the_partition_that_is_furthest_decides():
    stages = [stage_at("2024-07-02T03:00"), stage_at("2024-07-02T05:00"), TicksStage(2)]
    assert calendars_left(stages) == {"XHKG": -HOUR, "XNYS": 39 * HOUR}


def test_a_calendar_that_ends_within_thirty_days_is_warned_about_once_a_day(caplog: pytest.LogCaptureFixture):
    horizons = Horizons()
    for hours in (721, 719, 718, 700, 695):
        horizons.show({"XNYS": hours * HOUR})
        assert horizons.not_ready() == ""
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        "calendar XNYS must reach 30 days ahead, was known for 29 more",
        "calendar XNYS must reach 30 days ahead, was known for 28 more",
    ]
    assert b'barline_calendar_left_seconds{calendar="XNYS"} 2.502e+06' in exposition()


def test_one_that_has_ended_makes_the_worker_not_ready_until_it_is_extended():
    horizons = Horizons()
    horizons.show(calendars_left([stage_at("2024-07-02T04:00")]))
    assert horizons.not_ready() == "calendar XHKG has ended (fix: `barline config apply`)"
    horizons.show({"XHKG": 900 * HOUR})
    assert horizons.not_ready() == ""
