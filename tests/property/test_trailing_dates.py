"""Trade dates that may still be revised: analytics keeps as many as configured, and changes its mind well.

A generated log has five short trade dates, revisions of any of them at any time, and configurations that keep
more or fewer. At the end of each date every minute of it is promised.
"""

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streams.core.analytics import plan
from streams.core.analytics.stage import AnalyticsStage
from tests.factories import Record, at, calendar_rows, changed, columns, config, heartbeat, symbol
from tests.oracle.analytics import Analytics
from tests.oracle.reading import Ended, difference
from tests.property.minutes_made import a_minute
from tests.property.test_oracle_analytics import BODY, M, a_bar, found_bars, found_values, wrong_values

DAYS = ("2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08")
LENGTH = 7
WORLD = changed(
    BODY,
    symbols=[symbol("SPY")],
    calendars={"XNYS": calendar_rows(days=DAYS, hours=["13:30-13:37"])},
    intervals=["5m", "1d"],
)
MINUTES = [(text, at(f"{text}T13:30") + number * M) for text in DAYS for number in range(LENGTH)]


def made(seed: int, length: int) -> list[Record]:
    """A log of so many minutes."""
    pick, revisions = Random(seed), dict[Any, int]()
    body = changed(WORLD, trailing_dates=pick.choice([1, 2, 3, 4]))
    log = [config(body)]
    for number, (text, ts) in enumerate(MINUTES[:length]):
        log += a_minute(pick, a_bar, "SPY", text, ts, revisions)
        if pick.random() < 0.5:
            log += a_minute(pick, a_bar, "SPY", *MINUTES[pick.randint(0, number)], revisions)
        if pick.random() < 0.07:
            body = changed(body, trailing_dates=pick.choice([1, 2, 3, 4]))
            log.append(config(body))
        if (number + 1) % LENGTH == 0:
            beat = heartbeat("2024-07-01T13:30", "bars")
            log.append({**beat, "ts": ts + M, "ts_through": ts + M, "ts_last": ts + M})
    return log


def restored(log: list[Record], cuts: list[int]) -> Ended:
    """A log through stages, each of which takes up what the one before saved."""
    ended, saved = Ended(), dict[bytes, bytes]()
    for first, end in pairwise(sorted({0, len(log), *(cut for cut in cuts if 0 < cut < len(log))})):
        stage = AnalyticsStage(0)
        stage.restore(saved)
        found = stage.step(columns("bars.1m", 0, *log[first:end], first_offset=first))
        ended.take(found.topics, found.counts)
        saved |= stage.take_dirty()
    return ended


def wrong(log: list[Record], cuts: list[int]) -> list[str]:
    """Every difference to the oracle."""
    wanted, found = Analytics().read(log), restored(log, cuts)
    said = difference(wanted.derived(), found_bars(found)) + wrong_values(
        wanted.values(), found_values(found)
    )
    late = [row for row in wanted.late if row["record"] == "Bar"]
    return said + ([] if found.counts["late"] == len(late) else [f"late {found.counts['late']}"])


modest = settings(max_examples=25, phases=[Phase.explicit, Phase.generate])  # a seed cannot be shrunk


@given(st.integers(0, 1 << 32), st.integers(1, len(MINUTES)), st.lists(st.integers(0, 100), max_size=3))
@modest
def test_analytics_ends_in_what_the_oracle_ends_in(seed: int, length: int, cuts: list[int]):
    assert wrong(made(seed, length), cuts) == []


def test_the_logs_revise_every_trade_date_that_is_kept_and_some_that_are_not():
    logs = [made(seed, len(MINUTES)) for seed in range(10)]
    late = [len(Analytics().read(log).late) for log in logs]
    assert 0 < sum(late) < sum(map(len, logs)) // 4


def test_with_fewer_trade_dates_than_configured_it_does_not(monkeypatch: pytest.MonkeyPatch):
    logs = [made(seed, len(MINUTES)) for seed in range(5)]
    assert [wrong(log, []) for log in logs] == [[]] * 5
    first = plan.Layout.first_date
    monkeypatch.setattr(plan.Layout, "first_date", lambda own, date: max(first(own, date), date - 1))
    assert any(wrong(log, []) for log in logs)
