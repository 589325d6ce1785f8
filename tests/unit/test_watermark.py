"""Marks and liveness, on hand-made heartbeats."""

import pytest

from schemas.config import Domain, SourceConfig
from schemas.errors import StateError
from streams.core.watermark import FOREVER, NEVER, Liveness, Watermarks

S = 1_000_000_000


def beat(
    marks: Watermarks,
    at: float,
    source: bytes = b"sim",
    writer: bytes | None = None,
    *,
    behind: int = 0,
    alive: bool = True,
) -> int:
    """A heartbeat at a second; returns the number of its source."""
    ts = int(at * S)
    return marks.heartbeat(source, source if writer is None else writer, ts, ts - behind * S, ts, alive=alive)


def alive_until(last: int) -> Watermarks:
    marks = Watermarks()
    for second in range(last + 1):
        beat(marks, second)
    return marks


def test_a_mark_is_the_largest_ts_through_and_never_falls():
    marks = Watermarks()
    number = beat(marks, 10)
    assert beat(marks, 11, behind=4) == number
    assert marks.mark(number) == 10 * S
    marks.raise_mark(number, 9 * S)
    assert marks.mark(number) == 10 * S
    marks.raise_mark(number, 12 * S)
    assert marks.mark(number) == 12 * S


def test_a_source_never_heard_of_is_dead_and_has_no_mark():
    marks = Watermarks()
    assert marks.find(b"sim") == -1
    assert marks.mark(-1) == NEVER
    assert marks.status(-1) is Liveness.DEAD
    assert marks.status(marks.add(b"sim")) is Liveness.DEAD


def test_a_heartbeat_not_newer_than_the_last_of_its_writer_is_ignored():
    marks = Watermarks()
    number = beat(marks, 10)
    assert beat(marks, 10, alive=False) == -1
    assert beat(marks, 9, behind=-100) == -1
    assert marks.status(number) is Liveness.ALIVE
    assert marks.mark(number) == 10 * S
    assert beat(marks, 9, writer=b"ticks") == number


def test_a_source_counts_at_once_at_its_first_good_heartbeat():
    marks = Watermarks()
    number = beat(marks, 0, alive=False)
    assert marks.status(number) is Liveness.DEAD
    beat(marks, 1)
    assert marks.status(number) is Liveness.ALIVE


def test_after_a_failure_it_counts_again_after_its_probation():
    marks = alive_until(10)
    beat(marks, 11, alive=False)
    assert marks.status(0) is Liveness.DEAD
    beat(marks, 12)
    assert marks.status(0) is Liveness.PROBATION
    beat(marks, 71)
    assert marks.status(0) is Liveness.PROBATION
    beat(marks, 72)
    assert marks.status(0) is Liveness.ALIVE


def test_a_source_is_dead_when_the_newest_heartbeat_is_more_than_five_seconds_newer():
    marks = alive_until(10)
    beat(marks, 15, b"clock")
    assert marks.status(0) is Liveness.ALIVE
    beat(marks, 15.1, b"clock")
    assert marks.status(0) is Liveness.DEAD


def test_an_old_heartbeat_does_not_bring_a_source_back():
    marks = alive_until(10)
    beat(marks, 30, b"clock")
    beat(marks, 24)
    assert marks.status(0) is Liveness.DEAD
    beat(marks, 25)
    assert marks.status(0) is Liveness.PROBATION


def test_ages_are_compared_only_among_heartbeats_that_came_the_same_way():
    marks = alive_until(10)
    beat(marks, 100, b"other", writer=b"ticks")
    assert marks.status(0) is Liveness.ALIVE
    assert marks.newest() == 100 * S


def test_a_source_whose_promises_stand_still_is_dead():
    marks = Watermarks()
    beat(marks, 10, behind=5)
    assert marks.status(0) is Liveness.ALIVE
    beat(marks, 11, behind=6)
    assert marks.status(0) is Liveness.DEAD


def test_a_poller_may_be_two_periods_behind():
    marks = Watermarks()
    marks.configure(Domain(1, sources=[SourceConfig("sim", "bars.raw", poll_ms=60_000)]))
    beat(marks, 200, behind=120)
    assert marks.status(0) is Liveness.ALIVE
    beat(marks, 201, behind=121)
    assert marks.status(0) is Liveness.DEAD


def test_a_minute_is_whole_only_where_no_outage_touches_it():
    marks = Watermarks()
    for second in range(30, 100):
        beat(marks, second)
    beat(marks, 130, alive=False)
    beat(marks, 131)
    whole = [marks.is_whole(0, start * S, (start + 10) * S) for start in range(20, 160, 10)]
    #        20     30    40    50    60    70    80    90     100    110    120    130    140   150
    assert whole == [
        False, True, True, True, True, True, True, False, False, False, False, False, True, True,
    ]  # fmt: skip


def test_an_outage_lasts_until_the_source_is_good_again():
    marks = alive_until(10)
    beat(marks, 20, alive=False)
    assert not marks.is_whole(0, 15 * S, 16 * S)
    assert marks.outage(0) == (0, 10 * S, FOREVER)


def test_a_failure_in_probation_prolongs_the_outage():
    marks = alive_until(10)
    beat(marks, 11, alive=False)
    beat(marks, 20)
    beat(marks, 21, alive=False)
    beat(marks, 30)
    assert marks.outage(0) == (0, 10 * S, 30 * S)


def test_names_that_are_no_names_are_ignored():
    marks = Watermarks()
    assert beat(marks, 1, b"x" * 65) == -1
    assert beat(marks, 1, b"a\0b") == -1
    assert beat(marks, 1, b"sim", writer=b"") == -1
    assert marks.heartbeat(b"sim", b"sim", FOREVER, 0, 0, alive=True) == -1


def test_what_is_saved_comes_back():
    marks = alive_until(10)
    beat(marks, 12, b"clock", writer=b"ticks")
    beat(marks, 11, alive=False)
    again = Watermarks()
    again.restore(marks.pack())
    for both in (marks, again):
        beat(both, 12)
        beat(both, 10, alive=False)
    assert again.pack() == marks.pack()
    assert again.status(again.find(b"sim")) is Liveness.PROBATION


def test_a_torn_state_is_refused():
    with pytest.raises(StateError):
        Watermarks().restore(alive_until(3).pack()[:-1])
