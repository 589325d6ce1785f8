"""Every other indicator of final bars, in decimals of 50 digits: whole series, as SEMANTICS says it.

A series has None where there is no value yet. Conventions "of TA-Lib / pandas-ta-classic".
"""

from collections.abc import Callable, Sequence
from decimal import Context, Decimal, localcontext
from itertools import pairwise
from typing import Any

Bar = dict[str, Any]
Series = list[Decimal | None]


def column(bars: list[Bar], name: str) -> list[Decimal]:
    return [Decimal(bar[name]) for bar in bars]


def windows(values: Sequence[Any], length: int, make: Callable[[Any], Decimal]) -> Series:
    """Something of the last n values, once there are as many; None among them counts as not there."""
    parts = [values[max(end - length, 0) : end] for end in range(1, len(values) + 1)]
    return [make(part) if len(part) == length and None not in part else None for part in parts]


def mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)


def deviation(values: Sequence[Decimal]) -> Decimal:
    """Of a population."""
    middle = mean(values)
    return mean([(value - middle) ** 2 for value in values]).sqrt()


def smoothed(values: Series, length: int, weight: Decimal) -> Series:
    """Seeded by the mean of its first n values; then each new one has a weight."""
    known = [value for value in values if value is not None]
    found: Series = [None] * (len(values) - len(known) + min(length - 1, len(known)))
    if len(known) < length:
        return found
    found.append(mean(known[:length]))
    for value in known[length:]:
        before = found[-1]
        assert before is not None
        found.append(before + (value - before) * weight)
    return found


def exponential(values: Series, length: int) -> Series:
    """By law "EMA seeded by the SMA of its first n"."""
    return smoothed(values, length, Decimal(2) / (length + 1))


def wilder(values: Series, length: int) -> Series:
    """By law "RSI and ATR by Wilder, SMA seed"."""
    return smoothed(values, length, Decimal(1) / length)


def ranges(bars: list[Bar]) -> Series:
    """By law "true range from bar 1": the first bar has no close before it."""
    found: Series = [None]
    for before, bar in pairwise(bars):
        high, low, close = Decimal(bar["high"]), Decimal(bar["low"]), Decimal(before["close"])
        found.append(max(high - low, abs(high - close), abs(low - close)))
    return found[: len(bars)]


def bands(middle: Series, width: Series, factor: float) -> list[Series]:
    """Lower, middle, upper."""
    by = Decimal(factor)
    both = list(zip(middle, width, strict=True))
    lower = [None if m is None or w is None else m - by * w for m, w in both]
    return [lower, middle, [None if m is None or w is None else m + by * w for m, w in both]]


def bollinger(bars: list[Bar], length: int, factor: float = 2.0) -> list[Series]:
    """By law "Bollinger with population deviation"."""
    closes = column(bars, "close")
    return bands(windows(closes, length, mean), windows(closes, length, deviation), factor)


def keltner(bars: list[Bar], length: int, factor: float = 2.0) -> list[Series]:
    closes: Series = [*column(bars, "close")]
    return bands(exponential(closes, length), exponential(ranges(bars), length), factor)


def donchian(bars: list[Bar], length: int) -> list[Series]:
    lower, upper = windows(column(bars, "low"), length, min), windows(column(bars, "high"), length, max)
    middle = [None if a is None or b is None else (a + b) / 2 for a, b in zip(lower, upper, strict=True)]
    return [lower, middle, upper]


def macd(bars: list[Bar], fast: float = 12, slow: float = 26, signal: float = 9) -> list[Series]:
    """By law "MACD with each EMA at its own seed"."""
    closes: Series = [*column(bars, "close")]
    one, two = exponential(closes, int(fast)), exponential(closes, int(slow))
    line = [None if a is None or b is None else a - b for a, b in zip(one, two, strict=True)]
    mark = exponential(line, int(signal))
    gap = [None if a is None or b is None else a - b for a, b in zip(line, mark, strict=True)]
    return [line, mark, gap]


def back(bars: list[Bar], length: int, make: Callable[[Decimal, Decimal], Decimal | None]) -> Series:
    """Something of the close and of that n bars before."""
    closes = column(bars, "close")
    return [None if n < length else make(close, closes[n - length]) for n, close in enumerate(closes)]


def obv(bars: list[Bar]) -> Series:
    found: Series = []
    total = Decimal(0)
    for place, bar in enumerate(bars):
        change = bar["close"] - bars[place - 1]["close"] if place else 1
        total += Decimal(bar["volume"]) * ((change > 0) - (change < 0))
        found.append(total)
    return found


def stochastic(bars: list[Bar], length: int, smooth: float = 3, signal: float = 3) -> list[Series]:
    raw: Series = []
    for end in range(1, len(bars) + 1):
        part = bars[max(end - length, 0) : end]
        low, high = min(column(part, "low")), max(column(part, "high"))
        now = 100 * (Decimal(part[-1]["close"]) - low) / (high - low) if high > low else Decimal(0)
        raw.append(now if len(part) == length else None)
    k = windows(raw, int(smooth), mean)
    return [k, windows(k, int(signal), mean)]


def adx(bars: list[Bar], length: int) -> list[Series]:
    """Sums of the first n - 1 movements, then less an n-th of themselves; the index by Wilder."""
    sums = [Decimal(0)] * 3
    index: Series = []
    found: list[Series] = [[None], [None]]
    for number, (before, bar) in enumerate(pairwise(bars), start=1):
        up, down = (
            Decimal(bar["high"]) - Decimal(before["high"]),
            Decimal(before["low"]) - Decimal(bar["low"]),
        )
        spread = ranges([before, bar])[1]
        assert spread is not None
        moved = [up if up > down and up > 0 else 0, down if down > up and down > 0 else 0, spread]
        kept = [one - one / length if number >= length else one for one in sums]
        sums = [old + Decimal(new) for old, new in zip(kept, moved, strict=True)]
        plus, minus = (100 * one / sums[2] if sums[2] else Decimal(0) for one in sums[:2])
        there = number >= length
        found[0].append(plus if there else None)
        found[1].append(minus if there else None)
        index.append(100 * abs(plus - minus) / (plus + minus) if there and plus + minus else None)
    return [_spread_out(index, length, len(bars)), *(one[: len(bars)] for one in found)]


def _spread_out(index: Series, length: int, count: int) -> Series:
    """Smoothed over the values there are; where there is none, there is no index."""
    known = wilder([value for value in index if value is not None], length)
    values = iter(known)
    return [None if one is None else next(values) for one in [None, *index]][:count]


def series(kind: str, bars: list[Bar], length: int, given: dict[str, float]) -> list[Series]:
    """The outputs of an indicator in the order of their names."""
    with localcontext(Context(prec=50)):
        return _series(kind, bars, length, given)


def _series(kind: str, bars: list[Bar], length: int, given: dict[str, float]) -> list[Series]:
    closes = column(bars, "close")
    alone: dict[str, Callable[[], Series]] = {
        "atr": lambda: wilder(ranges(bars), length),
        "deviation": lambda: windows(closes, length, deviation),
        "momentum": lambda: back(bars, length, lambda now, then: now - then),
        "obv": lambda: obv(bars),
        "roc": lambda: back(bars, length, lambda now, then: 100 * (now - then) / then if then else None),
        "sma": lambda: windows(closes, length, mean),
        "true_range": lambda: ranges(bars),
        "volume_average": lambda: windows(column(bars, "volume"), length, mean),
    }
    if kind in alone:
        return [alone[kind]()]
    if kind == "macd":
        return macd(bars, **given)
    several: dict[str, Callable[..., list[Series]]] = {
        "adx": adx, "bollinger": bollinger, "donchian": donchian, "keltner": keltner,
        "stochastic": stochastic,
    }  # fmt: skip
    return several[kind](bars, length, **given)
