"""Workers killed, stopped, frozen, joined and left while records keep coming: nothing is lost or doubled.

``BARLINE_FAULT_KILLS`` (default 10) says how many kills; ``make faults`` is the long form of all.
"""

import os

import pytest

from tests.faults.harness import Run, Verdict
from tests.faults.scenarios import comebacks, freeze_with_work, kills, leave_in_order, wake

pytestmark = pytest.mark.stack

KILLS = int(os.environ.get("BARLINE_FAULT_KILLS", "10"))


@pytest.mark.timeout(120 + 30 * KILLS)
def test_kills_at_random_moments_change_nothing(run: Run):
    tally = kills(run, KILLS)
    assert tally.faults == 0, tally


@pytest.mark.timeout(120 + 30 * KILLS)
def test_a_step_that_waits_in_a_thread_stops_no_loop_and_changes_nothing(run: Run):
    tally = kills(run, max(KILLS // 5, 2), "waits")
    assert tally.faults == 0, tally
    assert "the event loop must turn" not in (run.home / "worker-0.log").read_text()


def join_and_leave(run: Run, rule: str = "") -> Verdict:
    """A second worker joins, leaves, joins again and is killed; then the first is restarted."""
    first = run.start(1, rule)
    with run.feeding(300):
        first.wait_working()
        second = run.start(2, rule)
        second.wait_working()
        leave_in_order(second)
        second = run.start(2, rule)
        second.wait_working()
        second.kill()
        run.start(2, rule).wait_working()
        leave_in_order(first)
        run.start(1, rule).wait_working()
    run.wait_drained()
    return run.verdict()


@pytest.mark.timeout(300)
def test_joining_leaving_and_restarting_change_nothing(run: Run):
    verdict = join_and_leave(run)
    assert verdict.faults == 0, verdict


@pytest.mark.timeout(300)
def test_a_partition_that_comes_back_is_restored(run: Run):
    tally = comebacks(run, 1)
    assert tally.faults == 0, tally


@pytest.mark.timeout(300)
def test_a_stage_kept_over_a_rebalance_gives_wrong_outputs(run: Run):
    assert comebacks(run, 1, "keeps-lanes").faults > 0


def freeze_and_wake(run: Run, rule: str = "") -> Verdict:
    """Freeze a worker with work in hand until another has taken over and gone on; wake it; restore anew."""
    late = {"BARLINE_WORKER_CHECKPOINT_MS": "2900"}  # so that there is work in hand
    frozen = run.start(1, rule, **late)
    run.ticks(500)
    freeze_with_work(run, frozen)
    other = run.start(2, rule)
    run.ticks(1_000)
    run.wait_drained()
    wake(run, frozen, leaves=not rule)
    for worker in (frozen, other):
        worker.kill()
    run.ticks(1_000)
    run.start(2, rule)
    run.wait_drained()
    return run.verdict()


@pytest.mark.timeout(300)
def test_a_frozen_worker_leaves_when_it_wakes_and_harms_nothing(run: Run):
    verdict = freeze_and_wake(run)
    assert verdict.faults == 0, verdict


@pytest.mark.timeout(300)
def test_a_frozen_worker_that_goes_on_writes_old_states(run: Run):
    verdict = freeze_and_wake(run, "never-leaves")
    assert verdict.faults > 0, verdict


def test_a_step_that_stands_still_ends_the_worker(run: Run):
    """Threads of the process go on; the loop does not."""
    worker = run.start(0, "stands-still")
    run.ticks(100)
    assert worker.wait() == 1
    assert "the event loop must turn" in worker.log.read_text()
    assert set(run.committed().values()) == {0}
