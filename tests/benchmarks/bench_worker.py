"""CPU of the deployed worker for a tick, checkpoints on, and where it goes.

Run with ``python -m tests.benchmarks.bench_worker``.

The ticks agent reads ``ticks.raw`` of 4 partitions and makes bars of minutes and seconds and forming bars,
with every check on. CPU is that of the whole process, user and system, from the moment when all ticks can be
read to the one when all of them are committed; it is up, warm and has its states then. Its stages are timed
by the clock, so on a busy machine they take more than their CPU. One worker reads a feed that grows denser,
400,000 ticks of each density before those that count, at last in no order; another one 100,000 symbols, in
turn and then in no order, after 100 ticks of each. A checkpoint there saves nearly all symbols. A feed
without end has one in ten seconds; here one more is after the last tick, which weighs little among so many.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from barline.cli.topics import carry_out, compare, wanted
from barline.settings.apply import apply
from barline.stack.running import running
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from runtime.reader import Reader
from schemas.codec import decode_record, names_of
from schemas.registry import register_all
from tests.benchmarks.worker_process import Process, Seen, worker
from tests.benchmarks.worker_ticks import START, TOPIC, Filler, Load
from tests.whole import whole

PARTITIONS: Final = 4
WARM: Final = 400_000
FIELDS: Final = ("open", "high", "low", "close", "volume", "trades")
Bars = dict[tuple[str, int], tuple[float, ...]]
"""Fields of a bar by symbol and ts_open."""

STAGES: Final = ("frame", "decode", "step", "send", "checkpoint")
CASES: Final = (
    (Load(per_minute=20), WARM, 200_000),
    (Load(per_minute=600), WARM, 1_000_000),
    (Load(per_minute=6_000), WARM, 3_000_000),
    (Load(per_minute=6_000, in_turn=False), WARM, 3_000_000),
)
"""Ticks that warm it and ticks that count; what is read is the same feed, denser each time."""
MANY: Final = (
    (Load(per_minute=6_000, symbols=100_000), 10_000_000, 15_000_000),
    (Load(per_minute=6_000, symbols=100_000, in_turn=False), 0, 25_000_000),
)
"""The same of so many symbols that nearly all of memory is far away."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a worker took for a topic.

    Attributes:
        ticks: measured, without those that warmed it.
        seconds: of the clock.
        used: CPU, threads and metrics.
        span: event times of all ticks that it got, from and up to.
    """

    ticks: int
    seconds: float
    used: Seen
    span: tuple[int, int]

    @property
    def cpu(self) -> float:
        """CPU microseconds a tick."""
        return self.used.cpu / self.ticks * 1e6

    def stage(self, name: str) -> float:
        """Microseconds of a stage a tick."""
        return self.used.metrics["barline_stage_seconds_sum", f"ticks.{name}"] / self.ticks * 1e6

    def thread(self, name: str) -> float:
        """CPU microseconds a tick of the threads whose name begins so."""
        found = sum(used for thread, used in self.used.threads.items() if thread.startswith(name))
        return found / self.ticks * 1e6

    def outputs(self) -> float:
        """Records put out a tick."""
        found = self.used.metrics.items()
        return (
            sum(number for (name, _), number in found if name == "barline_output_records_total") / self.ticks
        )


class Plane:
    """Servers with all topics, on which workers are measured.

    Args:
        home: directory of the stack.
        kafka: how to reach the brokers.
        ids: schema id by record name.
    """

    def __init__(self, home: Path, kafka: KafkaSettings, ids: dict[str, int]) -> None:
        self.home, self.kafka, self.ids = home, kafka, ids
        self._filler = Filler(kafka, ids, PARTITIONS)

    def configure(self, load: Load) -> None:
        """Put the configuration of a case in force."""
        producer = Producer(self.kafka, "bench")
        apply(load.body(), producer, self.ids, partition_counts(self.kafka, "bench"), START)
        producer.wait()
        producer.close()

    def write(self, load: Load, first: int, count: int) -> None:
        """Write ticks from one number on, to be seen at once."""
        self._filler.fill(load, first, count)
        self._filler.show()

    def close(self) -> None:
        """Have done."""
        self._filler.close()

    def measure(
        self, load: Load, count: int, name: str = "barline", warm: int = WARM, first: int = 0
    ) -> Measured:
        """Let a worker of ours read so many ticks from a number on, after some that warm it."""
        with worker(self.home, name) as one:
            return self.measure_of(one, load, count, name, warm, first)

    def measure_of(
        self, one: Process, load: Load, count: int, name: str = "barline", warm: int = WARM, first: int = 0
    ) -> Measured:
        """The same of one that runs."""
        self.write(load, first, warm)
        self._drain(f"{name}-ticks")
        self._filler.fill(load, first + warm, count)
        before, start = one.look(), time.monotonic()
        self._filler.show()
        self._drain(f"{name}-ticks")
        used, seconds = one.look().since(before), time.monotonic() - start
        return Measured(count, seconds, used, (START, int(load.times(first + warm + count, 1)[0])))

    def bars(self) -> Bars:
        """The last revision of each bar of a minute on ``bars.raw``, by symbol and ts_open."""
        names, found = names_of(self.ids), Bars()
        for _, records in whole(self.kafka, ["bars.raw"]):
            for record in records:
                kind, row = decode_record(record.value or b"", names)
                if kind == "Bar":
                    found[row["symbol"], row["ts_open"]] = tuple(row[name] for name in FIELDS)
        return found

    def _drain(self, group: str) -> None:
        """Return when a group has committed all ticks."""
        reader = Reader(self.kafka, "bench", group=group)
        ends = reader.ends([TOPIC])
        while any((offset or 0) < ends[place] for place, offset in reader.committed(ends).items()):
            time.sleep(0.02)
        reader.close()


@contextmanager
def plane() -> Iterator[Plane]:
    """Servers of their own, with all topics and nothing in them."""
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as stack:
        kafka = KafkaSettings(stack.endpoints.kafka)
        carry_out(compare(wanted(PARTITIONS, "barline"), kafka), kafka, -1)
        one = Plane(Path(home), kafka, register_all(stack.endpoints.registry))
        yield one
        one.close()


def line(load: Load, found: Measured) -> str:
    """What the table says of a case."""
    stages = [found.stage(name) for name in STAGES]
    fetch = found.thread("python")
    rest = found.cpu - sum(stages[:-1]) - fetch
    return (
        f"{load.symbols:>8,} {'in turn' if load.in_turn else 'no order':<8}{load.per_minute:>8,}"
        f"{found.ticks:>12,}{found.cpu:>8.3f}"
        + "".join(f"{one:>8.3f}" for one in (*stages[:-1], fetch, rest))
        + f"{found.outputs():>9.3f}{found.seconds:>7.1f}\n"
    )


def measured(cases: Sequence[tuple[Load, int, int]]) -> Iterator[str]:
    """What the table says of cases that one worker reads."""
    minutes = 0
    with plane() as one:
        one.configure(cases[0][0])
        with worker(one.home, "barline") as process:
            for load, warm, count in cases:
                first = minutes * load.per_minute * load.symbols
                yield line(load, one.measure_of(process, load, count, warm=warm, first=first))
                minutes = -(-(first + warm + count) // (load.per_minute * load.symbols))


def main() -> None:
    """Print the table."""
    out = sys.stdout.write
    out("CPU microseconds a tick of the worker, and of it by what it does\n")
    heads = ("worker", *STAGES[:-1], "fetch", "rest")
    out(f"{'symbols':>8} {'':<8}{'ticks/m':>8}{'ticks':>12}" + "".join(f"{one:>8}" for one in heads))
    out(f"{'outputs':>9}{'s':>7}\n")
    for text in chain(measured(CASES), measured(MANY)):
        out(text)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
