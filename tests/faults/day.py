"""The simulated day through two deployed workers, frozen in turn until the other one has taken over.

Every topic and table is compared with what is recomputed over the recorded logs, the input with what the
sources sent, and the counts with the faults that were planted. What an agent puts out twice around a freeze
is identical in key and bytes and stands in its topic again, where the next agent reads it again. All that may
come of it is a count of duplicates; so each stage is recomputed over its log without the repeats, too.
"""

import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from barline.demo.check import Findings
from barline.demo.day import simulated
from barline.demo.report import report
from barline.demo.run import Demo
from barline.settings.load import load
from barline.stack.plan import plan_programs
from barline.stack.ports import choose
from barline.stack.running import Handle, Stack, running
from barline.stack.service import Service
from runtime.kafka import KafkaSettings, security
from runtime.reader import Partition, Reader
from tests.faults.harness import eventually, logs_kept
from tests.faults.scenarios import Tally

PARTITIONS: Final = 4
SESSION_S: Final = 10.0
"""Session timeout of the workers; one that stood still for half of it leaves."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_WORKERS: Final = ("worker", "second")
_FLOWING: Final = ("ticks.raw", "bars.raw", "bars.1m")
"""Inputs of the agents in which each partition has a heartbeat a second."""

_LONG_S: Final = 300.0


def frozen_day(count: int, rule: str = "", scale: float = 0.05) -> Tally:
    """Play a day, freeze so often, and compare everything.

    Args:
        count: how often a worker is frozen.
        rule: is taken out of the second worker, see ``broken``; only the first one is frozen then, so that
            the second takes over each time.
        scale: of the day; ticks are that much rarer.
    """
    # A worker that compiles first misses the day.
    subprocess.run([sys.executable, "-m", "barline.cli", "warm"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder, _session(), _stack(Path(folder) / "home") as stack:
        day = simulated(load(_ROOT / "barline.toml"), Path(folder) / "lines", seed=5, scale=scale)
        with closing(Demo(stack, day, Console(file=io.StringIO()), PARTITIONS)) as demo:
            _add_second(stack, rule)
            with ThreadPoolExecutor(1) as pool:
                freezing = pool.submit(_freeze_all, stack, count, rule)
                findings = demo.run(seconds=6.0 * SESSION_S * count, kills=0)
                tally = freezing.result()
    return _taken(tally, findings)


@contextmanager
def _stack(home: Path) -> Iterator[Stack]:
    """Servers of their own, whose logs stay where the body fails."""
    with running(home) as stack, logs_kept(home):
        yield stack


@contextmanager
def _session() -> Iterator[None]:
    """Workers have their session timeout from the environment, which they inherit."""
    name = "BARLINE_WORKER_SESSION_TIMEOUT"
    before = os.environ.get(name)
    os.environ[name] = str(SESSION_S)
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _add_second(stack: Stack, rule: str) -> None:
    """Another worker of the same group, with a name and a port of its own."""
    (worker,) = plan_programs(stack.home, stack.endpoints, names=("worker",))
    port = choose(stack.home, [_WORKERS[1]])[_WORKERS[1]]
    env = {**worker.env, "BARLINE_HEALTH_PORT": str(port)}
    second = msgspec.structs.replace(
        worker, name=_WORKERS[1], argv=_without(worker, rule), env=env, ready=f"http://127.0.0.1:{port}/ready"
    )
    stack.add(second)
    stack.wait_ready()


def _without(worker: Service, rule: str) -> list[str]:
    """The command of a worker, with a rule taken out."""
    if not rule:
        return worker.argv
    at = worker.argv.index("barline.cli")
    return [*worker.argv[:at], "tests.faults.deployed", rule, *worker.argv[at + 1 :]]


def _freeze_all(stack: Stack, count: int, rule: str) -> Tally:
    """Freeze the workers in turn while the day is played."""
    tally, pause = Tally(), threading.Event()
    with closing(Reader(KafkaSettings(stack.endpoints.kafka, security()), "test", group="barline")) as reader:
        for number in range(count):
            one = stack[_WORKERS[0 if rule else number % 2]]
            starts = one.wait_ready().starts
            pause.wait(SESSION_S / 2)
            _freeze(one, reader)
            one.wait_ready(starts + 1, _LONG_S)  # it left by itself
            tally.freezes += 1
            tally.rebalances += 2
    return tally


def _freeze(worker: Handle, reader: Reader) -> None:
    """Freeze a worker until the other one commits in all partitions, and wake it."""
    worker.signal(signal.SIGSTOP)
    threading.Event().wait(1.0)  # a commit of its may be on its way
    before = _committed(reader)
    eventually(
        lambda: all(offset > before[place] for place, offset in _committed(reader).items()),
        "the other worker has taken over",
        _LONG_S,
    )
    worker.signal(signal.SIGCONT)


def _committed(reader: Reader) -> dict[Partition, int]:
    """What the group has committed of the topics in which something always comes."""
    places = [Partition(topic, number) for topic in _FLOWING for number in range(PARTITIONS)]
    return {place: offset or 0 for place, offset in reader.committed(places).items()}


def _taken(tally: Tally, findings: Findings) -> Tally:
    """Count what was found, and print it where something is not as it must be."""
    verdict = findings.verdict
    tally.ticks = verdict.counts["ticks"]["in"]
    for difference in (*verdict.topics.values(), *verdict.echoes.values(), *findings.sent.values()):
        tally.missing += len(difference.missing)
        tally.wrong += len(difference.wrong) + difference.disordered
    for difference in verdict.topics.values():
        tally.outputs += difference.recorded
        tally.repeated += difference.repeats
    for table in verdict.tables:
        tally.missing += len(table.missing)
        tally.wrong += len(table.wrong) + len(table.differing)
    tally.wrong += sum(not verdict.balanced(agent) for agent in verdict.counts)
    tally.wrong += sum(planted != counted for planted, counted in findings.planted.values())
    if not findings.equal:
        report(findings, Console(stderr=True, width=180))
    return tally
