"""The negative controls: each takes one rule out of the worker, and the test of it must then find faults."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from faust.tables.recovery import Recovery as _Recovery
from faust.types.tuples import TP

from runtime.sending.sender import Sender
from schemas.batches.frames import Frames
from schemas.batches.wire import packed
from streams.core.stage import PARTITION_KEY
from streams.transport import crash
from streams.transport import lane as lane_file
from streams.transport.chunk import Chunk
from streams.transport.coverage import COVERAGE_KEY, coverage
from streams.transport.lane import Lane
from streams.transport.recovery import Recovery
from streams.transport.shell import Shell
from streams.transport.stored import Stored
from streams.transport.watchdog import Watchdog
from tests.faults.counting import Counting
from tests.faults.stages import STAGES

_LOG = logging.getLogger(__name__)
_build_highwaters = Recovery._build_highwaters
_take = Shell._take
_late: dict[int, "asyncio.Task[None]"] = {}  # by partition
_told: list[asyncio.Event] = []


class CommitsFirst(Lane):
    """R4: commits the offsets before outputs and states are safe."""

    async def _checkpoint(self) -> None:
        for chunk in self._pending:
            chunk.acked = True
        await self._around.table.app.consumer.force_commit()
        await super()._checkpoint()


class PartitionStateFirst(Lane):
    """R10: writes the partition's state before those of the symbols."""

    async def _make_durable(self, states: Any, end: int) -> None:
        await self._reach("after-outputs")
        self._put({key: state for key, state in states.items() if key == PARTITION_KEY})
        await self._reach("after-partition-state")
        if crash.wanted("between-states"):
            crash.now()
        self._put({key: state for key, state in states.items() if key != PARTITION_KEY})
        self._put({COVERAGE_KEY: coverage(end, self._around.table.stored(self._partition))})
        await self._reach("after-states")


class SavesLate(Lane):
    """The last states take their time: no rule is broken."""

    async def _make_durable(self, states: Any, end: int) -> None:
        if self._finished:
            await asyncio.sleep(0.3)
        await super()._make_durable(states, end)


class WaitsForRebalance(Lane):
    """The last work is done when another worker joins: no rule is broken."""

    async def checkpoint(self) -> None:
        while self._finished and self._pending and not self._around.table.app.rebalancing:  # noqa: ASYNC110 (Faust has no event for it)
            await asyncio.sleep(0.05)
        if self._finished:
            await asyncio.sleep(0.5)  # it is revoked meanwhile
        await super().checkpoint()


def _last_write_wins(stored: Stored, frames: Frames) -> None:
    """R12 taken out."""
    stored._take(frames.data, packed(frames.keys), packed(frames.values), newer=False)


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
        stage, end = shell._new_stage(chunk.partition), shell._ends.get(chunk.partition, 0)
        lane = shell._new_lane(shell._around, chunk.partition, chunk.generation, stage, end, 0)
        shell._lanes[chunk.partition] = lane
    return lane


def _stale_by_group(shell: Shell, chunk: Any) -> bool:
    """What came before lanes close makes new ones."""
    return bool(shell._app.rebalancing or chunk.generation != shell._app.consumer_generation_id)


async def _take_as_lanes_close(shell: Shell, chunk: Chunk) -> None:
    """SIGTERM comes before what adds to work that is not safe yet; its turn comes when the lanes close."""
    lane = shell._lanes.get(chunk.partition)
    if lane is not None and lane._pending and shell._app.flow_control.is_active():
        os.kill(os.getpid(), signal.SIGTERM)
        while shell._lanes:  # noqa: ASYNC110 (nothing tells when they close)
            await asyncio.sleep(0)
    await _take(shell, chunk)


def _never_stale(_: Shell, __: Any) -> bool:
    """R6 taken out."""
    return False


def _restores(times: int) -> Callable[..., Any]:
    """States are restored so often; after that it takes for ever, and nothing may break."""
    left = iter(range(times))

    async def build(recovery: Recovery, *args: Any) -> None:
        if args[-1] == "active" and next(left, None) is None:
            _LOG.info("restoring, for ever")
            await asyncio.Event().wait()
        await _build_highwaters(recovery, *args)

    return build


async def _take_late(shell: Shell, chunk: Chunk) -> None:
    """A chunk of each partition stays on its way until SIGUSR1; by then the partition may be another's."""
    if not chunk.start or chunk.partition in _late:
        await _take(shell, chunk)
        return
    told = asyncio.Event()
    _late[chunk.partition] = asyncio.create_task(_take_when_told(shell, chunk, told))
    _told.append(told)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: [one.set() for one in _told])


async def _take_when_told(shell: Shell, chunk: Chunk, told: asyncio.Event) -> None:
    await told.wait()
    if TP(shell._around.topic, chunk.partition) not in shell._app.consumer.assignment():
        await _take(shell, chunk)


async def _seek_first(recovery: Recovery, generation_id: int = 0) -> None:
    """The queues are emptied after the seek, when they hold what was fetched since."""
    await _Recovery.on_recovery_completed(recovery, generation_id)
    recovery.app.restored = True
    control = recovery.app.flow_control
    while not any(queue.qsize() for queue in control._queues):  # noqa: ASYNC110 (before the agent looks)
        await asyncio.sleep(0)
    control.clear()


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
_LANES = {
    "commits-first": CommitsFirst,
    "partition-state-first": PartitionStateFirst,
    "waits-for-rebalance": WaitsForRebalance,
    "leaves-amid-its-work": SavesLate,
    "goes-on-while-it-leaves": SavesLate,
}


def _trusts(states: Any, *_: object) -> dict[bytes, bytes]:
    """Takes a changelog for whole."""
    return {key: state for key, state in states.items() if key != COVERAGE_KEY}


_OLD_STATES: list[tuple[Any, str, Callable[..., Any]]] = [
    (Stored, "recover", _last_write_wins),
    (lane_file, "covered", _trusts),
]
_PATCHES: dict[str, list[tuple[Any, str, Callable[..., Any]]]] = {
    "trusts-changelog": [(lane_file, "covered", _trusts)],
    "commits-first": [(lane_file, "covered", _trusts)],
    "last-write-wins": _OLD_STATES,
    "keeps-lanes": [(Shell, "close_lanes", _keep_lanes), (Shell, "_lane", _any_lane)],
    "takes-late": [(Shell, "_take", _take_late), *_OLD_STATES],
    "takes-stale": [
        (Shell, "_take", _take_late),
        *_OLD_STATES,
        (Shell, "_is_stale", _never_stale),
        (Shell, "_lane", _any_lane),
    ],
    "restores-never": [(Recovery, "_build_highwaters", _restores(0))],
    "restores-once": [(Recovery, "_build_highwaters", _restores(1))],
    "leaves-amid-its-work": [(Shell, "_take", _take_as_lanes_close)],
    "goes-on-while-it-leaves": [
        (Shell, "_take", _take_as_lanes_close),
        (Shell, "_is_stale", _stale_by_group),
    ],
    "seeks-first": [(Recovery, "on_recovery_completed", _seek_first)],
    "ignores-failures": [(Sender, "_fail", _ignore)],
    "never-leaves": [
        (Watchdog, "check", _notice),
        (Shell, "_is_stale", _reads_no_more),
        (Shell, "close_lanes", _never_lost),
        (Sender, "_fail", _ignore),
        *_OLD_STATES,
    ],
}


def without(rule: str) -> tuple[type[Counting], type[Lane]]:
    """Stage and lane without a rule; an empty rule takes none out."""
    for owner, name, replacement in _PATCHES.get(rule, []):
        assert hasattr(owner, name), f"{owner.__name__}.{name} must be there to be replaced"
        setattr(owner, name, replacement)
    assert not rule or rule in _LANES | STAGES | _PATCHES, rule
    return STAGES.get(rule, Counting), _LANES.get(rule, Lane)
