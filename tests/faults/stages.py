"""Stages that take a rule out, or their time."""

import logging
import os
import time

from schemas.columns import Columns
from streams.core.stage import Outputs
from tests.faults.counting import Counting, Fact

_LOG = logging.getLogger(__name__)


class NeverSkips(Counting):
    """R3: applies every record it reads, also those its state reflects."""

    skips = False


class ConfiguredOutside(Counting):
    """R13: has its configuration from outside the log."""

    def step(self, batch: Columns) -> Outputs:
        self._version = int(os.environ["OUTSIDE_VERSION"])
        return super().step(batch)

    def _configure(self, version: int, offset: int) -> None:
        pass


class ReadsClock(Counting):
    """Passes over records that are an hour old by the clock of the machine; without jumps none is."""

    def __init__(self, target: str, partition: int) -> None:
        super().__init__(target, partition)
        self._start = time.time()

    def _tick(self, name: bytes, value: bytes, offset: int) -> list[tuple[bytes, int, Fact]]:
        if abs(time.time() - self._start) > 3_600:
            return []
        return super()._tick(name, value, offset)


class StandsStill(Counting):
    """A step without end: no rule is broken, the watchdog must see it."""

    def step(self, batch: Columns) -> Outputs:
        if len(batch) > 1:  # not while it is warmed
            time.sleep(60)
        return super().step(batch)


class WarmsForEver(Counting):
    """Kernels that are not compiled yet: no rule is broken."""

    def step(self, batch: Columns) -> Outputs:
        _LOG.info("warming, for ever")
        time.sleep(600)
        return super().step(batch)


class Waits(Counting):
    """Waits for code that is not ours, in a thread: it takes no rule out, and nothing may break."""

    waits = True
    waited = False  # longer than the watchdog allows the loop to stand still

    def step(self, batch: Columns) -> Outputs:
        if self._partition == 0 and len(batch) > 1 and not self.waited:
            self.waited = True
            time.sleep(5.0)
        return super().step(batch)

    def _count(self, offset: int) -> None:
        if offset % 20 == 0:
            time.sleep(0.001)  # the loop takes its turn in the middle of a step
        super()._count(offset)


class Raises(Counting):
    """A stage with a bug."""

    def step(self, batch: Columns) -> Outputs:
        if len(batch) and batch.offsets[-1] >= 400:
            raise RuntimeError("a bug in a stage")
        return super().step(batch)


STAGES = {
    "never-skips": NeverSkips,
    "configured-outside": ConfiguredOutside,
    "stands-still": StandsStill,
    "waits": Waits,
    "warms-for-ever": WarmsForEver,
    "raises": Raises,
    "reads-clock": ReadsClock,
}
"""By the name of the rule."""
