"""What tests of `barline reprocess` share: bars around the turn of a month, live values of some of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import clickhouse_connect
import pytest
from click.testing import CliRunner, Result

from barline.cli.reprocess import command
from runtime.endpoints import Endpoints
from schemas.config import IndicatorConfig
from streams.core.analytics.rows import Rows
from tests.factories import at
from tests.sinks import own_database, store_of
from tests.unit.analytics.library import random_bars

SETTINGS = """
intervals = ["5m"]
[sources]
feed = { topic = "ticks.raw" }
[symbols]
SPY = { asset = "equity", calendar = "24x7", sources = ["feed"] }
[[indicators]]
name = "ema_5"
kind = "ema"
length = 5
intervals = ["1m"]
[[indicators]]
name = "mid"
kind = "midpoint"
length = 5
window = 9
intervals = ["1m"]
"""
START = at("2024-06-30T23:00")
BARS = random_bars(200)
EMA = IndicatorConfig("ema_5", "ema", 5)
LIVE = """
INSERT INTO indicators (symbol, interval, name, ts_open, value, revision)
SELECT 'SPY', '1m', {name:String}, fromUnixTimestamp64Nano({start:Int64} + number * 60000000000),
    {value:Float64}, {revision:Int64}
FROM numbers(120)
"""


def put_bars(endpoints: Endpoints, bars: Rows = BARS, first: int = 0) -> None:
    """Store bars from a minute on that is counted from ``START``."""
    names = ("open", "high", "low", "close", "volume")
    minutes = [
        datetime.fromtimestamp(START // 1_000_000_000 + 60 * (first + n), UTC) for n in range(len(bars))
    ]
    rows = [
        [
            "SPY",
            "1m",
            start,
            start + timedelta(minutes=1),
            start.date(),
            2,
            *(float(bar[name]) for name in names),
        ]
        for start, bar in zip(minutes, bars, strict=True)
    ]
    columns = ["symbol", "interval", "ts_open", "ts_close", "session_date", "revision", *names]
    client = clickhouse_connect.get_client(**endpoints.clickhouse_settings())
    client.insert("bars", rows, column_names=columns)
    client.close()


def prepared(stack: Endpoints, name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Endpoints:
    """A database of that name with bars and live values, known to the command by its environment."""
    endpoints = own_database(stack, name)
    put_bars(endpoints)
    for indicator in ("ema_5", "old"):
        put_live(endpoints, indicator)
    for variable, address in endpoints.environment().items():
        monkeypatch.setenv(variable, address)
    configure(monkeypatch, folder, SETTINGS)
    return endpoints


def configure(monkeypatch: pytest.MonkeyPatch, folder: Path, settings: str) -> None:
    """Let the command find these settings."""
    (folder / "barline.toml").write_text(settings)
    monkeypatch.setenv("BARLINE_CONFIG", str(folder / "barline.toml"))


def put_live(endpoints: Endpoints, name: str, value: int = -1, revision: int = 3) -> None:
    """Store values of the first 120 minutes as the sink does."""
    with store_of(endpoints) as store:
        store.command(LIVE, {"name": name, "start": START, "value": value, "revision": revision})


def run(*arguments: str) -> Result:
    """Run the command, which must succeed."""
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def values(endpoints: Endpoints, name: str) -> dict[int, tuple[float, int, int]]:
    """Value, revision and bar_revision by minute."""
    with store_of(endpoints) as store:
        rows = store.rows(
            "SELECT toUnixTimestamp64Nano(ts_open), value, revision, bar_revision FROM indicators FINAL "
            "WHERE name = {name:String}",
            {"name": name},
        )
    return {(ts - START) // 60_000_000_000: tuple(row) for ts, *row in rows}


RANGE = ("indicators", "--from", "2024-06-30T23:50:00", "--to", "2024-07-01T01:30:00")


def table_of(said: str) -> str:
    """The table that stands beside."""
    return next(word for word in said.split() if word.startswith("indicators_beside_"))
