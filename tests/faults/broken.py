"""The negative controls: each takes one rule out of the worker, and the test of it must then find faults."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from runtime.producer import Producer
from schemas.columns import Columns
from streams.core.stage import PARTITION_KEY, Outputs
from streams.transport import crash
from streams.transport.lane import Lane
from streams.transport.shell import Shell
from streams.transport.table import Table
from streams.transport.watchdog import Watchdog
from tests.faults.counting import Counting


class CommitsFirst(Lane):
    """R4: commits the offsets before outputs and states are safe."""

    async def _checkpoint(self) -> None:
        for event in self._pending:
            event.ack()
        await self._pending[0].app.consumer.force_commit()
        await super()._checkpoint()


class PartitionStateFirst(Lane):
    """R10: writes the partition's state before those of the symbols."""

    async def _make_durable(self, states: Any) -> None:
        await self._reach("after-outputs")
        self._put({key: state for key, state in states.items() if key == PARTITION_KEY})
        await self._reach("after-partition-state")
        if crash.wanted("between-states"):
            crash.now()
        self._put({key: state for key, state in states.items() if key != PARTITION_KEY})
        await self._reach("after-states")


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


class StandsStill(Counting):
    """A step without end: no rule is broken, the watchdog must see it."""

    def step(self, batch: Columns) -> Outputs:
        if len(batch) > 1:  # not while it is warmed
            time.sleep(60)
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


def _last_write_wins(table: Table, partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> None:
    """R12 taken out."""
    for key, state in records:
        if state is not None:
            table.data.partitions[partition][key] = state


async def _keep_lanes(_: Shell) -> None:
    """R7 and R8 taken out: stages outlive their generation."""


async def _never_lost(shell: Shell) -> None:
    """A lane of a partition that was lost writes like one that is given back (R7)."""
    lanes, shell._lanes = shell._lanes, {}
    for lane in lanes.values():
        await lane.finish(lost=False)


def _any_lane(shell: Shell, chunk: Any) -> Lane:
    lane = shell._lanes.get(chunk.partition)
    if lane is None:
        stage, end = shell._new_stage(chunk.partition), shell._end(chunk.partition)
        lane = shell._new_lane(shell._around, chunk.partition, chunk.generation, stage, end)
        shell._lanes[chunk.partition] = lane
    return lane


def _ignore(*_: object) -> None:
    """R9 taken out."""


def _notice(watchdog: Any) -> None:
    """The watchdog taken out: it sees that the worker stood still, and lets it go on."""
    if watchdog.stalled() > watchdog._limit:
        watchdog.woken = True


def _reads_no_more(shell: Shell, chunk: Any) -> bool:
    """A woken worker that caught up with the log first would write nothing wrong."""
    shell._around.watchdog.check()
    return getattr(shell._around.watchdog, "woken", False) or _IS_STALE(shell, chunk)


_IS_STALE = Shell._is_stale
_LANES = {"commits-first": CommitsFirst, "partition-state-first": PartitionStateFirst}
_STAGES = {
    "never-skips": NeverSkips,
    "configured-outside": ConfiguredOutside,
    "stands-still": StandsStill,
    "waits": Waits,
    "raises": Raises,
}
_PATCHES: dict[str, list[tuple[type, str, Callable[..., Any]]]] = {
    "last-write-wins": [(Table, "recover", _last_write_wins)],
    "keeps-lanes": [(Shell, "close_lanes", _keep_lanes), (Shell, "_lane", _any_lane)],
    "ignores-failures": [(Producer, "_failed", _ignore)],
    "never-leaves": [
        (Watchdog, "check", _notice),
        (Shell, "_is_stale", _reads_no_more),
        (Shell, "close_lanes", _never_lost),
        (Producer, "_failed", _ignore),
        (Table, "recover", _last_write_wins),
    ],
}


def without(rule: str) -> tuple[type[Counting], type[Lane]]:
    """Stage and lane without a rule; an empty rule takes none out."""
    for owner, name, replacement in _PATCHES.get(rule, []):
        setattr(owner, name, replacement)
    assert not rule or rule in _LANES | _STAGES | _PATCHES, rule
    return _STAGES.get(rule, Counting), _LANES.get(rule, Lane)
