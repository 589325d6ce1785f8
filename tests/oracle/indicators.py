"""Indicators of final bars: EMA, RSI and session VWAP from scratch each time, the others as series."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

from schemas.config import IndicatorConfig
from schemas.indicators import value_names
from tests.oracle.formulas import series

Bar = dict[str, Any]


def values_of(bars: list[Bar], configs: list[IndicatorConfig], interval: str) -> list[dict[str, float]]:
    """The values of each bar by name, for the bars of one symbol and interval, ascending."""
    wanted = [one for one in configs if not one.intervals or interval in one.intervals]
    found: list[dict[str, float]] = [{} for _ in bars]
    for one in wanted:
        names = value_names(one)
        if one.kind in ("ema", "rsi", "vwap"):
            columns = [[compute(one, bars[:end]) for end in range(1, len(bars) + 1)]]
        else:
            columns = [
                [None if value is None else float(value) for value in column]
                for column in series(one.kind, bars, one.length, dict(one.parameters))
            ]
        for name, column in zip(names, columns, strict=True):
            for row, value in zip(found, column, strict=True):
                if value is not None:
                    row[name] = value
    return found


def compute(config: IndicatorConfig, bars: list[Bar]) -> float | None:
    """One value at the last of some bars; None before its warm-up."""
    if config.kind == "vwap":
        return vwap(bars)
    closes = [bar["close"] for bar in bars]
    return ema(closes, config.length) if config.kind == "ema" else rsi(closes, config.length)


def ema(closes: list[float], length: int) -> float | None:
    """By law "EMA seeded by the SMA of its first n"."""
    if len(closes) < length:
        return None
    value = sum(closes[:length]) / length
    for close in closes[length:]:
        value += (close - value) * 2 / (length + 1)
    return value


def rsi(closes: list[float], length: int) -> float | None:
    """By law "RSI and ATR by Wilder, SMA seed"."""
    if len(closes) < length + 1:
        return None
    changes = [after - before for before, after in pairwise(closes)]
    gain = sum(max(change, 0.0) for change in changes[:length]) / length
    loss = sum(max(-change, 0.0) for change in changes[:length]) / length
    for change in changes[length:]:
        gain = (gain * (length - 1) + max(change, 0.0)) / length
        loss = (loss * (length - 1) + max(-change, 0.0)) / length
    return 100 * gain / (gain + loss) if gain + loss else None


def vwap(bars: list[Bar]) -> float | None:
    """By law "VWAP anchored to the session, summing notional, or hlc3 * volume where notional is null"."""
    own = [bar for bar in bars if bar["session_date"] == bars[-1]["session_date"]]
    volume = sum(Fraction(bar["volume"]) for bar in own)
    notional = sum(
        (Fraction(bar["high"]) + Fraction(bar["low"]) + Fraction(bar["close"])) / 3 * Fraction(bar["volume"])
        if bar["notional"] is None
        else Fraction(bar["notional"])
        for bar in own
    )
    # By law "null while volume is 0"
    return float(notional / volume) if volume else None
