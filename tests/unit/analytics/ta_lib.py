"""The indicators of TA-Lib under our names, where the two agree on conventions.

Importing this skips a module of tests where TA-Lib is not installed, unless everything is required.
"""

import importlib
import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import pytest

from schemas.config import IndicatorConfig
from schemas.indicators import parameters_of
from streams.core.analytics.rows import Bools, Floats, Rows
from tests.unit.analytics.library import CASES

if os.environ.get("BARLINE_REQUIRE"):
    talib = importlib.import_module("talib")
else:
    talib = pytest.importorskip("talib", reason="set up anew: `make setup` installs TA-Lib")

NOT_OF_ONE: Final = {"bollinger", "deviation", "donchian", "rsi"}
"""Kinds of which it refuses a length of 1."""

COMPARED: Final = [case for case in CASES if not (case.kind in NOT_OF_ONE and case.length == 1)]


class Prices(NamedTuple):
    """What it is given, float64[bars] each."""

    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def prices_of(bars: Rows) -> Prices:
    """Columns of bars as it takes them."""
    return Prices(*(np.ascontiguousarray(bars[name]) for name in Prices._fields))


def by_ta_lib(case: IndicatorConfig, bars: Rows) -> Floats:
    """Its values, float64[outputs, bars] in our order, without those that ours has not by convention."""
    if case.kind == "vwap":
        return _vwap(bars)
    found = np.array(_TA_LIB[case.kind](prices_of(bars), *parameters_of(case)))
    if case.kind in ("rsi", "adx"):
        found[0, ~has_moved(bars, case.kind)] = np.nan
    return found


def has_moved(bars: Rows, kind: str) -> Bools:
    """Whether anything has moved up to each bar: closes for an RSI, highs or lows for an ADX."""
    columns = ("close",) if kind == "rsi" else ("high", "low")
    return np.logical_or.accumulate(np.any([bars[name] != bars[name][0] for name in columns], axis=0))


def _adx(c: Prices, length: float) -> tuple[Floats, ...]:
    given = c.high, c.low, c.close, int(length)
    return talib.ADX(*given), talib.PLUS_DI(*given), talib.MINUS_DI(*given)


def _keltner(c: Prices, length: float, factor: float) -> tuple[Floats, ...]:
    """Made of its averages: its own is one of the typical price and the ATR."""
    middle = talib.EMA(c.close, int(length))
    width = factor * _ema_from(talib.TRANGE(c.high, c.low, c.close), 1, int(length))
    return middle - width, middle, middle + width


def _macd(c: Prices, fast: float, slow: float, signal: float) -> tuple[Floats, ...]:
    """Made of its averages, each with its own seed; its MACD seeds the fast one later."""
    line = talib.EMA(c.close, int(fast)) - talib.EMA(c.close, int(slow))
    smoothed = _ema_from(line, int(slow) - 1, int(signal))
    return line, smoothed, line - smoothed


def _stochastic(c: Prices, length: float, smooth: float, signal: float) -> tuple[Floats, ...]:
    """Asked twice: it leaves out values of k before the first one of d."""
    given = c.high, c.low, c.close, int(length), int(smooth), 0
    return talib.STOCH(*given, 1, 0)[0], talib.STOCH(*given, int(signal), 0)[1]


def _vwap(bars: Rows) -> Floats:
    """Asked for each trade date: its sum never begins anew; 0 where there is no volume yet."""
    dates = np.flatnonzero(np.diff(bars["session_date"])) + 1
    found = np.concatenate([talib.VWAP(*prices_of(part)) for part in np.split(bars, dates)])
    return np.where(found > 0.0, found, np.nan)[np.newaxis]


def _ema_from(values: Floats, first: int, length: int) -> Floats:
    found = np.full(len(values), np.nan)
    if len(values) > first:
        found[first:] = talib.EMA(values[first:].copy(), length)
    return found


_TA_LIB: Final[dict[str, Callable[..., Any]]] = {
    "adx": _adx,
    "atr": lambda c, n: [talib.ATR(c.high, c.low, c.close, int(n))],
    "bollinger": lambda c, n, factor: talib.BBANDS(c.close, int(n), factor, factor)[::-1],
    "deviation": lambda c, n: [talib.STDDEV(c.close, int(n))],
    "donchian": lambda c, n: talib.DONCHIAN(c.high, c.low, int(n))[::-1],
    "ema": lambda c, n: [talib.EMA(c.close, int(n))],
    "keltner": _keltner,
    "macd": _macd,
    "momentum": lambda c, n: [talib.MOM(c.close, int(n))],
    "obv": lambda c: [talib.OBV(c.close, c.volume)],
    "roc": lambda c, n: [talib.ROC(c.close, int(n))],
    "rsi": lambda c, n: [talib.RSI(c.close, int(n))],
    "sma": lambda c, n: [talib.SMA(c.close, int(n))],
    "stochastic": _stochastic,
    "true_range": lambda c: [talib.TRANGE(c.high, c.low, c.close)],
    "volume_average": lambda c, n: [talib.SMA(c.volume, int(n))],
}
