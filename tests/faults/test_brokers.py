"""The broker killed, and frozen for longer than deliveries may take, while records keep coming.

``BARLINE_OUTAGE=20`` freezes it for 20 s, and kills it; ``make faults`` does so, too.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from barline.stack.running import running
from barline.stack.stack import Stack
from tests.faults.brokers import ENOUGH, LONG, broker_freezes, broker_kills
from tests.faults.harness import Run

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

SHORT_S = 7.0
"""Longer than the delivery timeout of the workers, 4.8 s."""
FREEZE_S = float(os.environ["BARLINE_OUTAGE"]) if LONG else SHORT_S


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """Servers that may be broken; the broker is started again when it dies."""
    with tempfile.TemporaryDirectory() as home, running(Path(home), restart=["kafka"]) as stack:
        yield stack


@pytest.fixture
def kafka(own_stack: Stack) -> str:
    """Address of the broker that may be broken."""
    return own_stack.endpoints.kafka


@pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)")
def test_a_killed_broker_loses_nothing(run: Run, own_stack: Stack):
    tally = broker_kills(run, own_stack["kafka"], 5)
    assert tally.faults == 0, tally


def test_a_frozen_broker_loses_nothing(run: Run, own_stack: Stack):
    tally = broker_freezes(run, own_stack["kafka"], 3 if LONG else 1, FREEZE_S)
    assert tally.faults == 0, tally
    assert len(run.workers) > 1, "a worker must have left, since its records were not acknowledged in time"


@pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)")
def test_refusals_of_a_frozen_broker_that_are_ignored_lose_records(run: Run, own_stack: Stack):
    assert broker_freezes(run, own_stack["kafka"], ENOUGH, SHORT_S, "ignores-failures").faults > 0
