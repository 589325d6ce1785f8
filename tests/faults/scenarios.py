"""The faults in their long form: each a loop over one run, until so many faults have happened.

They run the counting stage in real workers, whose every output betrays a record that was lost or applied
twice. ``rule`` takes one rule out of the worker, see ``broken``.
"""

import random
import signal
from dataclasses import dataclass

from tests.faults.harness import Run, Verdict, Worker, eventually

MEMBERS = 3


@dataclass(slots=True)
class Tally:
    """What was done to a run, and what came of it."""

    kills: int = 0
    rebalances: int = 0
    freezes: int = 0
    ticks: int = 0
    outputs: int = 0
    repeated: int = 0
    missing: int = 0
    wrong: int = 0

    def take(self, run: Run, verdict: Verdict) -> "Tally":
        """Add what a run ended in."""
        self.ticks += sum(record == "Tick" for log in run.logs for record, *_ in log)
        self.outputs += verdict.outputs
        self.repeated += verdict.repeated
        self.missing += verdict.missing
        self.wrong += verdict.wrong
        return self

    @property
    def faults(self) -> int:
        """What must be 0."""
        return self.missing + self.wrong


def kill_at_random(run: Run, worker: Worker, chance: random.Random) -> None:
    """Kill -9 while it works, and now and then while it starts."""
    if chance.random() > 0.15:
        worker.wait_working()
    run.pause(chance.uniform(0.0, 1.2))
    worker.kill()


def leave_in_order(worker: Worker) -> None:
    """End a worker as an operator does."""
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0, worker.tail()


def kills(run: Run, count: int, rule: str = "", **environ: str) -> Tally:
    """One worker after another, each killed at a random moment."""
    chance, tally = random.Random(1), Tally()
    with run.feeding():
        for _ in range(count):
            kill_at_random(run, run.start(0, rule, **environ), chance)
            tally.kills += 1
        run.start(0, rule, **environ).wait_working()
    run.wait_drained()
    return tally.take(run, run.verdict())


def rebalances(run: Run, count: int, rule: str = "") -> Tally:
    """Up to three workers join, leave in order and are killed, at random; each changes who has what."""
    chance, tally = random.Random(2), Tally()
    members: dict[int, Worker] = {}
    with run.feeding(300):
        while tally.rebalances < count:
            free = [number for number in range(MEMBERS) if number not in members]
            if len(members) < 2 or (free and chance.random() < 0.5):
                number = chance.choice(free)
                members[number] = run.start(number, rule)
                members[number].wait_committing()
            else:
                victim = members.pop(chance.choice(list(members)))
                if chance.random() < 0.3:
                    victim.kill()
                    tally.kills += 1
                elif not victim.starved():
                    leave_in_order(victim)
                _go_on(next(iter(members.values())))
            tally.rebalances += 1
    run.wait_drained()
    return tally.take(run, run.verdict())


def comebacks(run: Run, count: int, rule: str = "") -> Tally:
    """Partitions go to a second worker, are worked on there, and come back to one that had them before."""
    first, tally = run.start(1, rule), Tally()
    with run.feeding(300):
        first.wait_working()
        for _ in range(count):
            second = run.start(2, rule)
            second.wait_committing()
            leave_in_order(second)
            _go_on(first, 20)
            tally.rebalances += 2
    run.wait_drained()
    return tally.take(run, run.verdict())


def freezes(run: Run, count: int, rule: str = "") -> Tally:
    """Freeze a worker with work in hand until another has taken over and gone on; wake it; restore anew.

    It must leave when it wakes; one that does not goes on until it is killed.
    """
    tally = Tally()
    run.ticks(500)
    for number in range(count):
        frozen = run.start(1 + number % 2, rule, BARLINE_WORKER_CHECKPOINT_MS="2900")
        freeze_with_work(run, frozen)
        other = run.start(2 - number % 2, rule)
        run.ticks(1_000)
        run.wait_drained()
        wake(run, frozen, leaves=not rule)
        frozen.kill()
        other.kill()
        run.ticks(500)
        tally.freezes += 1
        tally.rebalances += 1
        tally.kills += 1
    run.start(1, rule)
    run.wait_drained()
    return tally.take(run, run.verdict())


def freeze_with_work(run: Run, worker: Worker) -> None:
    """Stop a worker that has applied records and not committed them."""
    worker.wait_working()
    run.wait_drained()
    applied = 'barline_records_total{agent="counting",outcome="in"}'
    while run.drained():
        worker.send(signal.SIGCONT)
        already = worker.metric(applied)
        run.ticks(500)
        eventually(lambda already=already: worker.metric(applied) >= already + 500, "applied")
        worker.send(signal.SIGSTOP)


def wake(run: Run, worker: Worker, *, leaves: bool) -> None:
    """Let a frozen worker go on, until it has left or, where nothing makes it, has written its old states."""
    already = run.states()
    worker.send(signal.SIGCONT)
    if leaves:
        assert worker.wait() == 1, worker.tail()
        assert "the event loop must turn" in worker.log.read_text()
    else:
        eventually(lambda: run.states() > already, "old states are written")


def _go_on(worker: Worker, count: int = 8) -> None:
    chunks = worker.chunks()
    eventually(lambda: worker.kept() and worker.chunks() > chunks + count, "another worker goes on")
