"""The checkpoints of all lanes together leave the loop to the records."""

import pytest

from streams.transport.pace import SHARE, Pace


def test_lanes_rest_for_what_all_of_them_took():
    pace = Pace(10.0)
    assert pace.rest == 0.0
    for lane in range(4):
        pace.note(lane, 0.01)
    spent = 4 * 0.01
    assert spent / (spent + pace.rest) == pytest.approx(SHARE)


def test_the_last_checkpoint_of_a_lane_counts():
    pace = Pace(10.0)
    pace.note("lane", 0.3)
    pace.note("lane", 0.01)
    assert pace.rest == pytest.approx(0.01 * (1 / SHARE - 1))


def test_a_lane_that_is_gone_takes_nothing():
    pace = Pace(10.0)
    pace.note("lane", 0.1)
    pace.forget("lane")
    pace.forget("another")
    assert pace.rest == 0.0


def test_no_rest_is_longer_than_may_be_read_again():
    pace = Pace(10.0)
    pace.note("lane", 60.0)
    assert pace.rest == 10.0
