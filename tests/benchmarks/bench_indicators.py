"""What nine indicators of a bar cost, for one symbol up to thousands, beside libraries that are installed.

Run it with ``python -m tests.benchmarks.bench_indicators``. CPU time of this process, the best of several
rounds. The nine: RSI 14, EMA 20, SMA 20, Bollinger bands 20, ATR 14, session VWAP, volume average 20, MACD
12-26-9, momentum 10. pandas-ta-classic computes them over a window of 100 bars, as whoever calls it for each
bar must; TA-Lib's stream functions likewise, all but VWAP, of which its own knows no sessions; talipp is
incremental, with rate of change in place of momentum. "One bar of" is the kernel that moves symbols along
side by side; the stage takes fewer than 8 symbols one by one, as in "bars of one symbol, one by one". The
nine have a form for that kernel; a kind without one (OBV is the cheapest, the stochastic oscillator the
dearest) goes through the symbols one by one there.
"""

import importlib
import sys
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from schemas.config import IndicatorConfig
from streams.core.analytics.chain import Chain
from streams.core.analytics.indicators.across import room_for, run_across
from streams.core.analytics.indicators.lane import LANES
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.rows import Rows
from tests.unit.analytics.library import by_the_library, random_bars

NINE = [
    IndicatorConfig("rsi_14", "rsi", 14),
    IndicatorConfig("ema_20", "ema", 20),
    IndicatorConfig("sma_20", "sma", 20),
    IndicatorConfig("bb_20", "bollinger", 20),
    IndicatorConfig("atr_14", "atr", 14),
    IndicatorConfig("vwap", "vwap"),
    IndicatorConfig("volume_average_20", "volume_average", 20),
    IndicatorConfig("macd", "macd"),
    IndicatorConfig("momentum_10", "momentum", 10),
]
ALONE = [IndicatorConfig("obv", "obv"), IndicatorConfig("stochastic_14", "stochastic", 14)]
ROUNDS = 5
WINDOW = 100


def best(count: int, work: Callable[[], object]) -> float:
    """Nanoseconds of one of ``count`` pieces of work, the best round."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        work()
        times.append((time.process_time_ns() - start) / count)
    return min(times)


def across(symbols: int, indicators: Sequence[IndicatorConfig] = NINE) -> float:
    """One bar of each symbol, nanoseconds a symbol; with what the stage calls for 8 and more."""
    program, blocks = Program(indicators), -(-symbols // LANES)
    steps, room = max(20_000 // symbols, 20), blocks * LANES
    histories = [random_bars(room, seed=seed).reshape(room, 1) for seed in range(8)]
    states = np.zeros((blocks, program.width * LANES))
    lanes, places, taken = np.arange(symbols), np.zeros(symbols, np.int64), np.arange(room) < symbols
    scratch = room_for(program.codes, len(program.names), blocks)

    def work() -> None:
        for number in range(steps):
            run_across(program.codes, states, histories[number % 8], lanes, places, taken, *scratch)

    work()
    return best(symbols * steps, work)


def along(bars: Rows) -> float:
    """A chain given one bar after the other, nanoseconds a bar; as the stage does it."""

    def work() -> None:
        chain = Chain(Program(NINE), len(bars))
        for place in range(len(bars)):
            chain.revise(bars, [place])

    work()
    return best(len(bars), work)


def at_once(bars: Rows) -> float:
    """A chain computed over many bars, nanoseconds a bar."""
    chain = Chain(Program(NINE), len(bars))
    return best(len(bars), lambda: chain.restart(bars, [b""] * len(NINE)))


def by_pandas(bars: Rows) -> float:
    """pandas-ta-classic over a window, nanoseconds a bar."""
    window = bars[:WINDOW]
    return best(1, lambda: [by_the_library(one, window) for one in NINE])


def by_talib(bars: Rows) -> float | None:
    """TA-Lib's stream functions over a window, without VWAP; None where not installed."""
    try:
        stream = importlib.import_module("talib.stream")
    except ImportError:
        return None
    names = ("high", "low", "close", "volume")
    high, low, close, volume = (np.ascontiguousarray(bars[name][:WINDOW]) for name in names)

    def work() -> None:
        for _ in range(100):
            stream.RSI(close, 14)
            stream.EMA(close, 20)
            stream.SMA(close, 20)
            stream.BBANDS(close, 20, 2.0, 2.0)
            stream.ATR(high, low, close, 14)
            stream.SMA(volume, 20)
            stream.MACD(close, 12, 26, 9)
            stream.MOM(close, 10)

    return best(100, work)


def by_talipp(bars: Rows) -> float | None:
    """talipp bar by bar, nanoseconds a bar; None where it is not installed."""
    try:
        given = importlib.import_module("talipp.indicators")
        ohlcv = importlib.import_module("talipp.ohlcv").OHLCV
    except ImportError:
        return None
    names = ("open", "high", "low", "close", "volume")
    columns = [bars[name].tolist() for name in names]
    rows = [ohlcv(*row) for row in zip(*columns, strict=True)]

    def work() -> None:
        of_close = [
            given.RSI(14), given.EMA(20), given.SMA(20), given.BB(20, 2.0), given.MACD(12, 26, 9),
            given.ROC(10),
        ]  # fmt: skip
        of_volume, of_bars = given.SMA(20), [given.ATR(14), given.VWAP()]
        for row in rows:
            for one in of_close:
                one.add(row.close)
            of_volume.add(row.volume)
            for one in of_bars:
                one.add(row)

    return best(len(rows), work)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # pandas-ta-classic uses what pandas has deprecated
    bars = random_bars(2_000)
    out = sys.stdout.write
    for symbols in (1, 10, 500, 5_000):
        out(f"{'one bar of ' + str(symbols) + ' symbols':<44}{across(symbols):>12,.0f} ns a symbol\n")
    for one in ALONE:
        name = f"one bar of 500 symbols, {one.kind} alone"
        out(f"{name:<44}{across(500, [one]):>12,.0f} ns a symbol\n")
    out(f"{'bars of one symbol, one by one':<44}{along(bars):>12,.0f} ns a bar\n")
    out(f"{'bars of one symbol, at once':<44}{at_once(bars):>12,.0f} ns a bar\n")
    out(f"{f'pandas-ta-classic over {WINDOW} bars':<44}{by_pandas(bars):>12,.0f} ns a bar\n")
    others = {f"TA-Lib stream over {WINDOW} bars": by_talib(bars), "talipp, one by one": by_talipp(bars)}
    for name, cost in others.items():
        out(f"{name:<44}" + ("not installed\n" if cost is None else f"{cost:>12,.0f} ns a bar\n"))
    out(f"pandas {pd.__version__}, numpy {np.__version__}\n")


if __name__ == "__main__":
    main()
