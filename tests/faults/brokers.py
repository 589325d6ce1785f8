"""Faults of the broker, of the clock and of the group, in loops; a supervisor restarts whoever ends.

``rule`` takes one rule out of the workers, see ``broken``.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from barline.stack.stack import Handle
from tests.faults.harness import SESSION, Run, Worker, eventually
from tests.faults.scenarios import Tally

LONG = float(os.environ.get("BARLINE_OUTAGE", "0")) >= 20
"""Whether tests run in their long form, and those that run in no other."""
ENOUGH = 15
"""Outages of a broker for a control: mostly nothing is under way at that moment, and one costs nothing."""


@contextmanager
def kept(run: Run, rule: str = "", **environ: str) -> Iterator[list[Worker]]:
    """A worker that is started again whenever it ends; the list holds all of them, the newest last."""
    stop, workers = threading.Event(), [run.start(0, rule, **environ)]

    def keep() -> None:
        while not stop.wait(0.5):
            if workers[-1].process.poll() is not None:
                workers.append(run.start(0, rule, **environ))

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield workers
    finally:
        stop.set()
        thread.join()


def wait_applied(workers: list[Worker]) -> None:
    """Wait until the newest worker does its work."""
    eventually(lambda: workers[-1].chunks() > 0, "a worker applies records")


def wait_going_on(workers: list[Worker]) -> None:
    """Wait until the newest worker does more, be it one that has worked before or not."""
    newest, before = workers[-1], workers[-1].chunks()
    eventually(
        lambda: workers[-1].chunks() > (before if workers[-1] is newest else 0),
        "a worker applies more records",
    )


def outages(
    run: Run, count: int, outage: Callable[[list[Worker]], object], rule: str, **environ: str
) -> None:
    """Break something so often while records come, each time after the worker has worked again."""
    with kept(run, rule, **environ) as workers:
        with run.feeding(300, every=0.002):  # so that something may be under way
            for _ in range(count):
                wait_going_on(workers)
                outage(workers)
            wait_going_on(workers)
        run.wait_drained()


def broker_kills(run: Run, broker: Handle, count: int, rule: str = "") -> Tally:
    """Kill -9 the broker while records come; it is started again."""
    outages(run, count, lambda _: broker.kill(), rule)
    return Tally(kills=count).take(run, run.verdict())


def broker_absences(run: Run, broker: Handle, count: int, seconds: float, rule: str = "") -> Tally:
    """Kill -9 the broker while records come, and start it only after some seconds."""

    def stay_away(_: list[Worker]) -> None:
        broker.signal(signal.SIGKILL)
        broker.hold()
        run.pause(seconds)
        broker.release()

    outages(run, count, stay_away, rule)
    return Tally(kills=count).take(run, run.verdict())


def broker_freezes(run: Run, broker: Handle, count: int, seconds: float, rule: str = "") -> Tally:
    """Freeze the broker while records come: states and outputs are late, or refused for being late."""

    def freeze(_: list[Worker]) -> None:
        broker.signal(signal.SIGSTOP)
        run.pause(seconds)
        broker.signal(signal.SIGCONT)

    outages(run, count, freeze, rule)
    return Tally(freezes=count).take(run, run.verdict())


def clock_jumps(run: Run, count: int, rule: str = "") -> Tally:
    """The wall clock of a worker jumps by up to a day, to and fro; it is killed in between."""

    def jump(workers: list[Worker]) -> None:
        run.pause(1.0)
        workers[-1].kill()
        eventually(lambda: workers[-1].process.poll() is None, "a worker is started again")

    outages(run, count, jump, rule, FAULT_CLOCK="jumps")
    return Tally(kills=count).take(run, run.verdict())


def fencings(run: Run, count: int, rule: str = "", **environ: str) -> Tally:
    """Two workers of the same name fence each other; whoever ends is started again. Both are killed."""
    tally = Tally()
    with run.feeding(300):
        for _ in range(count):
            with kept(run, rule, **environ) as first, kept(run, rule, **environ) as second:
                wait_applied(first)
                wait_applied(second)
                run.pause(SESSION)
            for worker in (first[-1], second[-1]):
                worker.kill()
            tally.kills += 2
            tally.rebalances += len(first) + len(second)
    # Without the rule, states may fall short of the offsets: a worker with it rightly starts no more.
    run.start(0, rule, **environ)
    run.wait_drained()
    return tally.take(run, run.verdict())
