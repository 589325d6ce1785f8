"""A changelog that lost records stops the worker; made anew with the offsets forgotten, all is rebuilt.

``BARLINE_OUTAGE=20`` runs the long form, with the other losses and the rebuilding.
"""

from collections.abc import Callable

import pytest

from schemas.errors import StateError
from tests.faults.brokers import LONG
from tests.faults.damage import forget_offsets, lose_changelog, put_back_an_old_copy, truncate_changelog
from tests.faults.harness import PARTITIONS, SYMBOLS, Run, Verdict, Worker

pytestmark = pytest.mark.stack


LOSSES: dict[str, Callable[[Run], None]] = {
    "lost": lose_changelog,
    "truncated": truncate_changelog,
    "replaced by an old copy": put_back_an_old_copy,
}


def lose_states(run: Run, loss: str, rule: str = "") -> Worker:
    """Let states be saved, at last of few symbols, damage the changelog, send more, start anew."""
    worker = run.start()
    for symbols in (SYMBOLS, PARTITIONS, PARTITIONS):
        run.ticks(1_000, symbols)
        run.wait_drained()
    worker.send(15)
    assert worker.wait() == 0, worker.tail()
    LOSSES[loss](run)
    run.ticks(1_000)
    return run.start(0, rule)


@pytest.mark.parametrize("loss", LOSSES if LONG else ["truncated"])
def test_a_changelog_that_lost_states_stops_the_worker(run: Run, loss: str):
    worker = lose_states(run, loss)
    assert worker.wait() == StateError.exit_code, worker.tail()
    assert "it was truncated or lost" in worker.tail()
    assert not run.drained()


def test_a_lost_changelog_that_is_trusted_gives_wrong_outputs(run: Run):
    assert outcome(run, lose_states(run, "lost", "trusts-changelog")).wrong > 0


@pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)")
def test_a_truncated_changelog_that_is_trusted_gives_wrong_outputs(run: Run):
    assert outcome(run, lose_states(run, "truncated", "trusts-changelog")).wrong > 0


@pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)")
def test_after_the_offsets_are_forgotten_everything_is_rebuilt(run: Run):
    worker = lose_states(run, "truncated")
    assert worker.wait() == StateError.exit_code, worker.tail()
    lose_changelog(run)
    forget_offsets(run)
    verdict = outcome(run, run.start())
    assert verdict.faults == 0, verdict
    assert verdict.repeated >= 3_000, verdict


def outcome(run: Run, worker: Worker) -> Verdict:
    """What came out once everything is committed."""
    worker.wait_working()
    run.wait_drained()
    return run.verdict()
