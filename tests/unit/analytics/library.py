"""The indicators of pandas-ta-classic under our names, and bars to compare on."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from schemas.config import IndicatorConfig
from streams.core.analytics.chain import Chain
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.rows import BAR, Bools, Floats, Rows

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pandas-ta-classic uses what pandas has deprecated
    import pandas_ta_classic as ta

One = IndicatorConfig

CASES = [
    One("adx_14", "adx", 14), One("adx_2", "adx", 2),
    One("atr_14", "atr", 14), One("atr_1", "atr", 1),
    One("bb_20", "bollinger", 20), One("bb_5", "bollinger", 5, parameters={"factor": 1.5}),
    One("deviation_30", "deviation", 30),
    One("donchian_20", "donchian", 20), One("donchian_1", "donchian", 1),
    One("ema_1", "ema", 1), One("ema_20", "ema", 20),
    One("keltner_20", "keltner", 20), One("keltner_3", "keltner", 3, parameters={"factor": 1.0}),
    One("macd", "macd"), One("macd_3_7_4", "macd", parameters={"fast": 3, "slow": 7, "signal": 4}),
    One("momentum_10", "momentum", 10), One("momentum_1", "momentum", 1),
    One("obv", "obv"),
    One("roc_10", "roc", 10),
    One("rsi_2", "rsi", 2), One("rsi_14", "rsi", 14),
    One("sma_1", "sma", 1), One("sma_20", "sma", 20), One("sma_73", "sma", 73),
    One("stochastic_14", "stochastic", 14),
    One("stochastic_5", "stochastic", 5, parameters={"smooth": 1, "signal": 4}),
    One("true_range", "true_range"),
    One("volume_average_20", "volume_average", 20),
    One("vwap", "vwap"),
]  # fmt: skip
"""At least one of every kind."""


def random_bars(count: int, scale: float = 1.0, seed: int = 7) -> Rows:
    """A random walk in trade dates of a hundred bars, some volume missing."""
    rng = np.random.default_rng(seed)
    bars = np.zeros(count, BAR)
    close = (100.0 + np.cumsum(rng.normal(size=count))) * scale
    bars["close"], bars["open"] = close, close
    bars["high"] = close * (1.0 + rng.random(count) * 0.02)
    bars["low"] = close * (1.0 - rng.random(count) * 0.02)
    bars["volume"] = rng.integers(0, 4, count) * 1.5
    return dated(bars)


def dated(bars: Rows) -> Rows:
    """With starts, trade dates and no notional."""
    count = len(bars)
    bars["notional"] = np.nan
    bars["session_date"] = np.arange(count) // 100
    bars["ts_open"] = bars["session_date"] * 86_400_000_000_000 + np.arange(count) % 100 * 60_000_000_000
    bars["starts"] = np.arange(count) % 100 == 0
    return bars


def chain_of(bars: Rows, *cases: IndicatorConfig) -> Chain:
    """Indicators computed over all bars."""
    chain = Chain(Program(cases), len(bars))
    chain.restart(bars, [b""] * len(cases))
    return chain


def by_the_library(case: IndicatorConfig, bars: Rows) -> Floats:
    """The values of the library, float64[outputs, bars] in our order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        frame = pd.DataFrame({name: bars[name] for name in ("high", "low", "close", "volume")})
        frame.index = pd.to_datetime(bars["ts_open"])
        found = _LIBRARY[case.kind](frame, case.length, case.parameters)
        columns = found if isinstance(found, list) else [found]
        none = np.full(len(bars), np.nan)  # it gives no column at all where there are too few bars
        return np.array([none if column is None else column.to_numpy(float) for column in columns])


def compared(ours: Floats, theirs: Floats, case: IndicatorConfig, scale: float) -> float:
    """``off`` where both have values at the same places, infinite where they have not."""
    return off(ours, theirs, case, scale) if same_places(ours, theirs) else np.inf


def same_places(ours: Floats, theirs: Floats) -> Bools:
    """Whether both have values at the same places."""
    return np.array_equal(np.isnan(ours), np.isnan(theirs))


_CANCEL = {"macd": 1.0, "momentum": 1.0, "deviation": 1.0, "atr": 1e-6, "true_range": 1e-6}
"""Where prices cancel: the part of a price below which a value is noise (a range of 0 is 2.2e-16 there)."""

_PERCENT = {"adx", "stochastic", "roc", "obv"}


def off(ours: Floats, theirs: Floats, case: IndicatorConfig, scale: float) -> float:
    """Largest difference, relative to the value, or to the prices where differences of prices cancel."""
    floor = 1.0 if case.kind in _PERCENT else max(_CANCEL.get(case.kind, 0.0) * scale, 1e-300)
    found = np.abs(ours - theirs) / np.maximum(np.abs(theirs), floor)
    return float(np.max(found, where=~np.isnan(found), initial=0.0))


def _bands(frame: Any, names: list[str]) -> list[Any]:
    if frame is None:
        return [None] * len(names)
    return [next(frame[column] for column in frame if column.startswith(name)) for name in names]


def _bollinger(bars: Any, length: int, given: dict[str, float]) -> Any:
    found = ta.bbands(bars.close, length, given.get("factor", 2.0), ddof=0, talib=False)
    return _bands(found, ["BBL", "BBM", "BBU"])


def _keltner(bars: Any, length: int, given: dict[str, float]) -> Any:
    found = ta.kc(bars.high, bars.low, bars.close, length, given.get("factor", 2.0))
    return _bands(found, ["KCL", "KCB", "KCU"])


def _macd(bars: Any, _length: int, given: dict[str, float]) -> Any:
    lengths = [int(given.get(name, usual)) for name, usual in (("fast", 12), ("slow", 26), ("signal", 9))]
    return _bands(ta.macd(bars.close, *lengths, talib=False), ["MACD_", "MACDs", "MACDh"])


def _stochastic(bars: Any, length: int, given: dict[str, float]) -> Any:
    smooth, signal = int(given.get("smooth", 3)), int(given.get("signal", 3))
    found = ta.stoch(bars.high, bars.low, bars.close, length, signal, smooth, talib=False)
    return _bands(found, ["STOCHk", "STOCHd"])


def _adx(bars: Any, length: int, _given: dict[str, float]) -> Any:
    return _bands(ta.adx(bars.high, bars.low, bars.close, length, talib=False), ["ADX", "DMP", "DMN"])


def _donchian(bars: Any, length: int, _given: dict[str, float]) -> Any:
    return _bands(ta.donchian(bars.high, bars.low, length, length), ["DCL", "DCM", "DCU"])


_LIBRARY: dict[str, Callable[[Any, int, dict[str, float]], Any]] = {
    "adx": _adx,
    "atr": lambda bars, n, _: ta.atr(bars.high, bars.low, bars.close, n, talib=False),
    "bollinger": _bollinger,
    "deviation": lambda bars, n, _: ta.stdev(bars.close, n, ddof=0, talib=False),
    "donchian": _donchian,
    "ema": lambda bars, n, _: ta.ema(bars.close, n, talib=False),
    "keltner": _keltner,
    "macd": _macd,
    "momentum": lambda bars, n, _: ta.mom(bars.close, n, talib=False),
    "obv": lambda bars, _n, _: ta.obv(bars.close, bars.volume, talib=False),
    "roc": lambda bars, n, _: ta.roc(bars.close, n, talib=False),
    "rsi": lambda bars, n, _: ta.rsi(bars.close, n, talib=False),
    "sma": lambda bars, n, _: ta.sma(bars.close, n, talib=False),
    "stochastic": _stochastic,
    "true_range": lambda bars, _n, _: ta.true_range(bars.high, bars.low, bars.close, talib=False),
    "volume_average": lambda bars, n, _: ta.sma(bars.volume, n, talib=False),
    "vwap": lambda bars, _n, _: ta.vwap(bars.high, bars.low, bars.close, bars.volume, anchor="D"),
}
