"""Stored bars, a first and a second configuration, a worker, ticks: the first live values are warm.

::

    ClickHouse: bars ──► init ──► worker ──► 5 minutes of ticks ──► config apply ──► 5 minutes of ticks
                                             rsi_200, ema_40 at 5m                   and ema_100, rsi_50 at 5m
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clickhouse_connect
import numpy as np
import pytest

from barline.stack.running import running as servers
from runtime.endpoints import Endpoints
from tests.eventually import eventually
from tests.factories import Record, at, heartbeat, tick
from tests.line_servers import barline, running
from tests.oracle.indicators import ema, rsi
from tests.sinks import MINUTE, Feed, Row, feeding, recorded

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

SETTINGS = """
intervals = ["5m"]
[sources.feed]
topic = "ticks.raw"
[symbols.BTC]
asset = "crypto"
calendar = "24x7"
sources = ["feed"]
"""
FIRST = {"rsi_200": ("rsi", 200, "1m"), "ema_40": ("ema", 40, "5m")}
SECOND = {"ema_100": ("ema", 100, "1m"), "rsi_50": ("rsi", 50, "5m")}
FORMULAS = {"rsi": rsi, "ema": ema}
DAY = (datetime.now(UTC) - timedelta(days=1)).date()  # the calendars of `init` begin ten days ago
NOON = at(f"{DAY}T12:00")
STORED = {"1m": 3_100, "5m": 800}
NEEDED_FIRST = {"1m": 2_965, "5m": 325}
"""Bars that an RSI of 200 needs, and an EMA of 40."""
NEEDED = {"1m": 2_965, "5m": 742}
"""With the second configuration, for the RSI of 200 and that of 50."""
STEPS = {"1m": 1, "5m": 5}
random = np.random.default_rng(5)
BEFORE = {name: (100.0 + random.normal(0.0, 0.1, count)).tolist() for name, count in STORED.items()}
LIVE = {"1m": (100.0 + random.normal(0.0, 0.1, 10)).round(6).tolist()}
LIVE["5m"] = LIVE["1m"][4::5]


@pytest.fixture
def endpoints(tmp_path: Path) -> Iterator[Endpoints]:
    """Servers of its own: a worker takes up all that is on the topics. What it runs is compiled."""
    with servers(tmp_path / "stack") as stack:
        barline(stack.endpoints, tmp_path, "warm")
        yield stack.endpoints


def settings(home: Path, indicators: dict[str, tuple[str, int, str]]) -> str:
    """Path of the settings with these indicators."""
    parts = [
        f'[[indicators]]\nname = "{name}"\nkind = "{kind}"\nlength = {length}\nintervals = ["{interval}"]\n'
        for name, (kind, length, interval) in indicators.items()
    ]
    (home / "barline.toml").write_text("".join([SETTINGS, *parts]))
    return str(home / "barline.toml")


def store(endpoints: Endpoints, interval: str, closes: list[float], end: int) -> None:
    """Store bars of which the last one ends so many bars after noon."""
    length = timedelta(minutes=STEPS[interval])
    noon = datetime.fromtimestamp(NOON // 1_000_000_000, UTC)
    begins = [noon + (end - len(closes) + number) * length for number in range(len(closes))]
    rows = [
        ["BTC", interval, begin, begin + length, begin.date(), close, close, close, close]
        for begin, close in zip(begins, closes, strict=True)
    ]
    names = ["symbol", "interval", "ts_open", "ts_close", "session_date", "open", "high", "low", "close"]
    client = clickhouse_connect.get_client(**endpoints.clickhouse_settings())
    client.insert("bars", rows, column_names=names)
    client.close()


def send(feed: Feed, *records: Record) -> None:
    for record in records:
        feed.send("ticks.raw", str(record["record"]), **{k: v for k, v in record.items() if k != "record"})
    feed.flush()


def play(feed: Feed, first: int, end: int) -> None:
    """A print and a heartbeat of each minute after noon, and one heartbeat more, which closes the last."""
    for number in range(first, end):
        beat = heartbeat(f"{DAY}T12:{number:02d}:00")
        send(feed, beat, tick(f"{DAY}T12:{number:02d}:30", LIVE["1m"][number], symbol="BTC"))
    send(feed, heartbeat(f"{DAY}T12:{end:02d}:10"))


def values(endpoints: Endpoints, interval: str, number: int) -> Row:
    """The first record of the values of the n-th bar after noon; empty until it is there."""
    ts = NOON + number * STEPS[interval] * MINUTE
    for *_, kind, row in recorded(endpoints, ("indicators",)):
        if kind == "IndicatorValues" and (row["interval"], row["ts_open"]) == (interval, ts):
            return row
    return {}


def check(endpoints: Endpoints, name: str, number: int, closes: list[float], *, warm: bool) -> None:
    """The value of an indicator at a live bar is that of the oracle over these closes, or is not there."""
    kind, length, interval = (FIRST | SECOND)[name]
    row = eventually(lambda: values(endpoints, interval, number), poll_s=0.5, because=f"values of {interval}")
    expected = FORMULAS[kind](closes, length)
    assert row["revision"] == 0
    assert (name in row["converged"]) == warm
    assert row["values"].get(name) == (pytest.approx(expected, rel=1e-9) if warm else None)


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "no-warm-up"])
def test_the_first_live_values_after_a_configuration_are_warm(
    endpoints: Endpoints, tmp_path: Path, *, warm: bool
):
    path, days = settings(tmp_path, FIRST), [] if warm else ["--no-warm-up"]
    barline(endpoints, tmp_path, "init", "--partitions", "1", "--no-configuration", "--config", path)
    for interval, closes in BEFORE.items():
        store(endpoints, interval, closes, 0)
    if warm:
        told = barline(endpoints, tmp_path, "init", "--partitions", "1", "--config", path)
        assert "stored bars of 2 symbols and intervals sent" in told
    else:
        barline(endpoints, tmp_path, "config", "apply", "--config", path, "--no-warm-up")
    worker = ["worker", "--agents", "ticks,bars,analytics", "--instance", "one", "--config", path]
    with feeding(endpoints) as feed, running(endpoints, tmp_path, *worker):
        play(feed, 0, 5)
        for name, (*_, interval) in FIRST.items():
            closes = [*BEFORE[interval][-NEEDED_FIRST[interval] :], LIVE[interval][0]]
            check(endpoints, name, 0, closes, warm=warm)
        store(endpoints, "1m", LIVE["1m"][:5], 5)  # as the sink does
        store(endpoints, "5m", LIVE["5m"][:1], 1)
        settings(tmp_path, FIRST | SECOND)
        barline(endpoints, tmp_path, "config", "apply", "--config", path, *days)
        play(feed, 5, 10)
        for name, (*_, interval) in SECOND.items():
            number = 5 // STEPS[interval]
            known = [*BEFORE[interval], *LIVE[interval][:number]][-NEEDED[interval] :]
            check(endpoints, name, number, [*known, LIVE[interval][number]], warm=warm)
