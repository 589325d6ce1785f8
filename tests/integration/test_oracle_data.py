"""The stages in one process end in what the oracles end in, on real market data."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.config import Domain, IndicatorConfig, SourceConfig
from streams.core.pipeline import Pipeline
from tests.factories import (
    Record,
    at,
    bar,
    calendar_rows,
    columns,
    config,
    domain,
    heartbeat,
    quote,
    symbol,
    tick,
)
from tests.oracle.analytics import Analytics
from tests.oracle.bars import Bars
from tests.oracle.reading import Row, difference, newest, plain
from tests.oracle.ticks import Ticks

pytestmark = pytest.mark.data

THREE = [
    IndicatorConfig("ema_20", "ema", 20),
    IndicatorConfig("rsi_14", "rsi", 14),
    IndicatorConfig("vwap", "vwap"),
]
MINUTE = 60_000_000_000


def lines(path: Path, start: str, end: str) -> Iterator[tuple[int, Row]]:
    """Number and fields of the lines of a file in ``[start, end)``."""
    with gzip.open(path, "rt") as text:
        for number, row in enumerate(csv.DictReader(text)):
            row["time"] = row["time"].rstrip("Z")
            if start <= row["time"] < end:
                yield number, row


def known(name: str, day: str, hours: str, **fields: Any) -> Domain:
    """One symbol of one calendar, from the files."""
    return domain(
        symbol(name, sources=["feed", "feed.bars"], **fields),
        sources=[SourceConfig("feed", "ticks.raw"), SourceConfig("feed.bars", "bars.raw", files=True)],
        calendars={"XNYS": calendar_rows(days=[day], hours=[hours])},
        indicators=THREE,
        partitions=1,
    )


def played(body: Domain, topic: str, records: list[Record], source: str) -> Pipeline:
    """Records through the stages, with a heartbeat of their source at each minute."""
    pipeline = Pipeline()
    pipeline.feed(columns("ticks.raw", 0, config(body)))
    event = "ts_close" if topic == "bars.raw" else "ts_event"
    minute = records[0]["ts_open" if topic == "bars.raw" else event] // MINUTE
    log = [beat(source, minute * MINUTE)]
    for record in records:
        while record[event] // MINUTE > minute:
            minute += 1
            log.append(beat(source, minute * MINUTE))
        log.append(record)
    log.append(beat(source, (minute + 1) * MINUTE))
    pipeline.feed(columns(topic, 0, *log))
    return pipeline


def beat(source: str, ts: int) -> Record:
    return {**heartbeat("2024-07-02", source), "ts": ts, "ts_through": ts, "ts_last": ts}


def log_of(pipeline: Pipeline, topic: str) -> list[Row]:
    """Every record of a topic."""
    return [row for part in pipeline.columns(topic) for row in plain(part)]


def only_bars(pipeline: Pipeline, *topics: str) -> list[Row]:
    """The bars of some topics."""
    return [row for topic in topics for row in log_of(pipeline, topic) if row["record"] == "Bar"]


def assert_ticks(pipeline: Pipeline) -> None:
    """Outcomes and bars of ticks; a bar of them stands beside those of vendors on ``bars.raw``."""
    oracle = Ticks().read(log_of(pipeline, "ticks.raw"))
    for interval, topic in (("1m", "bars.raw"), ("1s", "bars.1s")):
        rows = [row for row in only_bars(pipeline, topic) if row["source"] == "feed"]
        assert difference(oracle.bars(interval), newest(rows, "symbol", "source", "ts_open")) == []
    said = list(oracle.outcomes.values())
    assert pipeline.counts["ticks"]["out"] == said.count("out") > 1_000


def assert_bars(pipeline: Pipeline) -> None:
    """Final 1m rows, gaps, derived bars and indicators."""
    oracle = Bars().read(log_of(pipeline, "bars.raw"))
    assert difference(oracle.rows(), newest(only_bars(pipeline, "bars.1m"), "symbol", "ts_open")) == []
    assert difference(oracle.gaps(), newest(log_of(pipeline, "gaps"), "symbol", "ts_open")) == []
    derived = Analytics().read(log_of(pipeline, "bars.1m")).derived()
    found = only_bars(pipeline, "bars.5m", "bars.15m", "bars.30m", "bars.1h", "bars.1d")
    assert difference(derived, newest(found, "symbol", "interval", "ts_open")) == []
    assert len(oracle.rows()) > 20
    assert len(derived) > 5


def test_an_hour_of_gold_quotes_is_that_of_the_oracles(market_data: Path):
    path = market_data / "metals" / "quotes" / "XAUUSD-20140501.csv.gz"
    records = [
        {
            **quote("2014-05-01", float(row["bid"]), float(row["ask"]), symbol="XAUUSD"),
            "ts_event": at(row["time"]),
            "ts_recv": at(row["time"]),
            "seq": number,
        }
        for number, row in lines(path, "2014-05-01T13:00", "2014-05-01T14:00")
    ]
    pipeline = played(known("XAUUSD", "2014-05-01", "13:00-14:00", price="bid"), "ticks.raw", records, "feed")
    assert_ticks(pipeline)
    assert_bars(pipeline)


def test_the_first_half_hour_of_spy_trades_is_that_of_the_oracles(market_data: Path):
    path = next((market_data / "us_equity" / "trades").glob("SPY-20131007*"))
    records = [
        {
            **tick("2013-10-07", float(row["price"]), float(row["size"]) or None),
            "ts_event": at(row["time"]),
            "ts_recv": at(row["time"]),
            "seq": number,
        }
        for number, row in lines(path, "2013-10-07T13:30", "2013-10-07T14:00")
    ]
    pipeline = played(known("SPY", "2013-10-07", "13:30-14:00"), "ticks.raw", records, "feed")
    assert_ticks(pipeline)
    assert_bars(pipeline)


def test_a_day_of_yesbank_bars_is_that_of_the_oracles(market_data: Path):
    path = next((market_data / "india_equity" / "bars_1m").glob("YESBANK-20190709*"))
    records = []
    for _, row in lines(path, "2019-07-09T03:45", "2019-07-09T10:00"):
        prices = [float(row[name]) for name in ("open", "high", "low", "close")]
        records.append(bar(row["time"], *prices, symbol="YESBANK", volume=float(row["volume"])))
    assert_bars(played(known("YESBANK", "2019-07-09", "03:45-10:00"), "bars.raw", records, "feed.bars"))
