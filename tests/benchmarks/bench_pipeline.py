"""What a tick costs from its bytes to everything that follows from it, replayed in one process without Kafka.

Run it with ``python -m tests.benchmarks.bench_pipeline``. Ticks of 200 symbols that trade around the clock go
through all four stages: bars of seconds, minutes and everything above, gaps, sessions, indicators. Records
are encoded to and decoded from Avro at each topic as in a worker. CPU time of this process, with that of
pandas beside it, which makes the 1m bars of the same ticks from columns that are in memory already, and
nothing else.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from schemas.columns import Columns
from streams.core.pipeline import INPUTS, Pipeline
from tests.benchmarks.worker_ticks import TOPIC, Load, blocks
from tests.factories import columns, config

SYMBOLS = 200
CASES = ((6_000, 1_000_000), (600, 600_000), (60, 120_000))


class Timed(Pipeline):
    """A pipeline that says what each of its stages took."""

    def __init__(self) -> None:
        super().__init__()
        self.spent: Counter[str] = Counter()

    def run(self) -> None:
        """Run every stage."""
        for agent, topic in INPUTS.items():
            start = time.process_time()
            for frames in self.logs[topic].batches(self._read[agent], self._batch):
                self._step(agent, topic, frames)
            self._read[agent] = len(self.logs[topic])
            self.spent[agent] += time.process_time() - start


def through(load: Load, parts: list[Columns]) -> tuple[float, Counter[str], int]:
    """CPU seconds of the whole and of each agent, and how many 1m bars there are."""
    whole = Timed()
    whole.append(columns(TOPIC, 0, config(load.body())))
    whole.run()
    whole.spent.clear()
    start = time.process_time()
    for part in parts:
        whole.feed(part)
    return time.process_time() - start, whole.spent, len(whole.logs["bars.1m"])


def resampled(load: Load, parts: list[Columns]) -> tuple[float, int]:
    """CPU seconds in which pandas makes the bars of a minute, and how many there are."""
    rows = np.concatenate([part.table("Tick") for part in parts])
    symbols = np.arange(len(rows)) % load.symbols
    frame = pd.DataFrame(
        {"symbol": symbols, "ts": rows["ts_event"] // 60_000_000_000, "p": rows["price"], "s": rows["size"]}
    )
    start = time.process_time()
    grouped = frame.groupby(["symbol", "ts"], sort=True)
    bars = grouped["p"].agg(["first", "max", "min", "last", "size"])
    bars["volume"] = grouped["s"].sum()
    return time.process_time() - start, len(bars)


def lines() -> Iterator[str]:
    """The table."""
    agents = [agent for agent in INPUTS if agent != "lines"]
    heads = ("ticks/m", "ticks", "us a tick", *agents, "ticks/s", "pandas us", "1m records", "its bars")
    yield "".join(f"{head:>12}" for head in heads)
    for per_minute, count in CASES:
        load = Load(per_minute, SYMBOLS)
        parts = list(blocks(load, 0, count))
        seconds, spent, bars = through(load, parts)
        other, made = resampled(load, parts)
        figures = (1e6 * seconds / count, *(1e6 * spent[agent] / count for agent in agents))
        yield (
            f"{per_minute:>12,}{count:>12,}"
            + "".join(f"{figure:>12.3f}" for figure in figures)
            + f"{count / seconds:>12,.0f}{1e6 * other / count:>12.3f}{bars:>12,}{made:>12,}"
        )


def main() -> None:
    """Print the table."""
    through(Load(60, 4), list(blocks(Load(60, 4), 0, 400)))  # compile and load
    for line in lines():
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"pandas {pd.__version__}, numpy {np.__version__}\n")


if __name__ == "__main__":
    main()
