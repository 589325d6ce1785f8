"""What the ticks stage costs: a tick by stage and in all, a step, a heartbeat, a symbol's memory.

Run it with ``python -m tests.benchmarks.bench_ticks``. CPU time of this process, the best of several rounds.
Each symbol has 100 ticks in a second of event time, and all share one sequence, as the lines of a file do.
"""

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from schemas.columns import Columns, Draft
from schemas.config import Domain, SourceConfig
from schemas.records import record_type
from streams.core.ticks.batch import blank, check, feed_of
from streams.core.ticks.stage import TicksStage
from tests.factories import DAY, Record, at, columns, config, domain, heartbeat, symbol

S = 1_000_000_000
OPEN = at(f"{DAY}T13:30")
SYMBOLS, ROUNDS, BLOCK = 200, 5, 200_000
BATCH: Final = 40_000
"""Ticks of a batch: those that a fetch brings a worker that has some to catch up with."""

RATE, WARM = 100.0, 5
MANY = (100_000, 1_500_000, 1)
Table = list[tuple[str, float, str]]


def body(symbols: int) -> Domain:
    """So many symbols of four sources, with every check on."""
    named = [f"feed{number}" for number in range(4)]
    listed = [symbol(f"S{number}", sources=[named[number % 4]], tick_size=0.01) for number in range(symbols)]
    return domain(
        *listed, sources=[SourceConfig(name, "ticks.raw") for name in named], assets=Domain(1).assets
    )


def ticks(
    count: int, symbols: int, first: int = 0, *, per_second: float = RATE, mixed: bool = False
) -> Columns:
    """Ticks of all symbols in turn, or in no order, from a number on, so many of each in a second."""
    draft, kind = Draft("ticks.raw", 0), record_type("Tick")
    rows, number = kind.empty(count), np.arange(first, first + count)
    of = np.random.default_rng(first).integers(symbols, size=count) if mixed else number % symbols
    if mixed:  # as they come: each record has a name of its own
        rows["symbol"] = draft.texts(f"S{one}".encode() for one in of.tolist())
    else:
        rows["symbol"] = draft.texts(f"S{one}".encode() for one in range(symbols))[of]
    rows["source"] = draft.texts(f"feed{one}".encode() for one in range(4))[of % 4]
    rows["ts_event"] = rows["ts_recv"] = OPEN + (number * (S / per_second / symbols)).astype(np.int64)
    rows["price"] = np.round(100 + np.cumsum(np.random.default_rng(first).choice([-0.01, 0, 0.01], count)), 2)
    rows["size"], rows["seq"] = 100.0, number
    rows["nulls"] = kind.null_bit("trade_id") | kind.null_bit("conditions")
    draft.extend("Tick", rows)
    batch = draft.finish()
    return dataclasses.replace(batch, offsets=10 + number, timestamps=rows["ts_event"] // 1_000_000)


def batches(count: int, symbols: int, size: int, *, mixed: bool = False) -> Iterator[Columns]:
    """The same in batches, made a block at a time, so that ten million need no memory."""
    block = min(count, BLOCK)
    for first in range(0, count, block):
        whole = ticks(block, symbols, first, mixed=mixed)
        for start in range(0, block, size):
            yield part(whole, start, min(start + size, block))


def begun(symbols: int) -> TicksStage:
    """A stage that knows its sources."""
    stage = TicksStage(0)
    beats = [heartbeat(f"{DAY}T13:30", f"feed{number}") for number in range(4)]
    stage.step(columns("ticks.raw", 0, config(body(symbols)), *beats))
    return stage


def best(work: Callable[[], float]) -> float:
    """The best of several rounds of seconds."""
    return min(work() for _ in range(ROUNDS))


def clocked(work: Callable[[], object]) -> float:
    """Seconds of CPU that a call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def step_cost(count: int, symbols: int, size: int, *, mixed: bool = False) -> float:
    """Nanoseconds a tick of the whole step, after each symbol has had some."""
    stage, spent, measured = begun(symbols), 0.0, 0
    for number, one in enumerate(batches(count, symbols, size, mixed=mixed)):
        took = clocked(partial(stage.step, one))
        if number * size >= WARM * symbols:
            spent, measured = spent + took, measured + len(one)
    return 1e9 * spent / measured


def check_cost(count: int, symbols: int, size: int) -> float:
    """Nanoseconds a tick of the checks that need no state."""
    stage = begun(symbols)
    state, book = stage._state, stage._book

    def work(one: Columns) -> None:
        check(state, feed_of(one), book, blank(one, -1, state, whole=False), 0, len(one))

    spent = sum(clocked(partial(work, one)) for one in batches(count, symbols, size))
    return 1e9 * spent / count


def cost_of_ticks() -> Table:
    """Nanoseconds a tick by batch: the checks alone, and the whole step."""
    found: Table = []
    for size, count in ((BATCH, 400_000), (5_000, 200_000), (500, 100_000)):
        label = f"{SYMBOLS} symbols, batches of {size:,}"
        for name, cost in (("checks", check_cost), ("step", step_cost)):
            least = min(cost(count, SYMBOLS, size) for _ in range(ROUNDS))
            found.append((f"{name}, {label}", least, "ns a tick"))
    return found


def cost_by_size() -> Table:
    """Nanoseconds a tick of the whole step by number of symbols, and by how long it goes on."""
    found: Table = []
    for symbols, count, rounds in ((10, 200_000, 5), (1_000, 200_000, 5), (5_000, 400_000, 3), MANY):
        least = min(step_cost(count, symbols, BATCH) for _ in range(rounds))
        found.append((f"step, {symbols:,} symbols", least, "ns a tick"))
    for symbols, count, rounds in ((SYMBOLS, 200_000, 5), MANY):
        least = min(step_cost(count, symbols, BATCH, mixed=True) for _ in range(rounds))
        found.append((f"step, {symbols:,} symbols in no order", least, "ns a tick"))
    for count in (1_000_000, 10_000_000):
        found.append(
            (f"step, {SYMBOLS} symbols, {count:,} ticks", step_cost(count, SYMBOLS, BATCH), "ns a tick")
        )
    return found


def part(batch: Columns, start: int, end: int) -> Columns:
    """Some records of a batch of ticks alone, as a batch."""
    tables = tuple(table[start:end] if len(table) else table for table in batch.tables)
    return dataclasses.replace(
        batch, kinds=batch.kinds[start:end], rows=batch.rows[: end - start], tables=tables,
        offsets=batch.offsets[start:end], timestamps=batch.timestamps[start:end],
    )  # fmt: skip


def beats(count: int) -> list[Record]:
    """Heartbeats of four sources and the clock, a second apart."""
    one = heartbeat(f"{DAY}T13:30")
    names = ("feed0", "feed1", "feed2", "feed3", "clock")
    return [
        {**one, "source": name, "writer": name, "ts": ts, "ts_through": ts, "ts_last": ts}
        for ts in range(OPEN + S, OPEN + (count + 1) * S, S)
        for name in names
    ]


def cost_of_heartbeats() -> Table:
    """Microseconds a heartbeat, alone in its batch and among others."""
    found: Table = []
    log = beats(400)
    for size in (1, 5, 100):
        parts = [
            columns("ticks.raw", 0, *log[at_ : at_ + size], first_offset=10 + at_)
            for at_ in range(0, len(log), size)
        ]

        def steps(parts: list[Columns] = parts) -> float:
            stage = begun(SYMBOLS)
            return clocked(lambda: [stage.step(one) for one in parts])

        found.append((f"heartbeat, {size} a batch", 1e6 * best(steps) / len(log), "us a heartbeat"))
    empty = columns("ticks.raw", 0)
    stage = begun(SYMBOLS)
    found.append(
        ("empty step", 1e3 * best(lambda: clocked(lambda: [stage.step(empty) for _ in range(1_000)])), "us")
    )
    return found


def cost_of_checkpoints() -> Table:
    """Microseconds of taking what changed out of a stage of 200 symbols after each second of ticks."""
    stage, whole = begun(SYMBOLS), ticks(50_000, SYMBOLS, per_second=5.0)
    spent = []
    for start in range(0, 50_000, 1_000):
        stage.step(part(whole, start, start + 1_000))
        spent.append(clocked(stage.take_dirty))
    return [("states of 200 symbols", 1e6 * float(np.median(spent)), "us a checkpoint")]


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory_of(symbols: int) -> float:
    """Bytes a symbol of a stage in which each symbol had some ticks, in a process of its own."""
    before = resident()
    stage = begun(symbols)
    for one in batches(10 * symbols, symbols, BATCH):
        stage.step(one)
    return (resident() - before) / symbols


def cost_of_memory() -> Table:
    """Bytes a symbol by number of symbols; in processes side by side, since none is timed."""
    sizes = (1_000, 10_000, 100_000)
    calls = [[sys.executable, "-m", "tests.benchmarks.bench_ticks", str(symbols)] for symbols in sizes]
    begun = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for call in calls]
    said = [one.communicate()[0] for one in begun]
    return [
        (f"memory, {symbols:,} symbols", float(text), "bytes a symbol")
        for symbols, text in zip(sizes, said, strict=True)
    ]


def main(symbols: str = "") -> int:
    """Print the table; with a number of symbols the memory that they take, alone."""
    if symbols:
        memory_of(4)  # what the kernels take is no symbol's
        sys.stdout.write(f"{memory_of(int(symbols))}\n")
        return 0
    tables = (cost_of_ticks(), cost_by_size(), cost_of_heartbeats(), cost_of_checkpoints(), cost_of_memory())
    for rows in tables:
        for label, figure, unit in rows:
            sys.stdout.write(f"{label:<48} {figure:10.1f} {unit}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
