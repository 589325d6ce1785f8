"""What the analytics stage costs: derived bars alone, and the whole stage for each heartbeat and minute.

Run it with ``python -m tests.benchmarks.bench_analytics``. CPU time of this process, the best of several
rounds.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from schemas.columns import Columns
from schemas.config import CalendarRows, Domain, IndicatorConfig
from schemas.market.grid import Grid
from schemas.market.intervals import Interval
from streams.core.analytics.derive import derive_all
from streams.core.analytics.rows import Rows
from streams.core.analytics.stage import AnalyticsStage
from streams.core.analytics.window import Window
from tests.factories import (
    DAY,
    Record,
    around_the_clock,
    at,
    bar,
    calendar_rows,
    columns,
    config,
    domain,
    heartbeat,
    symbol,
)

M = 60_000_000_000
ROUNDS = 5
FIVE = tuple(Interval.parse(name) for name in ("1m", "5m", "15m", "30m", "1h", "1d"))
THREE = [
    IndicatorConfig("ema_20", "ema", 20),
    IndicatorConfig("rsi_14", "rsi", 14),
    IndicatorConfig("vwap", "vwap"),
]


def best(work: Callable[[], object]) -> float:
    """Nanoseconds of a piece of work, the best round."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        work()
        times.append(time.process_time_ns() - start)
    return min(times)


def filled(window: Window) -> Rows:
    """Every minute of a window."""
    bars, minutes = window.bars.copy(), window.minutes
    price = 100.0 + np.cumsum(np.random.default_rng(1).normal(size=minutes)) * 0.01
    for name in ("open", "high", "low", "close"):
        bars[name][:minutes] = price
    bars["volume"][:minutes], bars["notional"][:minutes], bars["trades"][:minutes] = 1.0, price, 1
    bars["revision"][:minutes] = 0
    return bars


def window_of(calendar: CalendarRows, intervals: tuple[Interval, ...]) -> Window:
    """The first trade date of a calendar."""
    grid = Grid(calendar)
    return Window(grid, intervals, int(grid.sessions[0]), int(grid.sessions[0]))


def fold(calendar: CalendarRows, intervals: tuple[Interval, ...], symbols: int) -> tuple[float, int]:
    """Nanoseconds to derive every bar of a trade date of so many symbols, and their minutes."""
    window = window_of(calendar, intervals)
    many = [filled(window) for _ in range(symbols)]

    def work() -> None:
        for bars in many:
            derive_all(bars, window.firsts, window.counts, window.minutes, 0.8)

    work()
    return best(work), symbols * window.minutes


def body(symbols: int) -> Domain:
    """So many symbols around the clock, five intervals and three indicators."""
    listed = [symbol(f"S{number}", asset="crypto", calendar="24x7") for number in range(symbols)]
    return domain(*listed, indicators=THREE)


def minutes(symbols: int, first: int, count: int) -> list[Record]:
    """The bars of so many minutes."""
    one, start = bar(f"{DAY}T00:00", 10.0, notional=100.0, trades=3), at(f"{DAY}T00:00")
    return [
        {**one, "symbol": f"S{name}", "ts_open": start + number * M, "ts_close": start + (number + 1) * M}
        for number in range(first, first + count)
        for name in range(symbols)
    ]


def beats(count: int) -> list[Record]:
    """Heartbeats at which nothing is due."""
    one, start = heartbeat(f"{DAY}T00:00", "bars"), at(f"{DAY}T00:00")
    return [{**one, "ts": start + n, "ts_through": start + n, "ts_last": start + n} for n in range(count)]


def stage(records: list[Record], size: int, symbols: int = 3) -> float:
    """Nanoseconds a record of the whole stage, in steps of so many records."""
    head = [config(body(symbols)), *minutes(symbols, 0, 2)]
    cut = [
        columns("bars.1m", 0, *records[first : first + size], first_offset=len(head) + first)
        for first in range(0, len(records), size)
    ]

    def work() -> float:
        made = AnalyticsStage(0)
        made.step(columns("bars.1m", 0, *head))
        return timed(made, cut)

    work()
    return min(work() for _ in range(ROUNDS)) / len(records)


def timed(made: AnalyticsStage, batches: list[Columns]) -> float:
    """Nanoseconds of all steps."""
    start = time.process_time_ns()
    for batch in batches:
        made.step(batch)
    return time.process_time_ns() - start


def firsts(symbols: int) -> tuple[float, float]:
    """Nanoseconds a symbol of the first minute of all, and of the first minute of the next trade date."""
    begun, head = 1_380, [config(body(symbols))]
    parts = [minutes(symbols, begun + number, 1) for number in range(1_440 - begun + 1)]
    cut = [
        columns("bars.1m", 0, *part, first_offset=len(head) + number * symbols)
        for number, part in enumerate(parts)
    ]

    def work() -> tuple[float, float]:
        made = AnalyticsStage(0)
        made.step(columns("bars.1m", 0, *head))
        first, _, turn = timed(made, cut[:1]), timed(made, cut[1:-1]), timed(made, cut[-1:])
        return first / symbols, turn / symbols

    work()
    found = [work() for _ in range(ROUNDS)]
    return min(first for first, _ in found), min(turn for _, turn in found)


def main() -> None:
    """Print the table."""
    out, day = sys.stdout.write, calendar_rows(days=[DAY])
    five = (FIVE[0], FIVE[1])
    one, _ = fold(day, five, 1)
    out(f"{'390 minutes to 78 bars of 5m, one symbol':<52}{one / 1e3:>10,.1f} us\n")
    cost, count = fold(day, five, 500)
    out(f"{'the same, 500 symbols':<52}{cost / count:>10,.1f} ns a minute\n")
    cost, count = fold(around_the_clock(days=[DAY]), FIVE, 695)
    out(f"{f'{count:,} minutes to five intervals':<52}{cost / 1e6:>10,.1f} ms\n")
    for size in (1, 10, 1_000):
        cost = stage(beats(2_000), size) / 1e3
        out(f"{f'a heartbeat, steps of {size:,}':<52}{cost:>10,.1f} us\n")
    for size in (1, 10, 1_000):
        cost = stage(minutes(3, 2, 300), size) / 1e3
        out(f"{f'a minute with all that follows, steps of {size:,}':<52}{cost:>10,.1f} us\n")
    for symbols in (50, 200):
        cost = stage(minutes(symbols, 2, 60), symbols, symbols) / 1e3
        out(f"{f'the same, each step a minute of {symbols} symbols':<52}{cost:>10,.1f} us\n")
    first, turn = firsts(200)
    out(f"{'the first minute of all, 200 symbols':<52}{first / 1e3:>10,.1f} us\n")
    out(f"{'the first minute of a trade date, 200 symbols':<52}{turn / 1e3:>10,.1f} us\n")


if __name__ == "__main__":
    main()
