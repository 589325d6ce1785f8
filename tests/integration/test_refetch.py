"""An outage, its gap, and the refetched bars that close it, through every stage."""

import pytest

from schemas.config import Domain, IndicatorConfig, SourceConfig
from schemas.rules import AssetRules
from streams.core.pipeline import Pipeline
from tests.factories import DAY, Record, bar, calendar_rows, columns, config, domain, heartbeat, symbol
from tests.oracle.reading import Row, newest, plain

M = 60_000_000_000
LOST = range(20, 40)


def minute(number: int) -> str:
    return f"{DAY}T{13 + (30 + number) // 60}:{(30 + number) % 60:02d}:00"


def body(**fields: object) -> Domain:
    """A symbol with a live source and a history, and another one, so that the live source is not alone."""
    said = {
        "sources": [SourceConfig("feed.bars", "bars.raw"), SourceConfig("history", "bars.raw")],
        "calendars": {"XNYS": calendar_rows(hours=["13:30-15:30"])},
        "indicators": [IndicatorConfig("ema_5", "ema", 5)],
        "assets": {"equity": AssetRules(future_ms=60_000)},  # a bar comes just before the heartbeat after it
        "partitions": 1,
    }
    symbols = [symbol(name, sources=["feed.bars"]) for name in ("SPY", "AIG")]
    return domain(*symbols, **{**said, **fields})


def price(number: int) -> float:
    return 100.0 + number % 7


def one(number: int, source: str = "feed.bars", **fields: object) -> Record:
    return bar(minute(number), price(number), symbol="SPY", source=source, **fields)


def beats(number: int, lost: range) -> list[Record]:
    """Heartbeats at the start of a minute: the live source is dead in what is lost."""
    own = heartbeat(minute(number), "feed.bars", alive=number not in lost)
    return [own, heartbeat(minute(number), "history"), heartbeat(minute(number), "clock")]


def played(lost: range = LOST, **fields: object) -> Pipeline:
    """A session of two hours, of which the live source has no bar of some minutes."""
    pipeline, log = Pipeline(), beats(0, lost)
    for number in range(120):
        log += [] if number in lost else [one(number)]
        log += beats(number + 1, lost)
    pipeline.feed(columns("ticks.raw", 0, config(body(**fields))))
    pipeline.feed(columns("bars.raw", 0, *log))
    return pipeline


def rows(pipeline: Pipeline, topic: str, record: str) -> list[Row]:
    found = [row for part in pipeline.columns(topic) for row in plain(part)]
    return [row for row in found if row["record"] == record and row["symbol"] == "SPY"]


def last(pipeline: Pipeline, topic: str, *key: str) -> dict[tuple[object, ...], Row]:
    return newest(rows(pipeline, topic, "Bar"), "symbol", "ts_open", *key)


def gap_states(pipeline: Pipeline) -> list[str]:
    states = [row["state"] for row in rows(pipeline, "gaps", "Gap")]
    return [state for number, state in enumerate(states) if number == 0 or states[number - 1] != state]


def quality(pipeline: Pipeline) -> dict[str, float]:
    said = newest(rows(pipeline, "sessions", "Session"), "interval", "session_date")
    return {row["interval"]: row["quality"] for row in said.values() if row["state"] == "closed"}


@pytest.fixture(scope="module")
def refetched() -> Pipeline:
    pipeline = played()
    assert gap_states(pipeline) == ["filled", "open"]
    assert quality(pipeline)["1m"] == pytest.approx(100 * 100 / 120)
    first = len(pipeline.logs["bars.raw"])
    sent = [one(number, "history", fill="refetched") for number in LOST]
    pipeline.feed(columns("bars.raw", 0, *sent, heartbeat(minute(121), "clock"), first_offset=first))
    return pipeline


def test_refetched_bars_close_the_gap(refetched: Pipeline):
    # Bar by bar: once every minute has one it is filled, and refetched with the last of them.
    assert gap_states(refetched) == ["filled", "open", "filled", "refetched"]
    gap = rows(refetched, "gaps", "Gap")[-1]
    assert (gap["minutes"], gap["outage"], gap["state"]) == (20, 20, "refetched")


def test_every_lost_minute_ends_with_its_refetched_bar(refetched: Pipeline):
    bars = [(row["ts_open"], row["fill"], row["revision"]) for row in rows(refetched, "bars.1m", "Bar")]
    first = {ts: fill for ts, fill, revision in bars if revision == 0 and fill != "real"}
    # Five minutes had a flat bar at once, the others when the one before them was refetched.
    assert list(first.values()) == ["flat"] * 20
    assert {(row["fill"], row["source"]) for row in last(refetched, "bars.1m").values()} == {
        ("real", "feed.bars"), ("refetched", "history"),
    }  # fmt: skip
    assert len([row for row in last(refetched, "bars.1m").values() if row["fill"] == "refetched"]) == 20


def test_refetching_restores_the_quality_of_every_interval(refetched: Pipeline):
    assert quality(refetched) == dict.fromkeys(("1m", "5m", "15m", "30m", "1h", "1d"), 100.0)


@pytest.mark.parametrize("topic", ["bars.5m", "bars.15m", "bars.30m", "bars.1h", "bars.1d"])
def test_derived_bars_end_as_if_nothing_had_been_lost(refetched: Pipeline, topic: str):
    names = ("open", "high", "low", "close", "volume", "actual", "filled", "complete", "coverage")
    whole, mended = last(played(range(0)), topic), last(refetched, topic)
    assert {key: [row[name] for name in names] for key, row in mended.items()} == {
        key: [row[name] for name in names] for key, row in whole.items()
    }
    assert max(row["revision"] for row in mended.values()) >= 1


def test_indicators_end_as_if_nothing_had_been_lost(refetched: Pipeline):
    def values(pipeline: Pipeline) -> dict[tuple[object, ...], dict[str, float]]:
        found = newest(rows(pipeline, "indicators", "IndicatorValues"), "interval", "ts_open")
        return {key: row["values"] for key, row in found.items()}

    assert values(refetched) == values(played(range(0)))


def test_asking_for_a_derived_interval_alone_makes_its_minutes_too():
    pipeline = played(range(0), intervals=["1h"])
    assert len(last(pipeline, "bars.1m")) == 120
    assert [row["actual"] for row in last(pipeline, "bars.1h").values()] == [60, 60]
    assert last(pipeline, "bars.5m") == {}
