"""The consumer: per partition one chunk at a time, in order and without holes, committed in whole chunks.

Faust's consumer hands on single records and remembers each until it is acknowledged. This one hands on one
chunk of a partition as soon as the step on the one before is done (``Chunk.release``), in one event with
those of the topic's other partitions that came meanwhile; what is fetched until then becomes one chunk, so a
busy worker gets larger ones. What may be committed is the end of the acknowledged chunks.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from aiokafka.consumer.group_coordinator import OffsetCommitRequest
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from runtime.process import leave
from schemas.errors import StateError
from streams.transport import crash, fetcher
from streams.transport.batches import Fetch
from streams.transport.chunk import Chunk
from streams.transport.fetcher import Fetcher
from streams.transport.library import library_log

_LOG: Final = logging.getLogger(__name__)
_FETCH_WAIT_MS: Final = 100
_TURN_S: Final = 1.0


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust has no types
    """The thread that keeps this worker in the group, whatever its steps take."""

    logger = library_log

    def _create_worker_consumer(self, transport: Any) -> Any:
        fetcher.install(self.parent_loop, leave)
        consumer = super()._create_worker_consumer(transport)
        # A fetch in flight blocks its broker: a partition that has room again must not wait 1.5 s for quiet
        # ones. Faust has no settings for these two.
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS  # noqa: SLF001 (as above)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 (as above)
        return consumer

    @property
    def fetcher(self) -> Fetcher:
        """Of the consumer, once it is started."""
        found: Fetcher = self._ensure_consumer()._fetcher  # noqa: SLF001 (Faust does the same)
        return found

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to the committed offsets."""
        with self.fetcher.halted():
            found: Mapping[TP, int] = await super().seek_to_committed()
        return found

    async def seek_to_beginning(self, *partitions: Any) -> None:
        """Go to the first offsets."""
        with self.fetcher.halted():
            await super().seek_to_beginning(*partitions)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to offsets."""
        with self.fetcher.halted():
            await super().seek_wait(partitions)

    def is_member(self) -> bool:
        """Whether the group still counts us in; one that was away for too long is no member any more."""
        generation = self._ensure_consumer()._coordinator.generation  # noqa: SLF001 (Faust does the same)
        return bool(generation != OffsetCommitRequest.DEFAULT_GENERATION_ID)


class Consumer(driver.Consumer):  # type: ignore[misc]  # Faust has no types
    """Hands on chunks and commits whole ones."""

    logger = library_log

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._chunks: dict[TP, deque[Chunk]] = defaultdict(deque)  # handed on, not yet committable, in order
        self._held: dict[TP, Chunk] = {}  # the last one handed on
        self._next: dict[TP, int] = {}  # where the next chunk of an input partition must begin
        self._news = asyncio.Event()  # something was fetched or released since it was last asked for
        self._committed: dict[TP, int] = {}  # where the group was when the partition was given to us

    def is_member(self) -> bool:
        """Whether the group still counts this worker in."""
        return bool(self._thread.is_member())

    def next_offset(self, tp: TP) -> int:
        """Offset at which the next chunk of an input partition must begin; 0 where nothing is committed."""
        return self._next.get(TP(*tp), 0)

    def committed_at(self, tp: TP) -> int:
        """Offset that the group had committed when the partition was given to us; 0 for none."""
        return self._committed.get(TP(*tp), 0)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand chunks to the agents; Faust's own loop begins several tasks for each."""
        while not (self.should_stop or fetcher.should_stop):
            async for _, event in self.getmany(_TURN_S):
                if self.app.flow_control.is_active():
                    await self.callback(event)  # it waits for nothing then: no queue holds two of a partition
                else:
                    await self.wait_first(self.callback(event), self.suspend_flow.wait())
                self._read_offset.update({chunk.tp: chunk.end - 1 for chunk in event.value})
            await asyncio.sleep(0)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 (Faust's face)
        """Chunks of the partitions whose last chunk is done with, those of an input topic in one event.

        What arrives while the flow is stopped or in another generation is dropped: whoever stopped it seeks.
        """
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        found = self._take()
        if not found:
            await self._hear(timeout)
            if not self.flow_active:
                return
            found = self._take()
        generation = self.app.consumer_generation_id  # that of what was taken: older fetches are forgotten
        for partitions in found.values():
            chunks = []
            for tp, fetches in partitions.items():
                if not self._may_go_on(generation):
                    return
                if (start := await self._begin(tp, fetches)) is not None:
                    chunks.append(Chunk(tp.topic, tp.partition, generation, fetches, start, self._news.set))
            if not self._may_go_on(generation):
                return
            if chunks:
                event = self._event(chunks)
                yield event.tp, event

    def _may_go_on(self, generation: int) -> bool:
        """Whether what was taken in a generation may be handed on."""
        is_same = self.app.consumer_generation_id == generation
        return bool(is_same and self.flow_active and not self.should_stop)

    def _take(self) -> Mapping[object, Mapping[TP, Sequence[Fetch]]]:
        """What was fetched for partitions that may be handed on, by what goes in one event."""
        active, source = self._get_active_partitions(), self._thread.fetcher
        source.wanted, source.wake = active, self._news.set
        self._news.clear()
        found: dict[object, dict[TP, Sequence[Fetch]]] = defaultdict(dict)
        for tp, fetches in source.take(lambda tp: tp in active and self._is_done(tp)).items():
            # Of a changelog much comes at once, and the loop turns between two events.
            found[tp if self._is_changelog_tp(tp) else tp.topic][TP(*tp)] = fetches
        if not found and all(chunk.released for chunk in self._held.values()):
            source.idle.set()
        return found

    def _is_done(self, tp: TP) -> bool:
        """Whether the next chunk of a partition may be handed on."""
        held = self._held.get(tp)
        return held is None or held.released

    async def _hear(self, most: float) -> None:
        alarm = asyncio.get_running_loop().call_later(most, self._news.set)  # a timeout takes thrice as long
        try:
            await self._news.wait()
        finally:
            alarm.cancel()

    async def _begin(self, tp: TP, fetches: Sequence[Fetch]) -> int | None:
        """First offset of fetches that counts; None where they must not be handed on."""
        start = fetches[0].start
        wanted = self._next.get(tp, start)
        if fetches[-1].end <= wanted:
            return None
        if start > wanted:
            earliest = (await self.earliest_offsets(tp))[tp]
            if earliest is None or earliest <= wanted:
                _LOG.warning("%s: fetched from %d instead of %d, reading again", tp, start, wanted)
                await self.seek(tp, wanted)
                return None
            _LOG.error("%s: the broker deleted offsets %d to %d before they were read", tp, wanted, earliest)
        return max(wanted, start)

    def _event(self, chunks: Sequence[Chunk]) -> ConsumerMessage:
        """One event of Faust, with partition and last offset of its first chunk."""
        for chunk in chunks:
            self._held[chunk.tp] = chunk
            if not self._is_changelog_tp(chunk.tp):
                self._chunks[chunk.tp].append(chunk)
                self._next[chunk.tp] = chunk.end
        first = chunks[0]
        return ConsumerMessage(
            first.topic, first.partition, first.end - 1, 0.0, 0, (), None, chunks, None, 0, 0,
            first.tp, generation_id=first.generation,
        )  # fmt: skip

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._chunks) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        """End of the acknowledged chunks at the head of a partition; None when there is none."""
        chunks, end = self._chunks[tp], None
        while chunks and chunks[0].acked:
            end = chunks.popleft().end
        return end

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        if crash.wanted("before-commit"):
            crash.now()
        return bool(await super()._commit(offsets))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the shell finish (R7), then forget the partitions."""
        await super().on_partitions_revoked(revoked)
        self._forget(revoked)

    async def perform_seek(self) -> None:
        """Go to the committed offsets, or to the beginning where there is none, and nowhere else."""
        self._forget(set(self._chunks) | set(self._held) | set(self._next))
        await super().perform_seek()
        inputs = [tp for tp in self.assignment() if not self._is_changelog_tp(tp)]
        fresh = [tp for tp in inputs if not self._read_offset[tp]]  # Faust skips these
        if fresh:
            await self._thread.seek_to_beginning(*(driver.ensure_aiokafka_TPset(fresh)))
            self._next.update({TP(*tp): first for tp, first in (await self.earliest_offsets(*fresh)).items()})
        self._committed = {tp: self._read_offset[tp] for tp in inputs if tp not in fresh}
        self._next.update(self._committed)
        self._thread.fetcher.forget_stale()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust asks when a partition came last, and hears of one of each event; lag and alerts say it."""

    async def crash(self, reason: BaseException) -> None:
        """Leave at once: a consumer that failed must not go on half-way (R9)."""
        leave(reason)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _forget(self, tps: Iterable[TP]) -> None:
        for tp in tps:
            self._chunks.pop(tp, None)
            self._held.pop(tp, None)
            self._next.pop(tp, None)


def expect_contiguous(tp: TP, seen: int | None, chunk: Chunk) -> None:
    """Check that a chunk of a changelog follows what was read of it.

    Raises:
        StateError: records between were not seen.
    """
    if seen is not None and seen >= 0 and chunk.start > seen + 1:
        raise StateError(
            f"changelog {tp.topic} {tp.partition} must be read from {seen + 1}, was {chunk.start!r}"
        )
