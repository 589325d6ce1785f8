"""Late writes and refused writes of states."""

from collections.abc import Callable

import pytest

from streams.core.slots import offset_of
from tests.faults.harness import Run, Verdict, eventually

pytestmark = pytest.mark.stack


def write_old_states_and_go_on(run: Run, rule: str = "") -> Verdict:
    """Let states be written twice, append the first ones again, and go on from what is restored."""
    for _ in range(2):
        run.ticks(2_000)
        worker = run.start(0, rule)
        run.wait_drained()
        worker.send(15)
        assert worker.wait() == 0, worker.tail()
    old: dict[tuple[bytes, int], bytes] = {}
    newest: dict[tuple[bytes, int], int] = {}
    for key, state, partition in run.read(run.changelog):
        old.setdefault((key, partition), state)
        newest[key, partition] = offset_of(state)
    assert any(offset_of(state) < newest[place] for place, state in old.items())
    run.write_states([(key, state, partition) for (key, partition), state in old.items()])
    run.ticks(2_000)
    run.start(0, rule)
    run.wait_drained()
    return run.verdict()


def test_a_state_written_late_by_a_woken_worker_is_not_taken_up(run: Run):
    verdict = write_old_states_and_go_on(run)
    assert verdict.faults == 0, verdict


def test_the_last_write_would_lose_what_came_between(run: Run):
    assert write_old_states_and_go_on(run, "last-write-wins").faults > 0


def test_a_refused_state_ends_the_process_and_commits_nothing(new_run: Callable[..., Run]):
    run = new_run(changelog_settings={"max.message.bytes": "60"})
    run.ticks(2_000)
    worker = run.start()
    assert worker.wait() == 1, worker.tail()
    assert "records must fit max.message.bytes" in worker.tail()
    assert set(run.committed().values()) == {0}


def test_a_worker_that_ignores_refusals_commits_what_it_lost(new_run: Callable[..., Run]):
    run = new_run(changelog_settings={"max.message.bytes": "60"})
    run.ticks(2_000)
    run.start(0, "ignores-failures")
    eventually(run.drained, "the offsets of lost states are committed")
    assert run.read(run.changelog) == []


def test_a_stage_that_raises_ends_the_process_and_loses_nothing(run: Run):
    run.ticks(800)
    run.start(0)
    run.wait_drained()
    run.workers[-1].kill()
    run.ticks(1_600)
    worker = run.start(0, "raises")
    assert worker.wait() == 1, worker.tail()
    assert "a bug in a stage" in worker.log.read_text()
    assert not run.drained()
    run.start(0)
    run.wait_drained()
    verdict = run.verdict()
    assert verdict.faults == 0, verdict
