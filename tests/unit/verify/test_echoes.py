"""What ``ticks`` repeats after a crash is told apart from what a source sent twice, and changes nothing."""

from barline.verify.echoes import echoes, without_repeats
from barline.verify.recompute import Recomputed, recompute
from barline.verify.recorded import Recorded
from barline.verify.topics import Identity
from runtime.reader import Partition
from runtime.reader import Record as Read
from schemas.codec import LOCAL_IDS
from tests.factories import DAY, Record, bar, config, domain, framed, heartbeat, symbol

PLACE = Partition("bars.raw", 0)
START = [
    config(domain(symbol(sources=["feed", "vendor"]))),
    heartbeat(f"{DAY}T13:30:00", "feed"),
    bar(f"{DAY}T13:30", 10.0, 11.0, 9.0, 10.5, source="feed"),
    heartbeat(f"{DAY}T13:31:05", "feed"),
]


def recorded(*log: Record) -> Recorded:
    """A log of bars.raw."""
    return Recorded({PLACE: [Read(offset, *framed(record)) for offset, record in enumerate(log)]})


def made(*records: Record) -> set[Identity]:
    """What ``ticks`` put out."""
    return {Identity(key, value or b"") for _, key, value in map(framed, records)}


def both(log: Recorded, made_: set[Identity]) -> tuple[Recomputed, Recomputed]:
    """The stage over the log, and over the log without the repeats."""
    found = recompute("bars", PLACE.number, log.frames(*PLACE), LOCAL_IDS)
    return found, without_repeats(found, log, LOCAL_IDS, made_)


def test_a_repeated_stretch_gives_duplicates_and_heartbeats_alone():
    found, calm = both(recorded(*START, *START[1:]), made(*START))
    assert found is not calm
    assert (found.counts["duplicate"], calm.counts["duplicate"]) == (1, 0)
    assert list(found.identities("bars.1m")) != list(calm.identities("bars.1m"))
    differences = dict(echoes(found, calm, LOCAL_IDS))
    assert ("bars", "bars.1m", 0) in differences
    assert all(one.equal for one in differences.values())


def test_what_a_source_sent_twice_counts_twice():
    theirs = bar(f"{DAY}T13:30", 10.0, 11.0, 9.0, 10.5, source="vendor")
    found, calm = both(recorded(*START, theirs, theirs), made(*START))
    assert found is calm
    assert calm.counts["duplicate"] == 2
    assert dict(echoes(found, calm, LOCAL_IDS)) == {}


def test_a_repeat_that_changed_something_is_found():
    changed = bar(f"{DAY}T13:30", 10.0, 12.0, 9.0, 10.5, source="feed", revision=1)
    found, _ = both(recorded(*START, changed), set())
    calm, _ = both(recorded(*START), set())
    assert not dict(echoes(found, calm, LOCAL_IDS))["bars", "bars.1m", 0].equal
