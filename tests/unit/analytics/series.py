"""Bars on which indicators are compared: made ones by name, and real days."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from schemas.config import IndicatorConfig
from streams.core.analytics.rows import BAR, Bools, Rows
from tests.unit.analytics.library import dated, random_bars

SCALES: Final = (1.0, 1e-12, 1e12)
"""Of prices."""

PRICES: Final = ("open", "high", "low", "close")

REAL: Final = {
    "SPY": "us_equity/bars_1m/SPY-*.csv.gz",
    "XAUUSD": "metals/bars_1m/XAUUSD-*.csv.gz",
    "BTCUSD": "crypto/bars_1m/BTCUSD-*.csv.gz",
}
"""Every day there is of each."""


def made(name: str, scale: float = 1.0) -> Rows:
    """One of ``MADE`` at 100 times the scale or so; minutes that are missing have a revision of -1."""
    return scaled(MADE[name](random_bars(400)), scale)


def scaled(bars: Rows, scale: float) -> Rows:
    """The same at other prices."""
    found = bars.copy()
    for price in PRICES:
        found[price] *= scale
    return found


def present(bars: Rows) -> Rows:
    """Those that are not missing."""
    return bars[bars["revision"] >= 0]


def differs_by_a_grain(case: IndicatorConfig, bars: Rows, scale: float) -> bool:
    """Whether pandas-ta-classic is told apart by the 2.2e-16 that stands there for a range of 0.

    That is a five-thousandth of a price of 1e-12; at 1 it is nothing.
    """
    grained = case.kind in ("true_range", "atr", "keltner", "adx")
    return grained and scale < 1.0 and bool(np.any(present(bars)["high"] == present(bars)["low"]))


@cache
def real(folder: Path, symbol: str) -> Rows:
    """All days of a symbol, minutes without trades left out."""
    paths = sorted(folder.glob(REAL[symbol]))
    frame = pd.concat([pd.read_csv(path, parse_dates=["time"]) for path in paths])
    found = np.zeros(len(frame), BAR)
    for name in (*PRICES, "volume"):
        found[name] = frame[name].fillna(0.0) if name in frame else 0.0
    starts = frame["time"].dt.tz_localize(None).to_numpy()
    days = starts.astype("datetime64[D]").astype(np.int64)
    found["notional"], found["ts_open"] = np.nan, starts.astype("datetime64[ns]").astype(np.int64)
    found["session_date"], found["starts"] = days, np.diff(days, prepend=-1) > 0
    return found


def _flat(bars: Rows) -> Rows:
    for price in PRICES:
        bars[price] = 5.0
    bars["volume"] += 1.5
    return bars


def _without_volume(bars: Rows) -> Rows:
    bars["volume"] = 0.0
    return bars


def _session_gaps(bars: Rows) -> Rows:
    for price in PRICES:
        bars[price] *= np.array([1.0, 1.3, 0.6, 0.9])[bars["session_date"]]
    return bars


def _missing(bars: Rows) -> Rows:
    """A fifth of the minutes, the first of a session and most of another."""
    bars["revision"][_gone(bars)] = -1
    bars["revision"][310:390] = -1
    return bars


def _filled(bars: Rows) -> Rows:
    """Flat bars for a fifth of the minutes, up to 20 in a row."""
    for place in np.flatnonzero(_gone(bars)):
        for price in PRICES:
            bars[place][price] = bars[place - 1]["close"]
        bars[place]["volume"] = 0.0
    return bars


def _gone(bars: Rows) -> Bools:
    found = np.random.default_rng(2).random(len(bars)) < 0.2
    found[100:103] = found[210:225] = True
    found[0] = False
    return found


MADE: Final[Mapping[str, Callable[[Rows], Rows]]] = {
    "random": lambda _: random_bars(1_000),
    "flat": _flat,
    "without volume": _without_volume,
    "flat without volume": lambda bars: _without_volume(_flat(bars)),
    "a single bar": lambda bars: bars[:1],
    "a few bars": lambda bars: dated(bars[:30]),
    "session gaps": _session_gaps,
    "missing minutes": _missing,
    "filled minutes": _filled,
}
