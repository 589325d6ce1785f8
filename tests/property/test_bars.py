"""The laws of the bars stage, on logs that nobody would write by hand. Each has a control that must fail."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import AssetRules, Domain, SourceConfig
from schemas.flags import PARTIAL
from streams.core.bars.days import Days
from streams.core.bars.stage import BarsStage
from tests.factories import (
    Record,
    at,
    bar,
    calendar_rows,
    changed,
    columns,
    config,
    domain,
    heartbeat,
    minute_status,
    raw,
    rows_of,
    status,
    symbol,
)

DATES = ("2024-07-01", "2024-07-02", "2024-07-03")
MINUTES = 8
"""Of a trade date: four, a break of two, four more."""
OPENS = (*range(4), *range(6, 10))
NAMES = ("SPY", "AIG")
SOURCES = ("feed", "feed.bars")


def world(**fields: object) -> Domain:
    symbols = (symbol(name, sources=list(SOURCES), fill_limit=2, **fields) for name in NAMES)
    calendars = {"XNYS": calendar_rows(days=DATES, hours=("13:30-13:34", "13:36-13:40"))}
    rules = {"equity": AssetRules(future_ms=10**9)}
    sources = [SourceConfig("feed", "ticks.raw"), SourceConfig("feed.bars", "bars.raw")]
    limits = {"silence_ms": 120_000, "probation_ms": 30_000}
    return domain(*symbols, sources=sources, calendars=calendars, assets=rules, partitions=1, **limits)


def minute(date: int, number: int) -> str:
    return f"{DATES[date]}T13:{30 + number:02d}:00"


def second(date: int, seconds: int) -> str:
    return f"{DATES[date]}T13:{30 + seconds // 60:02d}:{seconds % 60:02d}"


places = st.tuples(st.integers(0, 2), st.sampled_from(OPENS))
prices = st.sampled_from([10.0, 11.0, 12.0])
names = st.sampled_from(NAMES)


@st.composite
def bars(draw: st.DrawFn) -> Record:
    fill = draw(st.sampled_from(["real", "real", "real", "refetched"]))
    made = bar(minute(*draw(places)), draw(prices), symbol=draw(names), source=draw(st.sampled_from(SOURCES)))
    flags = draw(st.sampled_from([0, 0, PARTIAL]))
    return {**made, "fill": fill, "revision": draw(st.integers(0, 2)), "flags": flags}


@st.composite
def beats(draw: st.DrawFn) -> Record:
    date, seconds = draw(st.integers(0, 2)), draw(st.integers(0, 700))
    source = draw(st.sampled_from([*SOURCES, *SOURCES, "clock"]))
    alive = draw(st.sampled_from([True, True, True, False]))
    last = at(second(date, max(0, seconds - draw(st.sampled_from([0, 0, 30, 200])))))
    return {**heartbeat(second(date, seconds), source, alive=alive), "ts_last": last}


@st.composite
def statuses(draw: st.DrawFn) -> Record:
    if draw(st.booleans()):
        count = draw(st.integers(0, 2))
        return minute_status(
            minute(*draw(places)), symbol=draw(names), rejected=count, halted=draw(st.booleans())
        )
    what = draw(st.sampled_from(["halted", "resumed", "connected"]))
    one = draw(st.sampled_from([None, *NAMES]))
    return status(second(draw(st.integers(0, 2)), draw(st.integers(0, 600))), what, symbol=one)


bad = st.sampled_from(
    [
        raw(b"rubbish"),
        bar(minute(0, 0), 10.0, symbol="NONE"),
        bar(minute(0, 1), 10.0, volume=-1.0),
        bar(minute(0, 1), 10.0, interval="5m"),
        bar(minute(0, 4), 10.0),
        config("{}"),
        config(changed(world(), symbols=list(reversed(world().symbols)))),
    ]
)


def time_of(record: Record) -> int:
    return int(record.get("ts") or record.get("ts_open") or 0)


@st.composite
def logs(draw: st.DrawFn, *, ordered: bool = False) -> list[Record]:
    """In the order of time, as it would be, or in none."""
    found = draw(st.lists(st.one_of(bars(), bars(), beats(), beats(), statuses(), bad), max_size=40))
    if ordered or draw(st.booleans()):
        found.sort(key=time_of)
    return [config(world()), *found]


class Run:
    """A stage reading a log from an offset on, in batches that end at the cuts."""

    def __init__(self, stage: BarsStage | None = None) -> None:
        self.stage = stage or BarsStage(0)
        self.rows: dict[str, list[Record]] = {}
        self.counts: Counter[str] = Counter()

    def read(self, log: Sequence[Record], first: int, cuts: Sequence[int] = ()) -> "Run":
        borders = [first, *sorted(cut for cut in set(cuts) if first < cut < len(log)), len(log)]
        for low, high in pairwise(borders):
            outputs = self.stage.step(columns("bars.raw", 0, *log[low:high], first_offset=low))
            for topic, found in outputs.topics.items():
                self.rows.setdefault(topic, []).extend(rows_of(found))
            self.counts.update(outputs.counts)
        return self


def resumed(states: dict[bytes, bytes]) -> BarsStage:
    stage = BarsStage(0)
    stage.restore(states)
    return stage


def saved_counts(stage: BarsStage) -> Counter[str]:
    total = Counter(stage._book.partition.counts)
    for counts in stage._book.days.counts():
        total.update(counts)
    return Counter({name: count for name, count in total.items() if count})


cuts = st.lists(st.integers(0, 45), max_size=6)


@given(logs(), cuts)
@settings(max_examples=120, deadline=None)
def test_batches_change_nothing(log: list[Record], at_cuts: list[int]):
    whole, parts = Run().read(log, 0), Run().read(log, 0, at_cuts)
    assert parts.rows == whole.rows
    assert parts.counts == whole.counts
    assert parts.stage.take_dirty() == whole.stage.take_dirty()


@given(logs(), cuts)
@settings(max_examples=120, deadline=None)
def test_a_stage_saved_and_restored_anywhere_goes_on_the_same(log: list[Record], at_cuts: list[int]):
    whole = Run().read(log, 0)
    states: dict[bytes, bytes] = {}
    borders = [0, *sorted(cut for cut in set(at_cuts) if 0 < cut < len(log)), len(log)]
    run = Run()
    for low, high in pairwise(borders):
        run.read(log[:high], low)
        states |= run.stage.take_dirty()
        run.stage = resumed(states)
    assert run.rows == whole.rows
    assert saved_counts(run.stage) == saved_counts(whole.stage)


def torn(log: list[Record], first: int, second_: int, kept: int) -> tuple[Run, Run, BarsStage]:
    """A crash while the second checkpoint is being written: so many of its states made it, not the last."""
    run = Run()
    run.read(log[:first], 0)
    states = run.stage.take_dirty()
    run.read(log[:second_], first)
    newer = list(run.stage.take_dirty().items())
    states |= dict(newer[: min(kept, len(newer) - 1)])
    run.read(log, second_)
    return Run().read(log, 0), run, resumed(states)


def distinct(rows: dict[str, list[Record]]) -> set[str]:
    return {f"{topic} {row}" for topic, found in rows.items() for row in found}


def holds_after_a_tear(log: list[Record], first: int, width: int, kept: int) -> bool:
    first = min(max(first, 1), len(log))
    end = min(first + width, len(log))
    whole, before, stage = torn(log, first, end, kept)
    known = distinct(Run().read(log[:first], 0).rows)
    again = Run(stage)
    again.read(log[:end], first)
    repeats = distinct(again.rows)
    rest = {topic: len(found) for topic, found in again.rows.items()}
    again.read(log, end)
    after = {topic: found[rest.get(topic, 0) :] for topic, found in again.rows.items()}
    mine = Run().read(log[:end], 0).rows
    expected = {topic: found[len(mine.get(topic, [])) :] for topic, found in whole.rows.items()}
    return (
        repeats <= distinct(mine)
        and known <= distinct(mine)
        and {t: r for t, r in after.items() if r} == {t: r for t, r in expected.items() if r}
        and saved_counts(stage) == saved_counts(whole.stage)
        and before.rows == whole.rows
    )


tears = (st.integers(1, 30), st.integers(1, 12), st.integers(0, 6))


@given(logs(), *tears)
@settings(max_examples=200, deadline=None)
def test_states_newer_than_the_partition_do_no_harm(log: list[Record], first: int, width: int, kept: int):
    assert holds_after_a_tear(log, first, width, kept)


def test_without_the_offsets_of_the_symbols_a_tear_does_harm(monkeypatch: pytest.MonkeyPatch):
    log = [config(world()), heartbeat(minute(0, 0), "feed"), bar(minute(0, 0), 10.0, source="feed")]
    log += [heartbeat(minute(0, 2), "feed"), bar(minute(0, 2), 11.0, source="feed")]
    assert holds_after_a_tear(log, 2, 2, 1)
    restore = Days.restore

    def forgetful(self: Days, *args: object) -> None:
        restore(self, *args)
        for slots in self._days.values():
            for day in slots.values():
                day.offset = -1

    monkeypatch.setattr(Days, "restore", forgetful)
    assert not holds_after_a_tear(log, 2, 2, 1)


def final_rows(rows: dict[str, list[Record]]) -> dict[tuple[str, int], Record]:
    """The last revision of each minute, its number apart."""
    bars_ = [row for row in rows.get("bars.1m", []) if row["record"] == "Bar"]
    return {(row["symbol"], row["ts_open"]): {**row, "revision": 0} for row in bars_}


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


@given(logs(ordered=True))
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
        seen: Counter[tuple[str, int]] = Counter()
        for row in rows.get(topic, []):
            if row["record"] == record:
                assert row["revision"] == seen[row["symbol"], row[key]]
                seen[row["symbol"], row[key]] += 1


@given(logs())
@settings(max_examples=100, deadline=None)
def test_the_promise_never_falls_and_each_heartbeat_is_newer(log: list[Record]):
    beats_ = [row for row in Run().read(log, 0).rows.get("bars.1m", []) if row["record"] == "Heartbeat"]
    pairs = list(pairwise(beats_))
    assert all(before["ts"] < after["ts"] for before, after in pairs)
    assert all(before["ts_through"] <= after["ts_through"] for before, after in pairs)
