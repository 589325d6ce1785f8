"""What holds of the output of the bars stage whatever the log, with controls that must fail."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.bars import gaps
from streams.core.bars.state import EMPTY, FLAT, HALT, MISSED, REAL, REFETCHED, UNKNOWN, empty_rows
from tests.factories import Record, at, bar, config, heartbeat
from tests.property.bars_log import NAMES, OPENS, SOURCES, Run, logs, minute, prices, saved_counts, world


def final_rows(rows: dict[str, list[Record]]) -> dict[tuple[str, int], Record]:
    """The last revision of each minute, its number apart, and its flags: V14, V15 and V19 go by log order."""
    bars_ = [row for row in rows.get("bars.1m", []) if row["record"] == "Bar"]
    return {(row["symbol"], row["ts_open"]): {**row, "revision": 0, "flags": 0} for row in bars_}


@st.composite
def one_minute(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    """What both sources say of one minute of both symbols, in two orders; none is partial or refetched."""
    said = [
        bar(minute(0, 1), price, symbol=name, source=source, revision=revision)
        for name in NAMES
        for source in SOURCES
        for revision, price in enumerate(draw(st.lists(prices, max_size=2)))
    ]
    return said, draw(st.permutations(said))


def around(said: Sequence[Record]) -> list[Record]:
    start = [config(world()), *(heartbeat(minute(0, 0), source) for source in SOURCES)]
    first = [bar(minute(0, 0), 9.0, symbol=name, source="feed") for name in NAMES]
    end = [heartbeat(minute(0, number), source) for number in (2, 3) for source in SOURCES]
    return [*start, *first, *said, *end]


@given(one_minute())
@settings(max_examples=100, deadline=None)
def test_the_order_of_bars_within_a_minute_does_not_matter(minutes: tuple[list[Record], list[Record]]):
    one, other = (final_rows(Run().read(around(said), 0).rows) for said in minutes)
    assert one == other


def test_without_ranks_the_order_of_bars_matters(monkeypatch: pytest.MonkeyPatch):
    said = [
        bar(minute(0, 1), price, source=source) for source, price in zip(SOURCES, (10.0, 11.0), strict=True)
    ]

    def ends() -> list[dict[tuple[str, int], Record]]:
        return [final_rows(Run().read(around(order), 0).rows) for order in (said, said[::-1])]

    assert ends()[0] == ends()[1]
    monkeypatch.setattr("streams.core.bars.revise.rank", lambda *_: 0)
    monkeypatch.setattr("streams.core.bars.admit.replaces", lambda *_: True)
    assert ends()[0] != ends()[1]


def unaccounted(log: list[Record], rows: dict[str, list[Record]]) -> list[str]:
    """Minutes up to the last promise without a bar and a cause, and gaps that tell another story."""
    told = rows.get("bars.1m", [])
    promised = max((row["ts_through"] for row in told if row["record"] == "Heartbeat"), default=0)
    starts = [row["ts_through"] for row in log if row["record"] == "Heartbeat" and row["source"] in SOURCES]
    has_bar = set(final_rows(rows))
    real = {key for key, row in final_rows(rows).items() if row["fill"] != "flat"}
    causes = {
        (row["symbol"], row["ts_open"]): row["cause"] for row in told if row["record"] == "MinuteStatus"
    }
    last = {(row["symbol"], row["ts_open"]): row for row in rows.get("gaps", [])}
    in_gaps: Counter[str] = Counter()
    for (name, _), gap in last.items():
        in_gaps[name] += gap["minutes"]
    faults = [
        f"{name} {ts}"
        for name in NAMES
        for ts in expected(starts[0] if starts else promised, promised)
        if (name, ts) not in has_bar and (name, ts) not in causes
    ]
    faults += [f"flat without a cause {key}" for key in has_bar - real if key not in causes]
    faults += [
        f"{name} {count}" for name, count in in_gaps.items() if count != sum(n == name for n, _ in causes)
    ]
    sums = ("halt", "rejected", "outage", "no_trades", "unknown")
    faults += [str(gap) for gap in last.values() if gap["minutes"] != sum(gap[cause] for cause in sums)]
    return faults


def expected(start: int, end: int) -> list[int]:
    opens = [at(minute(date, number)) for date in range(3) for number in OPENS]
    return [ts for ts in opens if start <= ts and ts + 60_000_000_000 <= end]


@given(logs(ordered=True, history=False))
@settings(max_examples=150, deadline=None)
def test_every_missing_minute_is_accounted_for(log: list[Record]):
    assert unaccounted(log, Run().read(log, 0).rows) == []


def test_a_missing_status_is_noticed():
    log = [config(world()), heartbeat(minute(0, 0), "feed"), heartbeat(minute(0, 2), "feed")]
    rows = Run().read(log, 0).rows
    assert unaccounted(log, rows) == []
    rows["bars.1m"] = [
        row for row in rows["bars.1m"] if row["record"] != "MinuteStatus" or row["symbol"] != "SPY"
    ]
    assert unaccounted(log, rows) != []


@given(logs())
@settings(max_examples=150, deadline=None)
def test_every_record_is_counted_once(log: list[Record]):
    run = Run().read(log, 0)
    counts = run.counts
    parts = ("out", "rejected", "late", "duplicate", "held")
    assert counts["in"] == sum(counts[name] for name in parts)
    assert counts["in"] == sum(record["record"] in ("Bar", "") for record in log)
    assert counts["rejected"] == sum(n for name, n in counts.items() if name.startswith("rejected."))
    assert saved_counts(run.stage) == Counter({n: counts[n] for n in ("in", *parts) if counts[n]})
    letters = [row for topic in ("dead-letters", "late") for row in run.rows.get(topic, [])]
    of_config = sum(row["data"][4:5] == b"" for row in letters)
    assert len(letters) - of_config >= counts["rejected"] + counts["late"]


@given(logs())
@settings(max_examples=100, deadline=None)
def test_revisions_count_up_from_nought(log: list[Record]):
    rows = Run().read(log, 0).rows
    for topic, record, key in (
        ("bars.1m", "Bar", "ts_open"),
        ("gaps", "Gap", "ts_open"),
        ("sessions", "Session", "session_date"),
    ):
        seen: Counter[tuple[object, ...]] = Counter()
        for row in rows.get(topic, []):
            if row["record"] == record:
                place = row["symbol"], row[key], row.get("interval")
                assert row["revision"] == seen[place]
                seen[place] += 1


@given(logs())
@settings(max_examples=100, deadline=None)
def test_the_promise_never_falls_and_each_heartbeat_is_newer(log: list[Record]):
    beats_ = [row for row in Run().read(log, 0).rows.get("bars.1m", []) if row["record"] == "Heartbeat"]
    pairs = list(pairwise(beats_))
    assert all(before["ts"] < after["ts"] for before, after in pairs)
    assert all(before["ts_through"] <= after["ts_through"] for before, after in pairs)


minutes_of = st.tuples(
    st.sampled_from([REAL, REFETCHED, FLAT, EMPTY]), st.integers(HALT, UNKNOWN), st.booleans()
)


@given(st.lists(minutes_of, max_size=60))
def test_all_gaps_found_at_once_are_those_found_one_by_one(said: list[tuple[int, int, bool]]):
    rows = empty_rows(np.arange(len(said)))
    for place, (kind, cause, missed) in enumerate(said):
        rows["kind"][place], rows["cause"][place] = kind, cause
        if missed:
            rows["bits"][place] = MISSED | gaps.begins(rows, place)
    alone = gaps.touched(rows, range(len(rows)))
    assert gaps.every(rows) == [(gap, gaps.summary(rows, gap)) for gap in alone]
