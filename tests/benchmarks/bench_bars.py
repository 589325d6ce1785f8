"""What the bars stage costs: heartbeats, steps, bars, gap detection, and 500 symbols at the end of a minute.

Run it with ``python -m tests.benchmarks.bench_bars``. CPU time of this process, the best of several rounds.
"""

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from schemas.columns import Columns
from schemas.config import Domain, SourceConfig
from schemas.rules import AssetRules
from streams.core.bars import gaps
from streams.core.bars.stage import BarsStage
from streams.core.bars.state import BEGINS, EMPTY, MISSED, REAL, empty_rows
from tests.factories import DAY, Record, at, bar, columns, config, domain, heartbeat, symbol

S = 1_000_000_000
M = 60 * S
OPEN = at(f"{DAY}T13:30")
ROUNDS = 5


def body(symbols: int) -> Domain:
    """So many symbols with bars of one vendor each of four; a second source knows half of them."""
    vendors = [f"vendor{number}" for number in range(4)]
    listed = [
        symbol(f"S{number}", sources=[vendors[number % 4], *(["spare"] if number % 2 else [])])
        for number in range(symbols)
    ]
    sources = [SourceConfig(name, "bars.raw") for name in (*vendors, "spare")]
    early = {"equity": AssetRules(future_ms=36_000_000)}  # bars may come before the heartbeats
    return domain(*listed, sources=sources, assets=early, partitions=1)


def beats(ts: int) -> list[Record]:
    """One heartbeat of each source and of the clock."""
    names = ("vendor0", "vendor1", "vendor2", "vendor3", "spare", "clock")
    one = heartbeat(f"{DAY}T13:30")
    return [{**one, "source": n, "writer": n, "ts": ts, "ts_through": ts, "ts_last": ts} for n in names]


def minute(symbols: int, number: int) -> list[Record]:
    """The bars of a minute; its heartbeats are not there."""
    start = OPEN + number * M
    one = {**bar(f"{DAY}T13:30", 10.0), "ts_open": start, "ts_close": start + M}
    return [{**one, "symbol": f"S{at_}", "source": f"vendor{at_ % 4}"} for at_ in range(symbols)]


def begun(symbols: int) -> tuple[BarsStage, int]:
    """A stage that knows its sources, and the next offset."""
    stage, log = BarsStage(0), [config(body(symbols)), *beats(OPEN)]
    stage.step(columns("bars.raw", 0, *log))
    return stage, len(log)


def cut(log: Sequence[Record], first: int, size: int) -> list[Columns]:
    """Records as batches."""
    return [
        columns("bars.raw", 0, *log[low : low + size], first_offset=first + low)
        for low in range(0, len(log), size)
    ]


def cost(run: Callable[[], Callable[[], object]]) -> float:
    """Least CPU seconds of what ``run`` prepares."""
    found = []
    for _ in range(ROUNDS):
        prepared = run()
        start = time.process_time()
        prepared()
        found.append(time.process_time() - start)
    return min(found)


def stepping(log: Sequence[Record], size: int, symbols: int, before: Sequence[Record] = ()) -> float:
    """CPU seconds of a log through a stage in batches of a size."""

    def prepared() -> Callable[[], object]:
        stage, first = begun(symbols)
        if before:
            stage.step(columns("bars.raw", 0, *before, first_offset=first))
        batches = cut(log, first + len(before), size)
        return lambda: [stage.step(batch) for batch in batches]

    return cost(prepared)


def beginning(symbols: int) -> float:
    """CPU seconds of the first heartbeats, at which every symbol begins its trade date and plans the next."""

    def prepared() -> Callable[[], object]:
        stage = BarsStage(0)
        stage.step(columns("bars.raw", 0, config(body(symbols))))
        batch = columns("bars.raw", 0, *beats(OPEN), first_offset=1)
        return lambda: stage.step(batch)

    return cost(prepared)


def idle() -> list[Record]:
    """Heartbeats of six writers within one minute, at which nothing is due."""
    return [one for tenth in range(1, 350) for one in beats(OPEN + tenth * S // 10)]


def detection() -> float:
    """CPU seconds to find and sum up the gaps of a session of 390 minutes, ten of them with 30 minutes."""
    rows = empty_rows(np.arange(390) * M)
    rows["kind"], rows["cause"] = REAL, -1
    for start in range(20, 390, 37):
        rows["kind"][start : start + 3], rows["cause"][start : start + 3] = EMPTY, 2
        rows["bits"][start : start + 3] = MISSED
        rows["bits"][start] |= BEGINS
    return cost(lambda: lambda: [gaps.every(rows) for _ in range(1_000)]) / 1_000


def main() -> None:
    """Print the table."""
    silent, session = idle(), [one for number in range(100) for one in minute(20, number)]
    first = [*minute(500, 0), *beats(OPEN + M)]
    second = [*first, *minute(500, 1), *beats(OPEN + 2 * M)]  # from then on bars come in turn
    per_beat, alone = stepping(silent, 1_000, 12), stepping(silent, 1, 12)
    table = [
        ("heartbeat, nothing due, 12 symbols", 1e6 * per_beat / len(silent), "us"),
        ("heartbeat, nothing due, 500 symbols", 1e6 * stepping(silent, 1_000, 500) / len(silent), "us"),
        ("fixed cost of a step", 1e6 * (alone - per_beat) / len(silent), "us"),
        ("step of ten heartbeats", 1e6 * stepping(silent, 10, 12) * 10 / len(silent), "us"),
        ("bar, decided by itself", 1e6 * stepping(session, 1_000, 20) / len(session), "us"),
        ("gap detection over 390 bars", 1e6 * detection(), "us"),
        ("500 symbols, their trade dates begin", 1e3 * beginning(500), "ms"),
        ("500 symbols, their second minute and its heartbeats",
         1e3 * stepping([*minute(500, 1), *beats(OPEN + 2 * M)], 1_000, 500, first), "ms"),
        ("500 symbols, their third minute and its heartbeats",
         1e3 * stepping([*minute(500, 2), *beats(OPEN + 3 * M)], 1_000, 500, second), "ms"),
        ("500 symbols, a minute without bars: 500 gaps",
         1e3 * stepping(beats(OPEN + 2 * M), 1_000, 500, first), "ms"),
    ]  # fmt: skip
    for what, value, unit in table:
        sys.stdout.write(f"{what:<54}{value:>9.2f} {unit}\n")


if __name__ == "__main__":
    main()
