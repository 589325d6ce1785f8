"""Laws of ``analytics`` over generated logs."""

from collections.abc import Mapping
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.analytics import revise
from streams.core.analytics import stage as stage_module
from streams.core.analytics.partition import Partition
from streams.core.analytics.rows import NULL
from streams.core.analytics.saved import name_of
from streams.core.analytics.stage import AnalyticsStage
from tests.factories import (
    Record,
    bar,
    columns,
    config,
    heartbeat,
    rows_of,
)
from tests.property.analytics_log import BODY, LENGTH, RECORDS, SYMBOLS, bars, shifted
from tests.unit.analytics.feed import last_rows


def outputs(stage: AnalyticsStage, records: list[Record], first: int = 0) -> dict[str, list[Record]]:
    found = stage.step(columns("bars.1m", 0, *records, first_offset=first)).topics
    return {topic: rows_of(rows) for topic, rows in found.items()}


def taken_up(records: list[Record], cuts: list[int]) -> list[dict[str, list[Record]]]:
    """The outputs of each part of a log, by a stage that takes up what the one before saved."""
    saved: dict[bytes, bytes] = {}
    parts, borders = [], [0, *sorted(min(cut, len(records)) for cut in cuts), len(records)]
    for first, end in pairwise(borders):
        stage = AnalyticsStage(0)
        stage.restore(saved)
        parts.append(outputs(stage, records[first:end], first))
        saved |= stage.take_dirty()
    return parts


def crashed(records: list[Record], cuts: list[int], torn: set[str]) -> list[dict[str, list[Record]]]:
    """The outputs of a stage whose last checkpoint saved some symbols alone; repeats must change none."""
    *borders, crash = sorted(min(cut, len(records)) for cut in cuts)
    stage, parts, saved = AnalyticsStage(0), [], dict[bytes, bytes]()
    for first, end in pairwise([0, *borders]):
        parts.append(outputs(stage, records[first:end], first))
        saved |= stage.take_dirty()
    border = borders[-1]
    between = outputs(stage, records[border:crash], border)
    written = stage.take_dirty()
    after = outputs(stage, records[crash:], crash)
    again = AnalyticsStage(0)
    again.restore(saved | {key: state for key, state in written.items() if name_of(key).decode() in torn})
    for topic, rows in outputs(again, records[border:crash], border).items():
        assert all(row in between[topic] for row in rows), topic
    assert outputs(again, records[crash:], crash) == after
    return [*parts, between, after]


def joined(parts: list[dict[str, list[Record]]]) -> dict[str, list[Record]]:
    whole: dict[str, list[Record]] = {}
    for part in parts:
        for topic, rows in part.items():
            whole.setdefault(topic, []).extend(rows)
    return whole


@settings(max_examples=40, deadline=None)
@given(records=RECORDS, cuts=st.lists(st.integers(0, 400), max_size=5))
def test_outputs_do_not_depend_on_where_batches_begin(records: list[Record], cuts: list[int]):
    whole = outputs(AnalyticsStage(0), records)
    stage, parts = AnalyticsStage(0), []
    borders = [0, *sorted({min(cut, len(records)) for cut in cuts}), len(records)]
    for first, end in pairwise(borders):
        parts.append(outputs(stage, records[first:end], first))
    assert joined(parts) == whole


@settings(max_examples=40, deadline=None)
@given(records=RECORDS, cuts=st.lists(st.integers(0, 400), min_size=1, max_size=4))
def test_a_stage_saved_and_taken_up_anywhere_goes_on_with_the_same_outputs(
    records: list[Record], cuts: list[int]
):
    assert joined(taken_up(records, cuts)) == outputs(AnalyticsStage(0), records)


@settings(max_examples=40, deadline=None)
@given(
    records=RECORDS,
    cuts=st.lists(st.integers(0, 400), min_size=2, max_size=6),
    torn=st.sets(SYMBOLS),
)
def test_a_crash_between_the_writes_of_a_checkpoint_repeats_outputs_but_changes_none(
    records: list[Record], cuts: list[int], torn: set[str]
):
    assert joined(crashed(records, cuts, torn)) == outputs(AnalyticsStage(0), records)


def ends(records: list[Record]) -> dict[Any, Record]:
    """The last row of every bar and value, revisions apart."""
    found = outputs(AnalyticsStage(0), records)
    rows = [
        row for topic, part in found.items() if topic not in ("ready", "late", "dead-letters") for row in part
    ]
    apart = ("revision", "bar_revision", "missing")  # missing: from revision 1 on, what values leave out
    return {
        key: {name: value for name, value in row.items() if name not in apart}
        for key, row in last_rows(rows).items()
    }


NEAR = st.lists(bars(), max_size=40).map(
    lambda rows: list({(row["symbol"], row["ts_open"], row["revision"]): row for row in rows}.values())
)
BEAT = {**heartbeat("2024-07-02T15:00", "bars")}
EDGE = [shifted(bar("2024-07-01T13:30", 5.0, symbol=name), LENGTH) for name in ("SPY", "AIG")]


@settings(max_examples=40, deadline=None)
@given(records=NEAR, order=st.randoms(use_true_random=False))
def test_minutes_and_their_revisions_in_any_order_end_in_the_same_rows(records: list[Record], order: Any):
    # Both symbols reach the second day first, so that no bar is late in one order and not in the other.
    mixed = list(records)
    order.shuffle(mixed)
    start = [config(BODY), *EDGE]
    assert ends([*start, *records, BEAT]) == ends([*start, *mixed, BEAT])


def folded(minutes: list[Record]) -> dict[str, Any]:
    """A bar of its minutes, in plain Python."""
    real = [one for one in minutes if one["fill"] != "flat"]
    counted = real or minutes
    sums = {name: [one[name] for one in counted] for name in ("volume", "notional", "trades")}
    return {
        "open": counted[0]["open"],
        "high": max(one["high"] for one in counted),
        "low": min(one["low"] for one in counted),
        "close": counted[-1]["close"],
        **{name: None if None in parts else sum(parts) for name, parts in sums.items()},
        "actual": len(real),
        "filled": len(minutes) - len(real),
        "source": counted[-1]["source"],
    }


@settings(max_examples=40, deadline=None)
@given(records=NEAR)
def test_every_derived_bar_is_the_fold_of_its_minutes(records: list[Record]):
    best: dict[Any, Record] = {}
    for one in [*EDGE, *records]:
        place = one["symbol"], one["ts_open"]
        if place not in best or one["revision"] > best[place]["revision"]:
            best[place] = one
    found = outputs(AnalyticsStage(0), [config(BODY), *EDGE, *records, BEAT])
    derived = last_rows(row for topic, rows in found.items() if topic.startswith("bars.") for row in rows)
    for row in derived.values():
        inside = [
            one
            for (name, ts), one in sorted(best.items())
            if name == row["symbol"] and row["ts_open"] <= ts < row["ts_close"]
        ]
        expected = folded(inside)
        assert {name: row[name] for name in expected} == expected
    covered = {(row["symbol"], row["interval"]) for row in derived.values()}
    assert len(covered) == 2 * 4


def test_the_law_of_cuts_sees_a_watermark_that_is_not_saved(monkeypatch: pytest.MonkeyPatch):
    records = [config(BODY), *(shifted(bar("2024-07-01T13:30", 5.0), n) for n in (0, 1)), {**BEAT}]
    records += [shifted(bar("2024-07-01T13:30", 5.0), 2)]

    class Forgetful(Partition):
        @staticmethod
        def of(bodies: Mapping[bytes, bytes]) -> Partition:
            taken_up = Partition.of(bodies)
            taken_up.watermark = NULL
            return taken_up

    law = test_a_stage_saved_and_taken_up_anywhere_goes_on_with_the_same_outputs.hypothesis.inner_test
    late_slot = [*records, shifted(bar("2024-07-01T13:30", 5.0), 9)]
    law(late_slot, [5])
    monkeypatch.setattr(stage_module, "Partition", Forgetful)
    with pytest.raises(AssertionError):
        law(late_slot, [5])


def test_the_law_of_any_order_sees_a_fold_in_arrival_order(monkeypatch: pytest.MonkeyPatch):
    def arriving(bars: Any, place: int, slot_of: Any, *rest: Any) -> int:
        told = derive_around(bars, place, slot_of, *rest)
        bars["close"][slot_of[1:, place]] = bars["close"][place]
        return told

    derive_around = revise.derive_around
    law = test_minutes_and_their_revisions_in_any_order_end_in_the_same_rows.hypothesis.inner_test
    minutes = [shifted(bar("2024-07-01T13:30", float(number)), number) for number in range(1, 4)]
    law(minutes, Random(1))
    monkeypatch.setattr(revise, "derive_around", arriving)
    with pytest.raises(AssertionError):
        law(minutes, Random(1))
