"""What is on its way while partitions are assigned anew, workers of the same name, and a clock that jumps.

``BARLINE_OUTAGE=20`` runs the long form.
"""

import signal

import pytest

from schemas.errors import DependencyError
from tests.faults.brokers import LONG, clock_jumps, fencings
from tests.faults.harness import Run, Verdict, Worker, eventually

pytestmark = pytest.mark.stack


def join_with_chunks_on_their_way(run: Run, rule: str) -> Verdict:
    """A second worker takes over partitions of which the first one has a chunk in hand, and goes on.

    Then the first one gets to that chunk. The last state that was written counts (R12 is taken out), so that
    the rule at hand is alone: that such a chunk is dropped.
    """
    first = run.start(1, rule)
    with run.feeding(300):
        first.wait_working()
        run.pause(1.0)
        second = run.start(2, "last-write-wins")
        second.wait_committing()
    run.wait_drained()
    seen = chunks(first)
    first.send(signal.SIGUSR1)
    eventually(lambda: chunks(first) > seen, "the first worker gets to its chunk")
    run.pause(1.0)
    first.kill()
    second.kill()
    run.ticks(1_000)
    run.start(2, "last-write-wins")
    run.wait_drained()
    return run.verdict()


def chunks(worker: Worker) -> float:
    """Chunks that it applied or dropped."""
    names = (f'barline_chunks_total{{agent="counting",outcome="{name}"}}' for name in ("applied", "dropped"))
    return sum(worker.metric(name) for name in names)


@pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)")
def test_a_chunk_of_an_older_generation_is_dropped(run: Run):
    verdict = join_with_chunks_on_their_way(run, "takes-late")
    assert verdict.faults == 0, verdict


def test_a_chunk_of_an_older_generation_that_is_taken_gives_wrong_outputs(run: Run):
    assert join_with_chunks_on_their_way(run, "takes-stale").faults > 0


def test_queues_emptied_after_the_seek_leave_a_partition_standing(run: Run):
    """What was in them is gone: it is never applied, so nothing after it is committed."""
    run.ticks(1_000)
    worker = run.start(0)
    run.wait_drained()
    worker.kill()
    before = run.committed()
    with run.feeding(300):
        worker = run.start(0, "seeks-first")
        eventually(worker.ready, "the worker is ready")
        run.pause(4.0)
    worker.kill()
    after = run.committed()
    assert min(after[number] - before[number] for number in before) == 0
    run.start(0)
    run.wait_drained()


def test_a_worker_that_the_group_refuses_leaves_and_says_why(run: Run):
    """It has no partitions then, so nothing is read that could tell of it."""
    worker = run.start(0, BARLINE_WORKER_SESSION_TIMEOUT="3600")  # longer than brokers allow
    assert worker.wait() == DependencyError.exit_code
    assert "the group must keep this worker, said InvalidSessionTimeoutError" in worker.tail()


@pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)")
def test_workers_of_the_same_name_fence_each_other_and_lose_nothing(run: Run):
    tally = fencings(run, 3)
    assert tally.faults == 0, tally


@pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)")
def test_a_clock_that_jumps_changes_nothing(run: Run):
    tally = clock_jumps(run, 5)
    assert tally.faults == 0, tally


@pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)")
def test_a_stage_that_reads_a_jumping_clock_gives_wrong_outputs(run: Run):
    assert clock_jumps(run, 1, "reads-clock").faults > 0
