"""Stages against their oracles over as many generated events as are asked for.

``BARLINE_ORACLE_EVENTS`` says how many for each stage; short by default. For the full run::

    BARLINE_ORACLE_EVENTS=1000000 pytest tests/property/test_oracle_length.py -s --timeout 0
"""

import os
import sys
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from streams.core.ticks.stage import TicksStage
from tests.factories import Record
from tests.oracle.bars import Bars
from tests.oracle.reading import difference, newest, through
from tests.oracle.ticks import Ticks
from tests.property import bars_made, test_oracle_ticks, ticks_made
from tests.property.bars_compared import differences

Told = tuple[int, Counter[str], list[str]]
"""Events of a log, how many records had each outcome, and every difference."""

EVENTS = int(os.environ.get("BARLINE_ORACLE_EVENTS", "3000"))


def cuts(pick: Random, log: list[Record]) -> list[int]:
    """Where the batches of a log end."""
    return [pick.randrange(len(log)) for _ in range(pick.choice([0, 1, 5]))]


def bars(seed: int) -> Told:
    """One log of ``bars.raw``."""
    pick = Random(seed)
    short = pick.random() < 0.5
    log = bars_made.made(seed, pick.randint(1, 30 if short else 20), short=short)
    oracle = Bars().read(log)
    codes = Counter(oracle.outcomes.values())
    return len(log), codes, differences(oracle, log, cuts(pick, log))


def ticks(seed: int) -> Told:
    """One log of ``ticks.raw``, cancels and corrects among its records."""
    pick = Random(seed)
    log = ticks_made.made(seed, pick.randint(5, 120))
    wanted, found = Ticks().read(log), through(TicksStage(0), "ticks.raw", log, cuts(pick, log))
    said: list[str] = []
    for interval, topic in (("1m", "bars.raw"), ("1s", "bars.1s")):
        rows = newest(found.of(topic, "Bar"), "symbol", "source", "ts_open")
        said += difference(wanted.bars(interval), rows)
    forming = found.of("bars.forming", "Bar")
    said += difference(dict(enumerate(wanted.forming)), dict(enumerate(forming)))
    said += difference(wanted.statuses(), test_oracle_ticks.found_statuses(found))
    outcomes = Counter(outcome.partition(".")[0] for outcome in wanted.outcomes.values())
    said += [f"{name} {count}" for name, count in outcomes.items() if found.counts[name] != count]
    return len(log), Counter(wanted.outcomes.values()), said


@pytest.mark.parametrize("one", [bars, ticks])
def test_the_stage_agrees_with_its_oracle(one: Callable[[int], Told]):
    seed, events, outcomes = 0, 0, Counter[str]()
    while events < EVENTS:
        count, codes, differences = one(seed)
        assert (seed, differences[:5]) == (seed, [])
        events, seed = events + count, seed + 1
        outcomes.update(codes)
    said = ", ".join(f"{name} {count}" for name, count in sorted(outcomes.items()))
    sys.stdout.write(f"{one.__name__}: {events} events of {seed} logs, no difference; {said}\n")
    assert events >= EVENTS
