"""The bars of many symbols, looked at as columns, give bit by bit what each gives by itself.

Logs are minutes of a crowd of symbols of two calendars, with one source or two, most of whose bars are the
next ones of their symbols; some are missing, late, twice, anew, bad, refetched, taken back or of another
source, and symbols come and go. Batches of one never go as columns.
"""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.config import Domain, SourceConfig
from schemas.flags import PARTIAL, WITHDRAWN
from schemas.rules import AssetRules
from streams.core.bars import following
from streams.core.bars.book import Book
from streams.core.bars.incoming import MANY, BarColumns
from streams.core.bars.stage import BarsStage
from tests.factories import (
    DAY,
    Record,
    around_the_clock,
    at,
    bar,
    changed,
    columns,
    config,
    domain,
    heartbeat,
    minute_status,
    rows_of,
    status,
    symbol,
)

M, S = 60_000_000_000, 1_000_000_000
SOURCES = ("feed", "vendor", "spare")
LISTED = (["feed"], ["vendor"], ["feed", "spare"], ["vendor", "spare"])
STARTS = ("13:28", "13:30", "19:40", "23:45")
"""Before and at an open, before a close, before the trade date that follows around the clock."""
ODD: tuple[Record, ...] = (
    {"revision": 1}, {"revision": -1}, {"high": 1.0}, {"volume": -1.0}, {"ts_close": 1}, {"interval": "5m"},
    {"flags": PARTIAL}, {"flags": WITHDRAWN}, {"source": "spare"}, {"source": "past"}, {"symbol": "NONE"},
    {"fill": "refetched"}, {"fill": "flat"}, {"session_date": 1}, {"notional": 1e9}, {"trades": 0},
)  # fmt: skip
modest = settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
seeds = st.integers(0, 1 << 32)


def body(pick: Random) -> Domain:
    """A crowd: every third symbol trades around the clock."""
    names = range(pick.choice([9, 14]))
    history = {"history": "past"} if pick.random() < 0.2 else {}
    listed = [
        symbol(f"S{n}", sources=LISTED[n % 4], **(history if n % 5 == 0 else {}))
        if n % 3
        else symbol(f"S{n}", sources=LISTED[n % 4], asset="crypto", calendar="24x7")
        for n in names
    ]
    files = pick.random() < 0.15
    return domain(
        *listed,
        sources=[SourceConfig("feed", "ticks.raw"),
                 *(SourceConfig(name, "bars.raw", files=files) for name in SOURCES[1:])],
        calendars={**domain().calendars, "24x7": around_the_clock()},
        assets={"equity": AssetRules(future_ms=pick.choice([5_000, 10**8]), volume_bars=3, stuck_bars=3),
                "crypto": AssetRules(future_ms=10**8, volume_bars=5)},
        partitions=1,
    )  # fmt: skip


def beat(source: str, ts: int, **fields: object) -> Record:
    made = heartbeat(f"{DAY}T13:30", source, writer="ticks" if source == "feed" else source)
    return {**made, "ts": ts, "ts_through": ts, "ts_last": ts, **fields}


def log_of(seed: int, minutes: int = 35) -> list[Record]:
    pick = Random(seed)
    crowd, start = body(pick), at(f"{DAY}T{pick.choice(STARTS)}")
    log = [config(crowd), *(beat(name, start) for name in SOURCES)]
    for number in range(minutes):
        opens = start + number * M
        names = [one.symbol for one in crowd.symbols] if pick.random() > 0.06 else []
        for name in names if pick.random() < 0.5 else pick.sample(names, len(names)):
            log += said(pick, crowd, name, opens)
        if pick.random() < 0.03:
            kept = [one for one in body(Random(seed)).symbols if pick.random() < 0.9]
            crowd = changed(crowd, symbols=kept)
            log.append(config(crowd))
        if pick.random() < 0.03:
            what = pick.choice(["halted", "resumed", "history_end"])
            log.append({**status(f"{DAY}T13:30", what, pick.choice([*SOURCES, "past"])), "ts": opens})
        log += [beat(one, opens + M + pick.choice([0, 0, 5 * S])) for one in SOURCES if pick.random() < 0.9]
    return [*log, beat("feed", start + (minutes + 1) * M, final=True)] if pick.random() < 0.5 else log


def said(pick: Random, crowd: Domain, name: str, opens: int) -> list[Record]:
    """What there is of a minute of a symbol: nearly always one bar."""
    sources = next(one.sources for one in crowd.symbols if one.symbol == name)
    one = {
        **bar(f"{DAY}T13:30", pick.choice([10.0, 10.0, round(pick.uniform(9.0, 12.0), 2)])),
        "symbol": name, "source": sources[0], "ts_open": opens, "ts_close": opens + M,
        "volume": pick.choice([1.0, 5.0, 100.0]), "trades": pick.choice([None, 3]), "notional": None,
    }  # fmt: skip
    other = {**one, "source": "spare", "high": 13.0, "close": pick.choice([one["close"], 13.0])}
    more = [other] if len(sources) > 1 and pick.random() < 0.3 else []
    if pick.random() < 0.01:
        more.append(beat(pick.choice(SOURCES), opens + pick.randrange(60) * S))
    kind = pick.random()
    if kind > 0.06:
        return [one, *more] if pick.random() < 0.7 else [*more, one]
    if kind < 0.02:
        return more
    if kind < 0.03:
        return [one, one, *more]
    if kind < 0.035:
        note = {**minute_status(f"{DAY}T13:30", symbol=name), "ts_open": opens, "source": "feed"}
        return [{**note, "rejected": 1}, one, *more]
    if kind < 0.05:
        return [{**one, **pick.choice(ODD)}, *more]
    return [{**one, "ts_open": opens - M, "ts_close": opens}, one, *more]


class Run:
    """A log through a stage: everything it gave and the states that it saved."""

    def __init__(self, log: list[Record], borders: list[int], *, restart: bool = False) -> None:
        self.told: dict[str, list[Record]] = {}
        self.counts: dict[str, int] = {}
        self.states: dict[bytes, bytes] = {}
        self.stage = BarsStage(0)
        for start, end in pairwise(sorted({0, len(log), *(one for one in borders if one < len(log))})):
            self.step(log, start, end)
            if restart:
                self.states |= self.stage.take_dirty()
                self.stage = BarsStage(0)
                self.stage.restore(self.states)
        self.states |= self.stage.take_dirty()

    def step(self, log: list[Record], start: int, end: int) -> None:
        made = self.stage.step(columns("bars.raw", 0, *log[start:end], first_offset=start))
        for topic, found in made.topics.items():
            self.told.setdefault(topic, []).extend(rows_of(found))
        for name, count in made.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


def one_by_one(log: list[Record]) -> Run:
    return Run(log, list(range(len(log))))


@given(seeds, st.lists(st.integers(1, 900), max_size=5))
@modest
def test_bars_as_columns_give_what_they_give_one_by_one(seed: int, borders: list[int]):
    log = log_of(seed)
    alone, together = one_by_one(log), Run(log, borders)
    assert together.told == alone.told
    assert together.counts == alone.counts
    assert together.states == alone.states


@given(seeds, st.lists(st.integers(1, 900), min_size=1, max_size=5))
@modest
def test_so_do_those_of_a_stage_that_is_saved_and_restored_anywhere(seed: int, borders: list[int]):
    log = log_of(seed)
    assert Run(log, borders, restart=True).told == one_by_one(log).told


def test_the_bars_of_a_crowd_go_as_columns_from_their_second_on(monkeypatch: pytest.MonkeyPatch):
    taken = list[bool]()

    def counted(book: Book, bars: BarColumns, row: int) -> bool:
        taken.append(following.take_column(book, bars, row))
        return taken[-1]

    monkeypatch.setattr("streams.core.bars.stage.take_column", counted)
    names, start = [f"S{n}" for n in range(MANY)], at(f"{DAY}T13:30")
    crowd = domain(
        *(symbol(name) for name in names), partitions=1, assets={"equity": AssetRules(future_ms=10**8)}
    )
    log = [config(crowd), beat("feed", start)]
    for opens in range(start, start + 40 * M, M):
        one = {**bar(f"{DAY}T13:30", 10.0), "source": "feed", "ts_open": opens, "ts_close": opens + M}
        log += [{**one, "symbol": name} for name in names]
    assert Run(log, []).counts["out"] == 40 * MANY
    assert taken == [False] * MANY + [True] * (39 * MANY)


def test_a_front_that_outlives_a_change_of_its_day_is_found_out(monkeypatch: pytest.MonkeyPatch):
    log = log_of(3)
    alone = one_by_one(log)
    monkeypatch.setattr("streams.core.bars.days.Days.mark", lambda days, listing, day, slot: (
        days.dirty.__setitem__((listing.name, slot % 16), day)
    ))  # fmt: skip
    assert Run(log, []).told != alone.told


def test_few_bars_never_go_as_columns(monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object) -> bool:
        raise AssertionError("few bars went as columns")

    monkeypatch.setattr("streams.core.bars.stage.take_column", refused)
    log = log_of(1, minutes=3)
    assert Run(log, list(range(0, len(log), MANY - 1))).counts["in"] > 0
