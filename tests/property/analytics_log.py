"""Generated logs of ``bars.1m``: two symbols on two short trade dates."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from schemas.config import IndicatorConfig
from schemas.history import HISTORY
from tests.factories import (
    Record,
    at,
    bar,
    calendar_rows,
    changed,
    config,
    day,
    domain,
    heartbeat,
    minute_status,
    symbol,
)

DAYS = ("2024-07-01", "2024-07-02")
MINUTE = 60_000_000_000
LENGTH = 40
BODY = domain(
    symbol("SPY"),
    symbol("AIG"),
    calendars={"XNYS": calendar_rows(days=[*DAYS, "2024-07-03"], hours=["13:30-13:50", "14:00-14:20"])},
    intervals=["5m", "15m", "1h", "1d"],
    indicators=[
        IndicatorConfig("ema_3", "ema", 3),
        IndicatorConfig("rsi_3", "rsi", 3),
        IndicatorConfig("vwap", "vwap"),
    ],
)
NEWER = changed(BODY, indicators=BODY.indicators[:2], intervals=["5m", "30m", "1d"], coverage_limit=0.5)

NEWEST = changed(NEWER, indicators=[*BODY.indicators, IndicatorConfig("ema_9", "ema", 9)])


def ts_of(number: int) -> int:
    """Start of the n-th expected minute of both days."""
    date, minute = divmod(number, LENGTH)
    return at(f"{DAYS[date]}T13:30") + (minute + 10 * (minute >= 20)) * MINUTE


def shifted(record: Record, number: int) -> Record:
    ts = ts_of(number)
    moved: dict[str, Any] = {"ts_open": ts}
    if record["record"] == "Bar":
        moved |= {"ts_close": ts + MINUTE, "session_date": day(DAYS[number // LENGTH])}
    return {**record, **moved}


SYMBOLS = st.sampled_from(["SPY", "AIG"])
PRICES = st.integers(1, 9).map(float)
NUMBERS = st.integers(0, 2 * LENGTH - 1)
FILLS = st.sampled_from(["real", "real", "real", "refetched", "flat"])
CAUSES = st.sampled_from(["halt", "rejected", "outage", "no_trades", "unknown"])


@st.composite
def bars(draw: st.DrawFn) -> Record:
    low, high = sorted((draw(PRICES), draw(PRICES)))
    fields = {"symbol": draw(SYMBOLS), "fill": draw(FILLS), "revision": draw(st.integers(0, 3))}
    fields |= {
        "volume": draw(st.integers(0, 3)) * 1.5,
        "notional": draw(st.none() | PRICES),
        "trades": draw(st.none() | st.just(2)),
    }
    return shifted(
        bar("2024-07-01T13:30", low, high, low, draw(st.sampled_from([low, high])), **fields), draw(NUMBERS)
    )


@st.composite
def statuses(draw: st.DrawFn) -> Record:
    fields = {"symbol": draw(SYMBOLS), "cause": draw(CAUSES), "filled": draw(st.booleans())}
    return shifted(minute_status("2024-07-01T13:30", source="bars", **fields), draw(NUMBERS))


@st.composite
def heartbeats(draw: st.DrawFn) -> Record:
    ts = ts_of(draw(NUMBERS)) + draw(st.sampled_from([0, MINUTE]))
    record = heartbeat("2024-07-01T13:30", "bars")
    return {**record, "ts": ts, "ts_last": ts, "ts_through": ts}


@st.composite
def runs(draw: st.DrawFn) -> list[Record]:
    """Minutes in their order, as most of a log is."""
    first, name = draw(NUMBERS), draw(SYMBOLS)
    last = min(first + draw(st.integers(1, 30)), 2 * LENGTH)
    return [
        shifted(bar("2024-07-01T13:30", draw(PRICES), symbol=name), number) for number in range(first, last)
    ]


@st.composite
def histories(draw: st.DrawFn) -> Record:
    """Stored bars from some minute of either day on, or of the day before."""
    first, length = draw(NUMBERS), draw(st.sampled_from([1, 5]))
    rows = np.zeros(draw(st.integers(1, 20)), HISTORY)
    before = draw(st.sampled_from([0, 0, 1])) * (at(f"{DAYS[1]}T00:00") - at(f"{DAYS[0]}T00:00"))
    rows["ts_open"] = ts_of(first) // (length * MINUTE) * length * MINUTE - before
    rows["ts_open"] += np.arange(len(rows)) * length * MINUTE
    rows["session_date"] = day(DAYS[first // LENGTH]) - (before > 0)
    for name in ("open", "high", "low", "close", "volume"):
        rows[name] = draw(PRICES)
    rows["close"] += np.arange(len(rows)) % 3
    rows["notional"] = np.nan
    return {
        "record": "History", "symbol": draw(SYMBOLS), "interval": f"{length}m",
        "ts_event": int(rows["ts_open"][-1]), "bars": rows.tobytes(),
    }  # fmt: skip


CONFIGS = st.sampled_from([config(NEWER), config(BODY), config(NEWEST)])
RECORDS = st.lists(
    st.one_of(
        bars().map(lambda one: [one]),
        statuses().map(lambda one: [one]),
        heartbeats().map(lambda one: [one]),
        histories().map(lambda one: [one]),
        runs(),
        CONFIGS.map(lambda one: [one]),
    ),
    max_size=25,
).map(lambda parts: [config(BODY), *(record for part in parts for record in part)])
