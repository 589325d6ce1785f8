"""A lane: one agent on one partition in one generation of the group. It owns the stage and its checkpoints.

::

    chunks   ─ step ─ step ─ step ─ step ─ step ─ step ─ step ─►       the steps never wait
                          ╲                   ╲
    checkpoint             border              border                  beside them, one at a time:
                             outputs acked       ...
                               symbol states acked
                                 partition state acked
                                   chunks acked, committed soon after

The border lies between two steps: there the dirty states are copied, and the chunks up to it are those that
this checkpoint makes safe.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic, thread_time, time
from typing import Any, Final

from runtime.headers import headers
from runtime.process import leave
from runtime.sending.sender import Sender
from schemas.batches.builder import header_block
from schemas.batches.frames import Frames
from schemas.errors import StateError
from streams.core.slots import offset_of
from streams.core.stage import PARTITION_KEY, Stage, Waiting
from streams.core.states import States
from streams.transport import crash, figures
from streams.transport.announcer import ANNOUNCING, Announcer
from streams.transport.chunk import Chunk
from streams.transport.codec import Codec
from streams.transport.coverage import COVERAGE_KEY, coverage, covered
from streams.transport.pace import Pace
from streams.transport.rush import Rush
from streams.transport.settings import WorkerSettings
from streams.transport.table import Table
from streams.transport.watchdog import Watchdog

_FIRST: Final = 256  # records of a lane's first step
_TURN_S: Final = 0.005
"""After a step that took longer the event loop turns; a turn costs as much as a small step."""
_SHORT_S: Final = 0.05
_BESIDE: Final = 0.125  # of the interval after its whole multiples by the wall clock; no result depends on it
_PART: Final = 2_000  # states written in one go
_LONG_S: Final = 0.25  # a fraction of what the watchdog allows, however slow the machine


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What all lanes of an agent share.

    Attributes:
        agent: the agent's stem.
        topic: its input topic.
        table: its states.
        sender: of the process (R11).
        codec: of the process.
        watchdog: of the process.
        settings: of the process.
        rush: of the process.
        pace: of the process.
    """

    agent: str
    topic: str
    table: Table
    sender: Sender
    codec: Codec
    watchdog: Watchdog
    settings: WorkerSettings
    rush: Rush
    pace: Pace


class _LostError(Exception):
    """The partition went to another worker while a checkpoint was on its way."""


class Lane:
    """Runs a stage over the chunks of one partition.

    Attributes:
        generation: of the group; the lane is of no use in another one (R8).
        next: offset after the last record that was applied.

    Args:
        around: what it shares with the other lanes of the agent.
        partition: number of the partition.
        generation: of the group.
        stage: a new stage, restored here.
        end: offset of the next record to be written to the input partition, 0 where it is not known.
        committed: offset that the group committed, 0 for none.

    Raises:
        StateError: a saved state is ahead of the input topic, or the changelog lost some.
    """

    def __init__(
        self, around: Surroundings, partition: int, generation: int, stage: Stage, end: int, committed: int
    ) -> None:
        self.generation = generation
        self.next = 0
        self._lost = False
        self._finished = False
        self._around = around
        self._partition = partition
        self._stage = stage
        self._waiting = stage if isinstance(stage, Waiting) else None
        self._pending: list[Chunk] = []
        self._records = 0
        self._spent = 0.0  # seconds of CPU that the last checkpoint took of the event loop
        self._size = min(_FIRST, around.settings.step_records)
        self._due = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._in_step = asyncio.Lock()
        where = f"{around.agent}, partition {partition}"
        states = covered(around.table.stored(partition).states(), committed, where)
        _check_not_ahead(states, end, where)
        stage.restore(states)
        self._announcer = Announcer(around.sender.flush, self._send)
        self._task = asyncio.create_task(self._checkpoints())

    async def apply(self, chunk: Chunk, is_stale: Callable[[], bool]) -> bool:
        """Apply a chunk in steps; it becomes safe with a later checkpoint.

        Args:
            chunk: what came.
            is_stale: whether the partition may be another worker's by now; asked between steps (R6).

        Returns:
            Whether all of it was applied; the rest is read again otherwise, and what was applied is skipped.
        """
        around = self._around
        self.next = chunk.start
        with figures.DURATIONS.time(f"{around.agent}.frame"):
            frames = chunk.frames()
        at = 0
        while at < len(frames) or at == 0:
            if self._finished or is_stale():
                return False
            part = frames.cut(at, at + self._size)
            start = monotonic()
            await self._step(chunk, part)
            at += self._size
            took = monotonic() - start
            self._fit(took)
            if took > _TURN_S or at < len(frames):
                await asyncio.sleep(0)
        self.next = chunk.end
        self._pending.append(chunk)
        return True

    def _fit(self, took: float) -> None:
        """Take fewer records a step where one took long, more where it was short; no result depends on it."""
        if took > _LONG_S:
            self._size = max(self._size // 4, 1)
        elif took < _SHORT_S:
            self._size = min(self._size * 2, self._around.settings.step_records)

    async def _step(self, chunk: Chunk, part: Frames) -> None:
        around = self._around
        with figures.DURATIONS.time(f"{around.agent}.decode"):
            batch = around.codec.decode(chunk.topic, part, chunk.partition)
        async with self._in_step:
            with figures.DURATIONS.time(f"{around.agent}.step"):
                # What may wait for code that is not ours waits in a thread: the loop has others to carry.
                step, apart = self._stage.step, self._waiting is not None and self._waiting.waits
                outputs = await asyncio.to_thread(step, batch) if apart else step(batch)
            if self._lost:
                return
            with figures.DURATIONS.time(f"{around.agent}.send"):
                for topic, columns in outputs.topics.items():
                    (self._announcer.hold if topic in ANNOUNCING else self._send)(topic, columns)
        figures.count(around.agent, outputs.counts)
        self._records += len(batch)
        if self._records >= around.settings.checkpoint_records:
            self._due.set()

    async def checkpoint(self) -> None:
        """Make everything up to the last step safe (R4); any failure ends the process (R9)."""
        try:
            async with self._one_at_a_time:
                if self._pending and not self._lost:
                    await self._checkpoint()
        except _LostError:
            self._pending.clear()
        except Exception as failure:  # noqa: BLE001 (whatever it is, nothing may be committed after it)
            leave(failure)

    async def finish(self, *, lost: bool) -> None:
        """Stop: after a last checkpoint (R7), or writing no more where the partition is lost already."""
        self._lost, self._finished = lost, True
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.checkpoint()
        self._around.pace.forget(self)
        await self._announcer.close()

    async def _checkpoint(self) -> None:
        agent = self._around.agent
        async with self._around.rush.turn(), self._in_step:  # the border lies between two steps
            chunks, self._pending, self._records = self._pending, [], 0
            start, sending = thread_time(), self._sending
            states = States.of(self._stage.take_dirty())
            self._spent = thread_time() - start
        with figures.DURATIONS.time(f"{agent}.checkpoint"):
            await self._make_durable(states, chunks[-1].end)
        self._around.pace.note(self, self._spent + self._sending - sending)
        for chunk in chunks:
            chunk.acked = True
        figures.CHECKPOINTS.labels(agent).inc()
        figures.STATES.labels(agent).inc(len(states))

    async def _make_durable(self, states: States, end: int) -> None:
        """Outputs, then the states of symbols, then the partition's, each acknowledged before the next."""
        await self._announcer.release()
        await self._reach("after-outputs")
        count = len(states)
        if count and states.key(count - 1) == PARTITION_KEY:
            count -= 1
        await self._put_in_parts(states, 0, count // 2)
        if crash.wanted("between-states"):
            await self._reach("between-states")
            crash.now()
        await self._put_in_parts(states, count // 2, count)
        await self._reach("after-states")
        self._put(states.part(count, len(states)))
        self._put({COVERAGE_KEY: coverage(end, self._around.table.stored(self._partition))})
        await self._reach("after-partition-state")

    async def _reach(self, place: str) -> None:
        """Everything sent so far has arrived."""
        await self._around.sender.flush()
        if crash.wanted(place):
            crash.now()

    async def _put_in_parts(self, states: States, first: int, last: int) -> None:
        """Write states from one up to another one; of many the event loop gets its turn in between."""
        for at in range(first, last, _PART):
            async with self._around.rush.turn():
                self._put(states.part(at, min(at + _PART, last)))

    def _put(self, states: Mapping[bytes, bytes]) -> None:
        self._around.watchdog.check()  # a woken worker must not write
        if self._lost:
            raise _LostError
        start = thread_time()
        self._around.table.put(self._around.sender, self._partition, states)
        self._spent += thread_time() - start

    @property
    def _sending(self) -> float:
        """Seconds of CPU in which batches of states were made so far."""
        around = self._around
        return around.sender.spent(around.table.changelog_topic_name, self._partition)

    def _send(self, topic: str, columns: Any) -> None:
        around, records = self._around, self._around.codec.encode(columns)
        made_by = header_block(headers(around.agent) if columns.topic.has_headers else ())
        around.sender.send_all(topic, records, partition=self._partition, headers=made_by)
        around.rush.note(topic)
        figures.outputs(around.agent, topic).inc(len(records))

    async def _checkpoints(self) -> None:
        interval = self._around.settings.checkpoint_ms / 1_000
        while True:
            await asyncio.sleep(self._around.pace.rest)
            with contextlib.suppress(TimeoutError):
                # All lanes at the same instants, so that they share the sender's three flushes; beside the
                # whole quarters of a second, at which each symbol puts out its forming bar.
                await asyncio.wait_for(self._due.wait(), interval - (time() - _BESIDE * interval) % interval)
            self._due.clear()
            await self._around.rush.over()
            if not self._pending:
                self._around.pace.forget(self)  # what is quiet keeps nobody waiting
            await asyncio.shield(self.checkpoint())


def _check_not_ahead(states: Mapping[bytes, bytes], end: int, where: str) -> None:
    newest = max((offset_of(state) for state in states.values()), default=-1)
    if 0 < end <= newest:
        raise StateError(
            f"saved state must not be ahead of its topic, was of offset {newest!r} ({where}; the topic ends "
            f"at {end}: was it created anew? then its changelog must be as well)"
        )
