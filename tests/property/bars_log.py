"""Logs of bars.raw that nobody would write by hand, and a stage that reads them."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
from hypothesis import strategies as st

from schemas.config import Domain, SourceConfig
from schemas.flags import PARTIAL
from schemas.rules import AssetRules
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


def world(trailing: int = 1, version: int = 1, **fields: object) -> Domain:
    """Two symbols on three trade dates of eight minutes, with a break in the middle."""
    symbols = (symbol(name, sources=list(SOURCES), fill_limit=2, **fields) for name in NAMES)
    calendars = {"XNYS": calendar_rows(days=DATES, hours=("13:30-13:34", "13:36-13:40"))}
    rules = {"equity": AssetRules(future_ms=10**9)}
    sources = [SourceConfig("feed", "ticks.raw"), SourceConfig("feed.bars", "bars.raw")]
    limits = {"silence_ms": 120_000, "probation_ms": 30_000}
    made = domain(*symbols, sources=sources, calendars=calendars, assets=rules, partitions=1, **limits)
    return msgspec.structs.replace(made, trailing_dates=trailing, version=version)


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
    made = bar(
        minute(*draw(places)),
        draw(prices),
        symbol=draw(names),
        source=draw(st.sampled_from([*SOURCES, *SOURCES, "past"])),
    )
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
    what = draw(st.sampled_from(["halted", "resumed", "connected", "history_end", "history_failed"]))
    one = draw(st.sampled_from([None, *NAMES]))
    source = "past" if what.startswith("history") else "feed"
    return status(second(draw(st.integers(0, 2)), draw(st.integers(0, 600))), what, source, symbol=one)


bad = st.sampled_from(
    [
        raw(b"rubbish"),
        bar(minute(0, 0), 10.0, symbol="NONE"),
        bar(minute(0, 1), 10.0, volume=-1.0),
        bar(minute(0, 1), 10.0, interval="5m"),
        bar(minute(0, 4), 10.0),
        config("{}"),
        config(changed(world(), symbols=list(reversed(world().symbols)))),
        config(world(2, version=2)),
        config(world(1, version=3)),
        config(world(3, version=4)),
        config(world(9, version=5)),
    ]
)


def time_of(record: Record) -> int:
    return int(record.get("ts") or record.get("ts_open") or 0)


@st.composite
def logs(draw: st.DrawFn, *, ordered: bool = False, history: bool = True) -> list[Record]:
    """In the order of time, as it would be, or in none; with a history to be loaded first, or without."""
    found = draw(st.lists(st.one_of(bars(), bars(), beats(), beats(), statuses(), bad), max_size=40))
    if ordered or draw(st.booleans()):
        found.sort(key=time_of)
    past = "past" if history and draw(st.booleans()) else ""
    return [config(world(draw(st.integers(1, 2)), history=past)), *found]


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
