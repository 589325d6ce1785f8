"""A bar that its source takes back: its minute becomes what it would have been without it."""

from schemas.flags import WITHDRAWN
from tests.factories import Record
from tests.unit.bars.desk import Desk, beat, fed, vended


def taken_back(number: float, **fields: int) -> Record:
    return fed(number, 250.0, **{"revision": 1, "volume": 0.0, "flags": WITHDRAWN, **fields})


def test_a_minute_that_has_the_bar_becomes_flat_and_so_do_the_flats_after_it_anew():
    desk = Desk()
    desk.feed(fed(0, 100.0), beat(1), fed(1, 250.0), *(beat(n) for n in range(2, 5)))
    got = desk.feed(taken_back(1))
    assert got.bars() == [(1, 100.0, "flat", 1), (2, 100.0, "flat", 1), (3, 100.0, "flat", 1)]
    assert got.causes() == [(1, "no_trades", True)]
    assert [gap[:3] for gap in got.gaps()] == [(1, 1, "filled"), (2, 2, "filled")]
    assert (got.counts["in"], got.counts["out"], got.letters()) == (1, 1, [])
    rows = [row["record"] for row in got.topics["bars.1m"]]
    assert rows[:2] == ["Bar", "MinuteStatus"]  # a status before the flat bar would not be heard


def test_a_bar_that_waits_for_its_minute_is_forgotten():
    desk = Desk()
    desk.feed(fed(0, 100.0), beat(1), vended(1, 250.0))
    assert desk.feed({**taken_back(1), "source": "feed.bars"}).counts["out"] == 1
    assert desk.feed(beat(2), beat(3)).bars() == [(1, 100.0, "flat", 0), (2, 100.0, "flat", 0)]


def test_a_minute_that_was_decided_before_its_turn_is_decided_again():
    desk = Desk()
    assert desk.feed(fed(0, 100.0), beat(1), fed(2, 250.0)).bars()[-1] == (2, 250.0, "real", 0)
    assert desk.feed(taken_back(2)).counts["out"] == 1
    assert desk.feed(beat(2), beat(3)).bars() == [(1, 100.0, "flat", 0), (2, 100.0, "flat", 1)]


def test_a_minute_that_was_in_a_gap_before_its_bar_came_is_in_it_again():
    desk = Desk()
    desk.feed(fed(0, 100.0), *(beat(n) for n in range(1, 5)), fed(3, 250.0), fed(2, 101.0))
    got = desk.feed(taken_back(3))
    assert got.bars() == [(3, 101.0, "flat", 2)]
    assert [gap[:3] for gap in got.gaps()] == [(1, 3, "filled")]


def test_the_bar_of_another_source_stays():
    desk = Desk()
    desk.feed(fed(0, 100.0), fed(1, 101.0), vended(1, 250.0), beat(2))
    got = desk.feed({**taken_back(1), "source": "feed.bars"})
    assert (got.bars(), got.counts["duplicate"]) == ([], 1)


def test_one_that_cannot_become_flat_stays_and_what_takes_it_back_is_refused():
    desk = Desk()
    desk.feed(fed(0, 250.0), beat(1))
    got = desk.feed(taken_back(0))
    assert (got.bars(), got.letters(), got.counts["rejected.C04"]) == ([], ["C04"], 1)


def test_the_same_again_is_a_duplicate_and_a_later_print_brings_a_bar_back():
    desk = Desk()
    desk.feed(fed(0, 100.0), beat(1), fed(1, 250.0), beat(2), taken_back(1))
    assert desk.feed(taken_back(1)).counts["duplicate"] == 1
    assert desk.feed(fed(1, 102.0, revision=2)).bars() == [(1, 102.0, "real", 2)]
