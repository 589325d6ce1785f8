"""The simulated day through two deployed workers that are frozen in turn: every topic and table is right.

``BARLINE_OUTAGE=20`` runs it, for two minutes; ``make faults`` does so with more freezes.
"""

import pytest

from tests.faults.brokers import LONG
from tests.faults.day import frozen_day

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not LONG, reason="long (BARLINE_OUTAGE=20)"),
]


def test_workers_frozen_in_turn_change_no_row_of_a_day():
    tally = frozen_day(2)
    assert tally.faults == 0, tally
    assert tally.freezes == 2
    assert tally.repeated > 0, "a worker must have been frozen with work in hand"


def test_stages_that_outlive_a_rebalance_spoil_the_day():
    assert frozen_day(3, "keeps-lanes").faults > 0
