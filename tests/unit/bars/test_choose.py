"""Which source decides, and when."""

from schemas.flags import PARTIAL
from tests.factories import heartbeat
from tests.unit.bars.desk import Desk, beat, fed, minute, vended


def clock(number: float):
    return heartbeat(minute(number), "clock")


def test_the_best_alive_source_decides_with_its_bar():
    got = Desk().feed(fed(0, 10.0))
    assert got.bars() == [(0, 10.0, "real", 0)]
    assert got.of("Bar")[0]["source"] == "feed"


def test_a_worse_source_waits_for_the_watermark_of_the_best():
    desk = Desk()
    assert desk.feed(vended(0, 11.0), beat(0.99)).bars() == []
    got = desk.feed(beat(1))
    assert got.bars() == [(0, 11.0, "real", 0)]
    assert got.of("Bar")[0]["source"] == "feed.bars"


def test_when_the_best_source_dies_the_next_one_decides():
    desk = Desk()
    desk.feed(beat(0.5, alive=False))
    assert desk.feed(fed(1, 12.0), vended(0, 11.0)).bars() == [(0, 11.0, "real", 0)]


def test_a_bar_that_waits_is_out_when_its_source_becomes_the_best():
    desk = Desk()
    assert desk.feed(vended(0, 11.0)).bars() == []
    assert desk.feed(beat(0.5, alive=False)).bars() == [(0, 11.0, "real", 0)]


def test_where_nobody_is_alive_any_heartbeat_five_seconds_later_decides():
    desk = Desk()
    desk.feed(beat(0.5, alive=False), beat(0.5, "feed.bars", alive=False), fed(0, 10.0))
    assert desk.feed(clock(1), clock(1.05)).bars() == []
    assert desk.feed(clock(1.1)).bars() == [(0, 10.0, "real", 0)]


def test_a_source_in_probation_decides_where_no_other_counts():
    desk = Desk()
    desk.feed(beat(0.5, alive=False), beat(0.5, "feed.bars", alive=False))
    assert desk.feed(beat(0.6, "feed.bars"), vended(0, 11.0)).bars() == [(0, 11.0, "real", 0)]


def test_a_newer_revision_of_its_source_is_a_revision():
    desk = Desk()
    got = desk.feed(fed(0, 10.0), fed(0, 10.5, revision=1))
    assert got.bars() == [(0, 10.0, "real", 0), (0, 10.5, "real", 1)]


def test_the_same_source_revision_is_a_duplicate():
    got = Desk().feed(fed(0, 10.0, revision=3), fed(0, 11.0, revision=3), fed(0, 12.0, revision=2))
    assert got.bars() == [(0, 10.0, "real", 0)]
    assert got.counts == {"in": 3, "out": 1, "duplicate": 2}


def test_a_worse_source_changes_nothing_where_a_real_bar_is():
    got = Desk().feed(fed(0, 10.0), vended(0, 11.0))
    assert got.bars() == [(0, 10.0, "real", 0)]
    assert got.counts["duplicate"] == 1


def test_a_better_source_revises_unless_its_bar_is_partial():
    desk = Desk()
    desk.feed(vended(0, 11.0), beat(1), vended(1, 11.0), beat(2))
    got = desk.feed(fed(0, 10.0), fed(1, 10.0, flags=PARTIAL))
    assert got.bars() == [(0, 10.0, "real", 1)]
    assert got.counts == {"in": 2, "out": 1, "duplicate": 1, "flagged.V19": 2}


def test_a_partial_bar_replaces_a_flat_one():
    desk = Desk()
    desk.feed(fed(0, 10.0), beat(2))
    assert desk.feed(fed(1, 10.5, flags=PARTIAL)).bars() == [(1, 10.5, "real", 1)]


def test_a_refetched_bar_replaces_a_flat_one_but_no_real_one():
    desk = Desk()
    desk.feed(fed(0, 10.0), beat(2))
    got = desk.feed(vended(0, 11.0, fill="refetched"), vended(1, 12.0, fill="refetched"))
    assert got.bars() == [(1, 12.0, "refetched", 1)]
    assert got.counts == {"in": 2, "out": 1, "duplicate": 1, "flagged.V19": 1}


def test_a_real_bar_replaces_a_refetched_one():
    desk = Desk()
    desk.feed(fed(0, 10.0), beat(2), vended(1, 12.0, fill="refetched"))
    assert desk.feed(vended(1, 12.5, revision=1)).bars() == [(1, 12.5, "real", 2)]


def test_a_refetched_bar_never_stands_before_a_real_one_that_waits():
    desk = Desk()
    desk.feed(vended(0, 11.0), fed(0, 12.0, fill="refetched"), vended(0, 13.0, revision=1, fill="refetched"))
    assert desk.feed(beat(1)).bars() == [(0, 11.0, "real", 0)]
