"""The bars stage in batches, saved and restored anywhere, and after a checkpoint that was torn by a crash."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.bars import saved
from streams.core.bars.days import Days
from streams.core.bars.stage import BarsStage
from tests.factories import Record, bar, config, heartbeat
from tests.property.bars_log import Run, logs, minute, resumed, saved_counts, world

cuts = st.lists(st.integers(0, 45), max_size=6)


@given(logs(), cuts)
@settings(max_examples=120, deadline=None)
def test_batches_change_nothing(log: list[Record], at_cuts: list[int]):
    whole, parts = Run().read(log, 0), Run().read(log, 0, at_cuts)
    assert parts.rows == whole.rows
    assert parts.counts == whole.counts
    assert parts.stage.take_dirty() == whole.stage.take_dirty()


@given(logs(), cuts)
@settings(max_examples=120, deadline=None)
def test_a_stage_saved_and_restored_anywhere_goes_on_the_same(log: list[Record], at_cuts: list[int]):
    whole = Run().read(log, 0)
    states: dict[bytes, bytes] = {}
    borders = [0, *sorted(cut for cut in set(at_cuts) if 0 < cut < len(log)), len(log)]
    run = Run()
    for low, high in pairwise(borders):
        run.read(log[:high], low)
        states |= run.stage.take_dirty()
        run.stage = resumed(states)
    assert run.rows == whole.rows
    assert saved_counts(run.stage) == saved_counts(whole.stage)


@given(logs(), cuts, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_so_does_one_whose_minutes_are_saved_as_they_change(log: list[Record], at_cuts: list[int], most: int):
    whole, run = Run().read(log, 0), Run()
    states: dict[bytes, bytes] = {}
    borders = [0, *sorted(cut for cut in set(at_cuts) if 0 < cut < len(log)), len(log)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved, "MOST_RECENT", most)
        for low, high in pairwise(borders):
            run.read(log[:high], low)
            states |= run.stage.take_dirty()
        run.stage = resumed(states)
    assert saved_counts(run.stage) == saved_counts(whole.stage)
    assert saved_days(run.stage) == saved_days(whole.stage)


def saved_days(stage: BarsStage) -> dict[tuple[bytes, int], bytes]:
    """Everything that is known of every trade date."""
    return {
        (name, slot): saved.packed(day, np.arange(len(day.rows)), 0)
        for name, slots in stage._book.days._days.items()
        for slot, day in slots.items()
    }


def torn(log: list[Record], first: int, second_: int, kept: int) -> tuple[Run, Run, BarsStage]:
    """A crash while the second checkpoint is being written: so many of its states made it, not the last."""
    run = Run()
    run.read(log[:first], 0)
    states = run.stage.take_dirty()
    run.read(log[:second_], first)
    newer = list(run.stage.take_dirty().items())
    states |= dict(newer[: min(kept, len(newer) - 1)])
    run.read(log, second_)
    return Run().read(log, 0), run, resumed(states)


def distinct(rows: dict[str, list[Record]]) -> set[str]:
    return {f"{topic} {row}" for topic, found in rows.items() for row in found}


def holds_after_a_tear(log: list[Record], first: int, width: int, kept: int) -> bool:
    first = min(max(first, 1), len(log))
    end = min(first + width, len(log))
    whole, before, stage = torn(log, first, end, kept)
    known = distinct(Run().read(log[:first], 0).rows)
    again = Run(stage)
    again.read(log[:end], first)
    repeats = distinct(again.rows)
    rest = {topic: len(found) for topic, found in again.rows.items()}
    again.read(log, end)
    after = {topic: found[rest.get(topic, 0) :] for topic, found in again.rows.items()}
    mine = Run().read(log[:end], 0).rows
    expected = {topic: found[len(mine.get(topic, [])) :] for topic, found in whole.rows.items()}
    return (
        repeats <= distinct(mine)
        and known <= distinct(mine)
        and {t: r for t, r in after.items() if r} == {t: r for t, r in expected.items() if r}
        and saved_counts(stage) == saved_counts(whole.stage)
        and before.rows == whole.rows
    )


tears = (st.integers(1, 30), st.integers(1, 12), st.integers(0, 6))


@given(logs(), *tears, st.sampled_from([1, saved.MOST_RECENT]))
@settings(max_examples=200, deadline=None)
def test_states_newer_than_the_partition_do_no_harm(
    log: list[Record], first: int, width: int, kept: int, most: int
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved, "MOST_RECENT", most)
        assert holds_after_a_tear(log, first, width, kept)


def test_without_the_offsets_of_the_symbols_a_tear_does_harm(monkeypatch: pytest.MonkeyPatch):
    log = [config(world()), heartbeat(minute(0, 0), "feed"), bar(minute(0, 0), 10.0, source="feed")]
    log += [heartbeat(minute(0, 2), "feed"), bar(minute(0, 2), 11.0, source="feed")]
    assert holds_after_a_tear(log, 2, 2, 1)
    restore = Days.restore

    def forgetful(self: Days, *args: object) -> None:
        restore(self, *args)
        for slots in self._days.values():
            for day in slots.values():
                day.offset = -1

    monkeypatch.setattr(Days, "restore", forgetful)
    assert not holds_after_a_tear(log, 2, 2, 1)


def test_a_trade_date_that_was_let_go_of_ahead_of_the_others_does_no_harm():
    log = [config(world()), heartbeat(minute(0, 0), "feed"), bar(minute(0, 0), 10.0, source="feed")]
    log += [heartbeat(minute(2, 0), "feed"), heartbeat(minute(2, 2), "feed")]
    assert all(holds_after_a_tear(log, 1, 3, kept) for kept in range(5))
