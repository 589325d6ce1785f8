"""Bars that a crash made ``ticks`` repeat are told apart from planted duplicates."""

from barline.demo.check import repeated_bars
from barline.verify.topics import Identity
from schemas.codec import LOCAL_NAMES
from tests.factories import Record, bar, framed, heartbeat


def identity(record: Record) -> Identity:
    _, key, value = framed(record)
    return Identity(key, value or b"")


def test_only_bars_of_the_agent_count_each_time_after_the_first():
    first, second, theirs = (
        identity(bar("2024-07-02T13:30", 1.0, 2.0, 0.5, 1.5, source=name))
        for name in ("feed", "other", "vendor")
    )
    beat = identity(heartbeat("2024-07-02T13:31"))
    log = [first, beat, theirs, first, second, beat, theirs, first]
    assert repeated_bars({first, second, beat}, log, LOCAL_NAMES) == 2
    assert repeated_bars({second, beat}, log, LOCAL_NAMES) == 0
