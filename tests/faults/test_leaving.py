"""A worker that is told to leave leaves with 0 at any moment of its start, and loses nothing."""

import signal

import pytest

from tests.faults.harness import Run, Worker, eventually
from tests.faults.scenarios import leave_in_order

pytestmark = pytest.mark.stack


def wait_log(worker: Worker, text: str) -> None:
    """Wait until a worker has come as far as it says."""
    eventually(lambda: text in worker.log.read_text(), text)


def test_told_to_leave_while_it_warms(run: Run):
    worker = run.start(1, "warms-for-ever")
    wait_log(worker, "warming")
    leave_in_order(worker)


def test_told_to_leave_while_partitions_are_assigned_anew_or_restored(run: Run):
    """The first worker worked before; the second one has only just got its partitions."""
    first = run.start(1, "restores-once")
    with run.feeding(300):
        first.wait_working()
        second = run.start(2, "restores-never")
        wait_log(first, "restoring")
        wait_log(second, "restoring")
        leave_in_order(first)
        leave_in_order(second)
    run.start(1)
    run.wait_drained()
    verdict = run.verdict()
    assert verdict.faults == 0, verdict


def test_told_to_leave_while_the_group_waits_for_another(run: Run):
    """It is longer than the event loop may stand still, and the watchdog must see that it does not."""
    first, second = run.start(1, BARLINE_WORKER_SESSION_TIMEOUT="30"), run.start(2)
    with run.feeding(300):
        first.wait_working()
        second.wait_working()
    first.send(signal.SIGSTOP)
    run.start(3)
    eventually(lambda: not second.ready(), "partitions are assigned anew")
    leave_in_order(second)


def test_the_last_work_is_committed_before_partitions_are_given_to_one_who_joins(run: Run):
    run.ticks(500)
    first = run.start(1, "waits-for-rebalance", BARLINE_WORKER_CHECKPOINT_MS="2900")
    run.wait_drained()
    second = run.start(2, BARLINE_WORKER_SESSION_TIMEOUT="30")
    wait_log(second, "worker carries")
    second.send(signal.SIGSTOP)
    applied = 'barline_records_total{agent="counting",outcome="in"}'
    already = first.metric(applied)
    run.ticks(500)
    eventually(lambda: first.metric(applied) >= already + 500, "applied")
    first.send(signal.SIGTERM)
    second.send(signal.SIGCONT)
    assert first.wait() == 0, first.tail()
    assert run.drained()


@pytest.mark.parametrize(
    ("rule", "holds"),
    [("leaves-amid-its-work", True), ("goes-on-while-it-leaves", False)],
    ids=["kept", "control"],
)
def test_told_to_leave_while_it_is_amid_what_came(run: Run, rule: str, *, holds: bool):
    """What has come but not had its turn by then makes no lane from states that are just being written."""
    for _ in range(4):
        worker = run.start(1, rule, BARLINE_WORKER_CHECKPOINT_MS="2900")
        with run.feeding():
            assert worker.wait() == 0, worker.tail()
    run.start(1)
    run.wait_drained()
    verdict = run.verdict()
    assert (verdict.faults == 0) == holds, verdict
