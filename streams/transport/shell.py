"""The shell: carries an agent's chunks to the lane of their partition; closes lanes when partitions go."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

from faust.types.tuples import TP

from runtime.process import leave
from schemas.errors import StateError
from streams.core.stage import Stage
from streams.transport import figures
from streams.transport.chunk import Chunk
from streams.transport.horizon import calendars_left
from streams.transport.lane import Lane, Surroundings

_LOG: Final = logging.getLogger(__name__)
_PAUSE: Final = 0.005
_TURN_S: Final = 0.005
"""After so long the event loop turns."""


class Shell:
    """Runs one agent.

    Args:
        app: the Faust app.
        around: what the lanes share.
        new_stage: makes the stage of a partition.
        new_lane: makes a lane.
    """

    def __init__(
        self,
        app: Any,
        around: Surroundings,
        new_stage: Callable[[int], Stage],
        new_lane: Callable[..., Lane] = Lane,
    ) -> None:
        self._app = app
        self._around = around
        self._new_stage = new_stage
        self._new_lane = new_lane
        self._lanes: dict[int, Lane] = {}
        self._stages: dict[int, Stage] = {}  # of the lanes
        self._ends: dict[int, int] = {}  # of partitions, when their lanes were made
        self._shown: set[str] = set()  # partitions whose lag is shown

    async def run(self, stream: Any) -> None:
        """The body of the Faust agent; any failure ends the process (R9)."""
        try:
            async for chunks in stream.noack():
                await self._take_all(chunks)
        except Exception as failure:  # noqa: BLE001 (Faust would acknowledge the event and go on)
            leave(failure)

    @property
    def has_lanes(self) -> bool:
        """Whether it holds states of this generation."""
        return bool(self._lanes)

    async def close_lanes(self) -> None:
        """Take a last checkpoint of every lane and drop it (R7, R8)."""
        member = self._app.consumer.is_member()
        if not member and self._lanes:
            _LOG.warning("%s: the group went on without us, our last work is dropped", self._around.agent)
        while self._shown:
            figures.LAG.remove(self._around.agent, self._shown.pop())
        lanes, self._lanes, self._stages = self._lanes, {}, {}
        await asyncio.gather(*(lane.finish(lost=not member) for lane in lanes.values()))

    def calendars_left(self) -> dict[str, int]:
        """How long each calendar in use still is, in ns of event time."""
        return calendars_left(self._stages.values())

    def update_lag(self) -> None:
        """Show how far each partition that is ours is behind."""
        for tp in self._app.consumer.assignment():
            if tp.topic == self._around.topic:
                lane = self._lanes.get(tp.partition)
                read = lane.next if lane is not None else self._app.consumer.next_offset(tp)
                lag = figures.LAG.labels(self._around.agent, str(tp.partition))
                lag.set(max(self._end(tp.partition) - read, 0))
                self._shown.add(str(tp.partition))

    async def _take_all(self, chunks: Sequence[Chunk]) -> None:
        """Apply chunks one after the other; what short ones put out goes in one request."""
        since = monotonic()
        for chunk in chunks:
            await self._take(chunk)
            if monotonic() > since + _TURN_S:
                await asyncio.sleep(0)
                since = monotonic()

    async def _take(self, chunk: Chunk) -> None:
        applied = not self._is_stale(chunk) and await self._apply(chunk)
        figures.chunks(self._around.agent, "applied" if applied else "dropped").inc()
        if applied:
            chunk.release()

    async def _apply(self, chunk: Chunk) -> bool:
        """Apply a chunk when there is room for what follows from it; not where it is stale by then."""
        while self._around.sender.outstanding > self._around.settings.outstanding:  # noqa: ASYNC110 (acknowledgements lower it)
            await asyncio.sleep(_PAUSE)
        if chunk.partition not in self._lanes:
            await self._ask_end(chunk.partition)
        return not self._is_stale(chunk) and await self._lane(chunk).apply(
            chunk, lambda: self._is_stale(chunk)
        )

    def _is_stale(self, chunk: Chunk) -> bool:
        """Whether the partition may be another worker's by now (R6), or the lanes close; it is read again."""
        app = self._app
        other = app.rebalancing or chunk.generation != app.consumer_generation_id
        return bool(other or not app.flow_control.is_active())

    def _lane(self, chunk: Chunk) -> Lane:
        """The lane of a chunk, a new one in a new generation (R8)."""
        partition = chunk.partition
        lane = self._lanes.get(partition)
        if lane is None:
            stage, end = self._new_stage(partition), self._ends.get(partition, 0)
            committed = self._app.consumer.committed_at(chunk.tp)
            lane = self._new_lane(self._around, partition, chunk.generation, stage, end, committed)
            self._lanes[partition], self._stages[partition] = lane, stage
        if lane.generation != chunk.generation:
            raise StateError(
                f"a lane must serve one generation, {lane.generation}, was {chunk.generation!r} "
                f"({chunk.topic} {partition})"
            )
        return lane

    async def _ask_end(self, partition: int) -> None:
        """Ask the broker where a partition ends: what was last fetched may be older than a state."""
        tp = TP(self._around.topic, partition)
        self._ends[partition] = int((await self._app.consumer.highwaters(tp)).get(tp) or 0)

    def _end(self, partition: int) -> int:
        """Offset of the next record to be written to the agent's topic, 0 where it is not known yet."""
        return int(self._app.consumer.highwater(TP(self._around.topic, partition)) or 0)
