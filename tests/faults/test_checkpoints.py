"""A kill at each place of a checkpoint loses nothing and doubles nothing; each rule is needed for that."""

import signal

import pytest

from streams.transport.crash import PLACES
from tests.faults.harness import Run, Verdict

pytestmark = pytest.mark.stack

SMALL_STEPS = {"BARLINE_WORKER_FETCH_BYTES": "65536", "BARLINE_WORKER_CHECKPOINT_MS": "20"}
"""Many checkpoints over few records."""


def crash_and_go_on(run: Run, place: str, rule: str = "", versions: tuple[str, str] = ("", "")) -> Verdict:
    """Send, let a worker crash at a place of its checkpoints, let another one finish, and compare."""
    run.configure(1)
    run.ticks(9_000)
    run.configure(2)
    run.ticks(3_000)
    crash = {"BARLINE_CRASH_AT": f"{place}:{1 if place == 'before-commit' else 3}"}
    first = run.start(0, rule, OUTSIDE_VERSION=versions[0], **SMALL_STEPS, **crash)
    assert first.wait() == -signal.SIGKILL, first.tail()
    run.ticks(1_000)
    run.start(0, rule, OUTSIDE_VERSION=versions[1], **SMALL_STEPS)
    run.wait_drained()
    return run.verdict()


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_at_any_place_of_a_checkpoint_changes_nothing(run: Run, place: str):
    verdict = crash_and_go_on(run, place)
    assert verdict.faults == 0, verdict
    assert verdict.repeated > 0 or place not in {"after-outputs", "between-states"}, verdict


def test_states_ahead_of_the_offsets_without_skipping_count_twice(run: Run):
    assert crash_and_go_on(run, "after-partition-state", "never-skips").wrong > 0


def test_some_states_written_without_skipping_count_twice(run: Run):
    assert crash_and_go_on(run, "between-states", "never-skips").wrong > 0


def test_offsets_committed_before_the_states_lose_records(run: Run):
    assert crash_and_go_on(run, "between-states", "commits-first").wrong > 0


def test_a_partition_state_ahead_of_its_symbols_gives_wrong_outputs(run: Run):
    assert crash_and_go_on(run, "between-states", "partition-state-first").wrong > 0


def test_a_configuration_from_outside_the_log_gives_wrong_outputs(run: Run):
    assert crash_and_go_on(run, "after-outputs", "configured-outside", ("1", "2")).wrong > 0
