"""Laws of indicators by functions: what they come to, and that no cut changes anything."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.config import IndicatorConfig, SignalConfig
from streams.core.analytics import stage as stage_module
from streams.core.analytics.stage import AnalyticsStage
from streams.core.analytics.windowed import runner as runner_module
from streams.core.analytics.windowed.functions import Answer, compute
from tests.factories import Record, bar, changed, config, heartbeat
from tests.oracle.windowed import last_windows
from tests.property.analytics_log import BODY, LENGTH, bars, heartbeats, runs, shifted, statuses, ts_of
from tests.property.test_analytics import crashed, joined, outputs, taken_up
from tests.unit.analytics.packages import installed

OWN = [
    IndicatorConfig("mean", "mean_of_five", window=9),
    IndicatorConfig("ema_3", "ema", 3),
    IndicatorConfig("fails", "fails_at_seven", intervals=["1m", "15m"], window=2),
]
SIGNALS = [SignalConfig("above", "close > mean@5m or change(mean, 2) > 0", debounce_ms=60_000)]
FUNCTIONS = changed(BODY, indicators=OWN, signals=SIGNALS)
OTHERS = changed(FUNCTIONS, indicators=[OWN[0], OWN[2]], intervals=["5m", "30m", "1d"])
FINAL = {**heartbeat("2024-07-02T20:00", "bars"), "ts_through": ts_of(2 * LENGTH - 1) + 60_000_000_000}


modest = settings(
    max_examples=int(os.environ.get("BARLINE_WINDOWED_EXAMPLES", "12")),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture(scope="module", autouse=True)
def _package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("package")):
        yield


def logs(*configs: Record) -> st.SearchStrategy[list[Record]]:
    """Records of all kinds after a configuration, heartbeats among them."""
    one = st.one_of(bars(), statuses(), heartbeats(), heartbeats(), *map(st.just, configs))
    parts = st.lists(st.one_of(one.map(lambda record: [record]), runs()), max_size=20)
    return parts.map(lambda found: [config(FUNCTIONS), *(record for part in found for record in part)])


@modest
@given(records=logs(config(OTHERS), config(changed(OTHERS))), cuts=st.lists(st.integers(0, 300), max_size=4))
def test_a_stage_cut_and_taken_up_anywhere_goes_on_with_the_same_values(
    records: list[Record], cuts: list[int]
):
    assert joined(taken_up(records, cuts)) == outputs(AnalyticsStage(0), records)


@modest
@given(records=logs())
def test_after_the_final_heartbeat_every_bar_has_the_value_of_its_window(records: list[Record]):
    found = outputs(AnalyticsStage(0), [*records, {**FINAL, "final": True}])
    last: dict[Any, Record] = {}
    for row in found.get("indicators", []):
        last[row["symbol"], row["interval"], row["ts_open"]] = row
    wanted = last_windows([row for row in records if row["record"] == "Bar"], found, 5, 9)
    assert {key: row["values"].get("mean") for key, row in last.items()} == wanted


@modest
@given(records=logs())
def test_every_revision_has_one_ready_after_it(records: list[Record]):
    found = outputs(AnalyticsStage(0), [*records, {**FINAL, "final": True}])
    names = ("symbol", "interval", "ts_open", "revision")
    values = [tuple(row[name] for name in names) for row in found.get("indicators", [])]
    ready = [row for row in found.get("ready", []) if row["record"] == "Ready"]
    assert [tuple(row[name] for name in names) for row in ready] == values
    assert len(set(values)) == len(values)


@modest
@given(
    records=logs(config(OTHERS)),
    cuts=st.lists(st.integers(0, 300), min_size=2, max_size=4),
    torn=st.sets(st.sampled_from(["SPY", "AIG"])),
)
def test_a_crash_between_the_writes_of_a_checkpoint_changes_no_value(
    records: list[Record], cuts: list[int], torn: set[str]
):
    crashed(records, cuts, torn)


def stopping(config: bytes, rows: bytes) -> Answer:
    """As if a function that fails had never come to an end."""
    answer = compute(config, rows)
    return answer._replace(everywhere=bool(answer.failed))


@modest
@given(
    records=logs(config(OTHERS), config(changed(OTHERS))),
    cuts=st.lists(st.integers(0, 300), min_size=2, max_size=4),
    torn=st.sets(st.sampled_from(["SPY", "AIG"])),
)
def test_a_function_stopped_everywhere_stays_so_from_the_same_place_on(
    records: list[Record], cuts: list[int], torn: set[str]
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner_module, "compute", stopping)
        whole = outputs(AnalyticsStage(0), records)
        assert joined(taken_up(records, cuts)) == whole
        assert joined(crashed(records, cuts, torn)) == whole


SEVENS = [
    config(FUNCTIONS),
    *(shifted(bar("2024-07-01T13:30", 6.0, symbol=name), 0) for name in ("SPY", "AIG")),
    shifted(bar("2024-07-01T13:30", 7.0, symbol="SPY"), 1),
    shifted(bar("2024-07-01T13:30", 5.0, symbol="AIG"), 1),
    *({**FINAL, "ts_through": ts_of(number)} for number in range(2, 9)),
]


def test_the_law_sees_a_place_that_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    law = test_a_function_stopped_everywhere_stays_so_from_the_same_place_on.hypothesis.inner_test
    more = [
        *SEVENS,
        shifted(bar("2024-07-01T13:30", 4.0, symbol="AIG"), 3),
        *({**FINAL, "ts_through": ts_of(number)} for number in range(10, 15)),
    ]
    law(more, [len(SEVENS) - 2, len(SEVENS)], {"SPY"})
    monkeypatch.setattr(stage_module, "find_stopped", lambda *_: None)
    with pytest.raises(AssertionError):
        law(more, [len(SEVENS) - 2, len(SEVENS)], {"SPY"})
