"""What a tick costs from its bytes to everything that follows from it, replayed in one process without Kafka.

Run it with ``python -m tests.benchmarks.bench_pipeline``. Ticks of 200 symbols that trade around the clock go
through all four stages: bars of seconds, minutes and everything above, gaps, sessions, indicators. Records
are encoded to and decoded from Avro at each topic as in a worker. CPU time of this process, with that of
pandas beside it, which makes the 1m bars of the same ticks from columns that are in memory already, and
nothing else. The bars are compared first.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from schemas.columns import Columns
from streams.core.pipeline import INPUTS, Pipeline
from tests.benchmarks.worker_ticks import MINUTE, TOPIC, Load, blocks
from tests.factories import DAY, columns, config, heartbeat

SYMBOLS = 200
FIELDS = ("open", "high", "low", "close", "volume")
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


def through(load: Load, parts: list[Columns]) -> tuple[float, Counter[str], np.ndarray]:
    """CPU seconds of the whole and of each agent, and the bars of a minute by symbol and time."""
    whole = Timed()
    whole.append(columns(TOPIC, 0, config(load.body())))
    whole.run()
    whole.spent.clear()
    end = int(load.times(sum(len(part.table("Tick")) for part in parts), 1)[0]) + 1_000_000_000
    said = {"ts": end, "ts_last": end, "ts_through": end, "writer": "feed", "final": True}
    last = columns(TOPIC, 0, {**heartbeat(f"{DAY}T00:00"), **said})
    start = time.process_time()
    for part in [*parts, last]:
        whole.feed(part)
    spent = time.process_time() - start
    found = [(part.text_at(row["symbol"]), row["ts_open"], *(row[name] for name in FIELDS))
             for part in whole.columns("bars.1m") for row in part.table("Bar")]  # fmt: skip
    return spent, whole.spent, np.array([row[1:] for row in sorted(found)], np.float64)


def resampled(load: Load, parts: list[Columns]) -> tuple[float, np.ndarray]:
    """CPU seconds in which pandas makes the bars of a minute, and the bars."""
    rows = np.concatenate([part.table("Tick") for part in parts])
    frame = pd.DataFrame(
        {
            "symbol": np.arange(len(rows)) % load.symbols,
            "minute": rows["ts_event"] // MINUTE * MINUTE,
            "price": rows["price"],
            "size": rows["size"],
        }
    )
    start = time.process_time()
    grouped = frame.groupby(["symbol", "minute"], sort=True)
    bars = grouped["price"].agg(["first", "max", "min", "last"])
    bars["volume"] = grouped["size"].sum()
    spent = time.process_time() - start
    return spent, np.column_stack([bars.index.get_level_values(1), bars.to_numpy()]).astype(np.float64)


def lines() -> Iterator[str]:
    """The table."""
    agents = [agent for agent in INPUTS if agent != "lines"]
    heads = ("ticks/m", "ticks", "us a tick", *agents, "ticks/s", "pandas us", "1m bars")
    yield "".join(f"{head:>12}" for head in heads)
    for per_minute, count in CASES:
        load = Load(per_minute, SYMBOLS)
        parts = list(blocks(load, 0, count))
        seconds, spent, bars = through(load, parts)
        other, wanted = resampled(load, parts)
        if not np.array_equal(bars, wanted):
            raise ValueError(f"bars must be those of pandas, was {len(bars)} beside {len(wanted)}")
        figures = (1e6 * seconds / count, *(1e6 * spent[agent] / count for agent in agents))
        yield (
            f"{per_minute:>12,}{count:>12,}"
            + "".join(f"{figure:>12.3f}" for figure in figures)
            + f"{count / seconds:>12,.0f}{1e6 * other / count:>12.3f}{len(bars):>12,}"
        )


def main() -> None:
    """Print the table."""
    through(Load(60, 4), list(blocks(Load(60, 4), 0, 16_000)))  # an hour: compile and load
    for line in lines():
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"pandas {pd.__version__}, numpy {np.__version__}\n")


if __name__ == "__main__":
    main()
