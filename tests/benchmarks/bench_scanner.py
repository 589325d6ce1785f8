"""The scanner: one evaluation of many symbols and conditions, and what it adds to one update.

Run with ``python -m tests.benchmarks.bench_scanner``.

The conditions are the same twenty in every row: comparisons, crossings, changes, quality, on
four intervals. Beside our kernel stands the same evaluation with numpy, one call an operation, and with
pandas expressions; both without the bookkeeping of until when a value holds, which ours includes.

That is the evaluation alone. Scanning through the stage is also reading the columns, edges and signals: two
stages, without and with the conditions, are given the same minutes of 5,000 symbols in turn; all figures are
medians. As in the worker, Python does not look for garbage meanwhile.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from schemas.columns import Columns
from schemas.config import IndicatorConfig, SignalConfig
from streams.core.analytics.scan.judge import BLOCK, WIDTH
from streams.core.analytics.scan.machine import run
from streams.core.analytics.scan.meaning import Known
from streams.core.analytics.scan.program import Op, Program, compiled
from streams.core.analytics.stage import AnalyticsStage
from tests.factories import Record, columns, config, domain, symbol
from tests.unit.analytics.feed import minute, through

MANY, FIRST, LAST = 5_000, 15, 60
"""Symbols of a minute that goes through the stage, and the minutes that are measured."""
KINDS = {"a minute": {*range(15)} - {4, 9, 14}, "one that closes the 5m bars": {4, 9}}
"""By minutes after a quarter of an hour."""
INTERVALS = ["1m", "5m", "15m", "1h"]
INDICATORS = [
    IndicatorConfig("rsi_14", "rsi", 14),
    IndicatorConfig("ema_20", "ema", 20),
    IndicatorConfig("vwap", "vwap"),
]
CONDITIONS = [
    template.replace("I", interval)
    for interval in INTERVALS
    for template in (
        "rsi_14@I < 30 and close > ema_20@I and quality > 95",
        "close@I crosses above ema_20@I and volume@I > 1000",
        "change(close@I, 3) > 2 or change(close@I, 3) < -2",
        "20 < rsi_14@I < 40 and not close@I < vwap@I",
        "(close@I - open@I) / (high@I - low@I) > 0.8 and complete@I",
    )
]
RANKED = ["rank(volume@5m) <= 10 and rsi_14@5m < 30", "percentile(change(close@5m, 3)) > 99"]
KNOWN = Known.of(INTERVALS, INDICATORS)


def best(call: Callable[[], object], times: int) -> float:
    """Seconds of the fastest of several calls."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


def program(conditions: list[str]) -> Program:
    """Conditions compiled, of whichever kind."""
    signals = [SignalConfig(f"s{number}", when) for number, when in enumerate(conditions)]
    single, ranked = compiled(signals, KNOWN, [], 1)
    return single if single.conditions else ranked


class Market:
    """Values of so many symbols for one program."""

    def __init__(self, made: Program, count: int) -> None:
        random = np.random.default_rng(1)
        self.program, self.count = made, count
        self.values = random.uniform(1.0, 100.0, (len(made.columns), count))
        self.expires = np.full((len(INTERVALS) + 1, count), 2**60, np.int64)
        self.marks = np.zeros(count, np.int64)
        self.among, self.every = np.ones((1, 1), np.bool_), np.arange(len(made.ops))
        self.registers = np.empty((len(made.ops), WIDTH)), np.empty((len(made.ops), WIDTH), np.int64)

    def ours(self) -> None:
        """The kernel, block by block."""
        made = self.program
        for first in range(0, self.count, BLOCK):
            end = min(first + BLOCK, self.count)
            run(
                made.ops, made.constants, self.every, self.values, self.expires, self.marks, self.among,
                first, end, *self.registers,
            )  # fmt: skip

    def across(self) -> None:
        """The kernel over all rows at once, for ranks."""
        made = self.program
        registers = np.empty((len(made.ops), self.count))
        until = np.empty(registers.shape, np.int64)
        among = np.ones((len(made.universes), self.count), np.bool_)
        run(
            made.ops, made.constants, self.every, self.values, self.expires, self.marks, among, 0, self.count,
            registers, until,
        )  # fmt: skip

    def numpy(self) -> None:
        """The same operations, one numpy call each, on fresh values alone."""
        found: list[np.ndarray] = []
        calls = {
            Op.ADD: np.add, Op.SUBTRACT: np.subtract, Op.MULTIPLY: np.multiply, Op.DIVIDE: np.divide,
            Op.LESS: np.less, Op.LESS_EQUAL: np.less_equal, Op.AND: np.logical_and, Op.OR: np.logical_or,
        }  # fmt: skip
        for number, (op, one, other) in enumerate(self.program.ops.tolist()):
            if op == Op.LOAD:
                fresh = self.expires[other] > self.marks
                found.append(np.where(fresh, self.values[one], np.nan))
            elif op == Op.CONST:
                found.append(np.full(self.count, self.program.constants[number]))
            elif op == Op.CHANGE:
                found.append(100.0 * (found[one] - found[other]) / found[other])
            elif op in {Op.NOT, Op.NEGATE}:
                found.append(np.logical_not(found[one]) if op == Op.NOT else -found[one])
            else:
                found.append(calls[Op(op)](found[one], found[other]))

    def pandas(self) -> None:
        """Five of the conditions as a user writes them; times four."""
        frame = self.frame
        (frame.rsi < 30) & (frame.close > frame.ema) & (frame.quality > 95)
        (frame.close > frame.ema) & (frame.close_1 <= frame.ema_1) & (frame.volume > 1000)
        change = 100 * (frame.close / frame.close_3 - 1)
        (change > 2) | (change < -2)
        (frame.rsi > 20) & (frame.rsi < 40) & ~(frame.close < frame.vwap)
        ((frame.close - frame.open) / (frame.high - frame.low) > 0.8) & (frame.complete > 0)

    @property
    def frame(self) -> pd.DataFrame:
        """One interval's values with names, made once."""
        if not hasattr(self, "_frame"):
            names = (
                "rsi", "close", "ema", "quality", "close_1", "ema_1", "volume", "close_3", "vwap", "open",
                "high", "low", "complete",
            )  # fmt: skip
            self._frame = pd.DataFrame({name: self.values[n] for n, name in enumerate(names)})
        return self._frame


def minute_of(names: list[str], number: int) -> list[Record]:
    """A minute of all symbols and the heartbeat that ends it."""
    bars = [minute(number, 50.0 + (number * 7 + n) % 11, symbol=name) for n, name in enumerate(names)]
    return [*bars, through(number + 1)]


def configured(names: list[str], conditions: list[str]) -> AnalyticsStage:
    """A stage that has its configuration."""
    signals = [SignalConfig(f"s{number}", when) for number, when in enumerate(conditions)]
    body = domain(
        *map(symbol, names), intervals=INTERVALS[1:], indicators=INDICATORS, signals=signals, partitions=1
    )
    stage = AnalyticsStage(0)
    stage.step(columns("bars.1m", 0, config(body)))
    return stage


def batches_of(names: list[str], minutes: int) -> Iterator[Columns]:
    """A batch for each minute."""
    for number in range(minutes):
        first = 1 + number * (len(names) + 1)
        yield columns("bars.1m", 0, *minute_of(names, number), first_offset=first)


def per_update(count: int, minutes: int, conditions: list[str]) -> float:
    """Microseconds a bar through the whole stage, after the first half has warmed it."""
    names = [f"S{number:04}" for number in range(count)]
    stage, batches = configured(names, conditions), list(batches_of(names, minutes))
    half = minutes // 2
    for batch in batches[:half]:
        stage.step(batch)
    start = time.perf_counter()
    for batch in batches[half:]:
        stage.step(batch)
    return (time.perf_counter() - start) / ((minutes - half) * (count + 1)) * 1e6


def evaluations() -> None:
    """One evaluation of all symbols."""
    made, ranked = program(CONDITIONS), program(RANKED)
    out = sys.stdout.write
    out(f"{len(CONDITIONS)} conditions: {len(made.ops)} operations over {len(made.columns)} columns\n")
    out(
        f"{'symbols':>8} {'ours':>10} {'ns a condition':>15} {'numpy':>10} {'pandas':>10} {'ranks (2)':>10}\n"
    )
    for count in (1, 10, 500, 5_000):
        market, others = Market(made, count), Market(ranked, count)
        calls = (market.ours, 50), (market.numpy, 20), (market.pandas, 20), (others.across, 50)
        with np.errstate(all="ignore"):
            ours, numpy, pandas, ranks = (min(best(call, 1), best(call, times)) for call, times in calls)
        each = ours / count / len(CONDITIONS) * 1e9
        out(
            f"{count:>8} {ours * 1e3:>7.3f} ms {each:>15.1f} {numpy * 1e3:>7.3f} ms "
            f"{4 * pandas * 1e3:>7.3f} ms {ranks * 1e3:>7.3f} ms\n"
        )


def through_the_stage() -> None:
    """The bars of one minute of many symbols, with and without conditions."""
    names = [f"S{number:04}" for number in range(MANY)]
    stages = configured(names, []), configured(names, CONDITIONS)
    rows = []
    gc.disable()
    for batch in batches_of(names, LAST):
        times = []
        for stage in stages:
            start = time.thread_time()
            counts = stage.step(batch).counts
            times.append(1e3 * (time.thread_time() - start))
        rows.append((*times, counts.get("signals", 0)))
    gc.enable()
    out = sys.stdout.write
    out(
        f"\nthe stage itself, ms of CPU for the bars of one minute of {MANY:,} symbols; what conditions add\n"
    )
    for said, wanted in KINDS.items():
        plain, all_, fired = np.array([rows[n] for n in range(FIRST, LAST) if n % 15 in wanted]).T
        out(
            f"{said:<30} without {np.median(plain):>6.2f}, with {len(CONDITIONS)} {np.median(all_):>6.2f}: "
            f"scanning costs {np.median(all_ - plain):>5.2f}, {np.median(fired):.0f} signals included\n"
        )


def updates() -> None:
    """What a bar costs with and without conditions."""
    out = sys.stdout.write
    out(f"\n{'symbols':>8} {'a bar without':>15} {'with 1':>10} {'with 20':>10} {'with 20 + 2 ranks':>18}\n")
    for count, minutes in ((1, 300), (200, 40)):
        kinds = ([], CONDITIONS[:1], CONDITIONS, CONDITIONS + RANKED)
        plain, one, all_, ranks = (min(per_update(count, minutes, kind) for _ in range(3)) for kind in kinds)
        out(f"{count:>8} {plain:>12.1f} us {one:>7.1f} us {all_:>7.1f} us {ranks:>15.1f} us\n")


def main() -> None:
    """Print the tables."""
    evaluations()
    through_the_stage()
    updates()


if __name__ == "__main__":
    main()
