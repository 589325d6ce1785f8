"""What ``ticks`` puts out again after a crash stands on bars.raw again, and changes nothing there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.bars import admit
from tests.factories import Record, bar, config, heartbeat
from tests.property.bars_log import Run, logs, minute, second, world

_MADE = ("Bar", "Heartbeat", "MinuteStatus", "Config")
TAIL = [heartbeat(second(2, 699), source) for source in ("feed", "feed.bars", "clock")]


def is_made(record: Record) -> bool:
    """Whether a record is one that ``ticks`` put out."""
    return record["record"] in _MADE and record.get("source", "feed") == "feed"


def growing(log: list[Record]) -> list[Record]:
    """As ``ticks`` would write: each bar with a revision above the last, and each heartbeat newer."""
    revisions: dict[tuple[object, ...], int] = {}
    found, newest = [], -1
    for record in log:
        if record["record"] == "Heartbeat" and record["source"] == "feed":
            if record["ts"] <= newest:
                continue
            newest = record["ts"]
        if record["record"] == "Bar":
            key = record["symbol"], record["source"], record["ts_open"]
            revisions[key] = revisions.get(key, -1) + 1
            found.append({**record, "revision": revisions[key]})
        else:
            found.append(record)
    return found


def distinct(log: list[Record]) -> dict[str, list[str]]:
    """What comes of a log, each record once, but for heartbeats: there is one for each that is read.

    Late and refused records name the offset of theirs; a repeat has another one.
    """
    rows = Run().read([*log, *TAIL], 0).rows
    return {
        topic: list(dict.fromkeys(str(row) for row in found if row["record"] != "Heartbeat"))
        for topic, found in rows.items()
        if topic not in ("late", "dead-letters")
    }


def with_a_repeat(log: list[Record], first: int, end: int) -> list[Record]:
    """A crash at ``end``: what was put out since ``first`` is put out again."""
    return [*log[:end], *(record for record in log[first:end] if is_made(record)), *log[end:]]


@given(logs(ordered=True, history=False), st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_what_is_put_out_again_changes_nothing(made: list[Record], first: int, width: int):
    log = growing(made)
    assert distinct(with_a_repeat(log, first, first + width)) == distinct(log)


def test_bars_that_are_applied_again_are_found_out(monkeypatch: pytest.MonkeyPatch):
    log = [config(world()), heartbeat(minute(0, 0), "feed")]
    log += [bar(minute(0, 0), price, source="feed") for price in (10.0, 11.0)]
    log = growing([*log, heartbeat(minute(0, 2), "feed"), bar(minute(0, 0), 12.0, source="feed")])
    assert distinct(with_a_repeat(log, 2, 6)) == distinct(log)
    monkeypatch.setattr(admit, "is_applied", lambda *_: False)
    assert distinct(with_a_repeat(log, 2, 6)) != distinct(log)
