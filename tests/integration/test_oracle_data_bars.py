"""Every 1m bar of the shared data through the stages, against the oracles, a trade date of a market at once.

A few minutes of work, so only where it is asked for::

    BARLINE_ORACLE_FILES=1 pytest tests/integration/test_oracle_data_bars.py --timeout 0
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from schemas.config import SourceConfig
from schemas.rules import AssetRules
from streams.core.pipeline import Pipeline
from tests.factories import Record, bar, calendar_rows, columns, config, domain, symbol
from tests.integration.test_oracle_data import MINUTE, assert_bars, beat, lines, log_of
from tests.oracle.bars import Bars
from tests.oracle.reading import difference, newest

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        "BARLINE_ORACLE_FILES" not in os.environ, reason="long: asked for by BARLINE_ORACLE_FILES"
    ),
]

OPEN = {"us_equity": "13:30-20:00", "india_equity": "03:45-10:00"}
WINTER = {"20151223": "14:30-21:00", "20151224": "14:30-18:00", "20151228": "14:30-21:00"}
DATES = [
    *(("us_equity", f"201310{day}") for day in ("04", "07", "08", "09", "10", "11")),
    *(("us_equity", date) for date in WINTER),
    *(("india_equity", date) for date in ("20190709", "20190710")),
    *(("crypto", date) for date in ("20180404", "20180405")),
    *((market, f"201405{day}") for market in ("metals", "forex") for day in ("01", "02", "04")),
]


def log_of_minutes(records: list[Record]) -> list[Record]:
    """The bars of each minute, then a heartbeat of their vendor at its end."""
    by_minute: dict[int, list[Record]] = {}
    for record in records:
        by_minute.setdefault(record["ts_open"], []).append(record)
    first, end = min(by_minute), max(by_minute) + MINUTE
    log, last = [{**beat("feed.bars", first)}], first
    for ts in range(first, end, MINUTE):
        log += by_minute.get(ts, [])
        last = ts + MINUTE if ts in by_minute else last
        log.append({**beat("feed.bars", ts + MINUTE), "ts_last": last})
    return log


@pytest.mark.parametrize(("market", "date"), DATES)
def test_a_trade_date_of_a_market_is_that_of_the_oracles(market_data: Path, market: str, date: str):
    paths = sorted((market_data / market / "bars_1m").glob(f"*-{date}.csv.gz"))
    text, names = f"{date[:4]}-{date[4:6]}-{date[6:]}", [path.name.partition("-")[0] for path in paths]
    records = []
    for name, path in zip(names, paths, strict=True):
        for _, row in lines(path, "0", "9"):
            prices = [float(row[field]) for field in ("open", "high", "low", "close")]
            records.append(bar(row["time"], *prices, symbol=name, volume=float(row["volume"])))
    body = domain(
        *(symbol(name, sources=["feed.bars"]) for name in names),
        sources=[SourceConfig("feed.bars", "bars.raw")],
        calendars={
            "XNYS": calendar_rows(days=[text], hours=[WINTER.get(date, OPEN.get(market, "00:00-24:00"))])
        },
        assets={"equity": AssetRules(future_ms=60_000)},  # a bar comes just before the heartbeat after it
        partitions=1,
    )
    pipeline = Pipeline()
    pipeline.feed(columns("ticks.raw", 0, config(body)))
    pipeline.feed(columns("bars.raw", 0, *log_of_minutes(records)))
    assert_bars(pipeline)
    oracle = Bars().read(log_of(pipeline, "bars.raw"))
    outcomes = Counter(outcome.partition(".")[0] for outcome in oracle.outcomes.values())
    assert {name: pipeline.counts["bars"][name] for name in outcomes} == outcomes
    found = newest(log_of(pipeline, "sessions"), "symbol", "session_date", "interval")
    told = {key: row for key, row in found.items() if row["state"] == "closed"}
    assert difference(oracle.sessions(), told) == []
