"""What a restart takes by the number of saved states: reading the changelog, and the stage taking them up.

Run with ``python -m tests.benchmarks.bench_recovery``. Reading: a worker of the fault tests starts over a
changelog with so many keys in 4 partitions; what the start itself takes, with one key a partition, is told
apart. Taking up: the ``ticks`` stage restores as many states of symbols that have a minute, a second and
their own one each, a quarter at a time as a worker of 4 partitions does, in this process.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from barline.stack.running import running
from streams.core import slots
from streams.core.stage import PARTITION_KEY
from streams.core.ticks.stage import TicksStage
from tests.benchmarks.bench_ticks import begun, ticks
from tests.faults.harness import PARTITIONS, Run

KEYS: Final = (100_000,)
_SIZE: Final = 12  # of a state of the counting stage
_STATES: Final = 3  # of a symbol


def read_back(kafka: str, home: Path, keys: int) -> float:
    """Seconds from the start of a worker to ready, over a changelog with so many keys; the better of two."""
    return min(started(kafka, home, keys, number) for number in range(2))


def started(kafka: str, home: Path, keys: int, number: int) -> float:
    """The same, of one start."""
    run = Run(f"recovery-{keys}-{number}", kafka, home)
    state = slots.pack(1, 0, bytes(_SIZE))
    run.ticks(400)
    run.write_states([(b"Q%06d" % number, state, number % PARTITIONS) for number in range(keys)])
    begin = time.perf_counter()
    worker = run.start()
    while not worker.ready():
        time.sleep(0.01)
    seconds = time.perf_counter() - begin
    run.close()
    return seconds


def taken_up(keys: int) -> tuple[float, float]:
    """CPU seconds in which stages restore so many states, and the bytes of those of a symbol."""
    symbols = keys // PARTITIONS // _STATES
    stage = begun(symbols)
    stage.step(ticks(2 * symbols, symbols, 10))
    states = stage.take_dirty()
    begin = time.process_time()
    for number in range(PARTITIONS):
        TicksStage(number).restore(states)
    seconds = time.process_time() - begin
    found = sum(key != PARTITION_KEY and not key.startswith(b"!") for key in states)
    if found != _STATES * symbols:
        raise ValueError(f"a symbol must have {_STATES} states, was {found / symbols!r}")
    own = [len(state) for key, state in states.items() if key != PARTITION_KEY]
    return seconds, sum(own) / symbols


def main() -> None:
    """Print the table."""
    out = sys.stdout.write
    taken_up(100)
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as stack:
        kafka, logs = stack.endpoints.kafka, Path(home)
        started(kafka, logs, PARTITIONS + 1, 0)
        least = read_back(kafka, logs, PARTITIONS)
        out(f"start of a worker to ready, {PARTITIONS} keys: {least:.2f} s of the clock\n")
        out(f"{'keys':>9}{'read back, s':>15}{'taken up, CPU s':>18}{'both, s':>10}{'bytes a symbol':>17}\n")
        for keys in KEYS:
            more = read_back(kafka, logs, keys) - least
            taken, size = taken_up(keys)
            out(f"{keys:>9,}{more:>15.2f}{taken:>18.2f}{more + taken:>10.2f}{size:>17,.0f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
