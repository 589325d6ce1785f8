"""The faults in full, each beside the same with a rule taken out, and one table of what came of them.

``make faults`` runs all of them; ``make faults ARGS="kills freezes"`` some. ``BARLINE_FAULT_KILLS`` [200],
``BARLINE_FAULT_REBALANCES`` [50] and ``BARLINE_FAULT_FREEZES`` [20] say how many of those three; broker,
clock, fencing and day have numbers of their own. It ends with 0 only if nothing is missing or wrong, and
every control found faults.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from barline.stack.running import running
from barline.stack.stack import Handle, Stack
from tests.faults.brokers import (
    ENOUGH,
    broker_absences,
    broker_freezes,
    broker_kills,
    clock_jumps,
    fencings,
)
from tests.faults.day import frozen_day
from tests.faults.harness import Run, logs_kept
from tests.faults.scenarios import Tally, comebacks, freezes, kills, rebalances

KILLS = int(os.environ.get("BARLINE_FAULT_KILLS", "200"))
REBALANCES = int(os.environ.get("BARLINE_FAULT_REBALANCES", "50"))
FREEZES = int(os.environ.get("BARLINE_FAULT_FREEZES", "20"))
BROKER_KILLS, BROKER_FREEZES, CLOCK_KILLS, FENCINGS, DAY_FREEZES = 10, 5, 10, 10, 6
FREEZE_S, ABSENT_S = 20.0, 8.0
OFTEN = {"BARLINE_WORKER_CHECKPOINT_MS": "20"}
"""Checkpoints follow each other, so that a kill hits one."""

Scenario = Callable[[Run, Handle], Tally]
SCENARIOS: dict[str, tuple[Scenario, str, Scenario]] = {
    "kills": (
        lambda run, _: kills(run, KILLS),
        "offsets before states",
        lambda run, _: kills(run, min(KILLS, 12), "commits-first", **OFTEN),
    ),
    "rebalances": (
        lambda run, _: rebalances(run, REBALANCES),
        "stages outlive a rebalance",
        lambda run, _: comebacks(run, 3, "keeps-lanes"),  # at random it would be chance who has what
    ),
    "freezes": (
        lambda run, _: freezes(run, FREEZES),
        "a woken worker goes on",
        lambda run, _: freezes(run, min(FREEZES, 3), "never-leaves"),
    ),
    "broker-kills": (
        lambda run, broker: broker_kills(run, broker, BROKER_KILLS),
        "refused deliveries ignored",
        lambda run, broker: broker_absences(run, broker, ENOUGH, ABSENT_S, "ignores-failures"),
    ),
    "broker-freezes": (
        lambda run, broker: broker_freezes(run, broker, BROKER_FREEZES, FREEZE_S),
        "refused deliveries ignored",
        lambda run, broker: broker_freezes(run, broker, ENOUGH, ABSENT_S, "ignores-failures"),
    ),
    "clock": (
        lambda run, _: clock_jumps(run, CLOCK_KILLS),
        "a stage reads the clock",
        lambda run, _: clock_jumps(run, 1, "reads-clock"),
    ),
    "fencing": (
        lambda run, _: fencings(run, FENCINGS),
        "offsets before states",
        lambda run, _: fencings(run, 6, "commits-first", **OFTEN),
    ),
}
"""By name: what must hold, the rule that is taken out, and the same without it."""

DAYS: dict[str, tuple[Callable[[], Tally], str, Callable[[], Tally]]] = {
    "day": (
        lambda: frozen_day(DAY_FREEZES),
        "stages outlive a rebalance",
        lambda: frozen_day(3, "keeps-lanes"),
    ),
}
"""The same of deployed workers, each on servers of its own."""

HEAD = ("", "kills", "rebalances", "freezes", "ticks", "outputs", "repeated", "missing", "wrong", "seconds")


def told(what: str, one: Tally, seconds: float) -> str:
    """One line of the table."""
    cells = (
        one.kills, one.rebalances, one.freezes, one.ticks, one.outputs, one.repeated, one.missing, one.wrong,
        seconds,
    )  # fmt: skip
    return f"{what:<42}" + "".join(f"{cell:>11,.0f}" for cell in cells) + "\n"


def timed(what: str, call: Callable[[], Tally]) -> Tally:
    """Run one and print its line."""
    began = time.monotonic()
    one = call()
    sys.stdout.write(told(what, one, time.monotonic() - began))
    sys.stdout.flush()
    return one


def on_topics(stack: Stack, scenario: Scenario) -> Tally:
    """One scenario on topics of its own."""
    with tempfile.TemporaryDirectory(dir=stack.home) as logs, logs_kept(stack.home):
        run = Run(f"fault-{time.time_ns()}", stack.endpoints.kafka, Path(logs))
        try:
            return scenario(run, stack["kafka"])
        finally:
            run.close()


def on_stacks(names: list[str]) -> bool:
    """Scenarios of deployed workers, each with its control; whether all is as it must be."""
    good = True
    for name in names:
        scenario, rule, control = DAYS[name]
        good &= timed(name, scenario).faults == 0
        good &= timed(f"  control: {rule}", control).faults > 0
    return good


def on_stack(names: list[str]) -> bool:
    """Scenarios of the counting stage, each with its control; whether all is as it must be."""
    if not names:
        return True
    good = True
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), restart=["kafka"]) as stack:
        for name in names:
            scenario, rule, control = SCENARIOS[name]
            on = partial(on_topics, stack)
            good &= timed(name, partial(on, scenario)).faults == 0
            good &= timed(f"  control: {rule}", partial(on, control)).faults > 0
    return good


def main(wanted: list[str]) -> int:
    """Print the table; the exit code."""
    known = [*SCENARIOS, *DAYS]
    if unknown := set(wanted) - set(known):
        sys.stderr.write(f"faults must be among {known}, was {sorted(unknown)}\n")
        return 2
    sys.stdout.write(f"{HEAD[0]:<42}" + "".join(f"{name:>11}" for name in HEAD[1:]) + "\n")
    good = on_stack([name for name in SCENARIOS if name in (wanted or known)])
    good &= on_stacks([name for name in DAYS if name in (wanted or known)])
    sys.stdout.write(
        "nothing missing or wrong, every control found faults\n" if good else "NOT as it must be\n"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
