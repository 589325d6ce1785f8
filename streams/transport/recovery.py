"""Recovery: changelogs read in chunks, and an end of recovery that loses nothing.

Faust seeks to the committed offsets, then clears the queues: what was delivered in between is gone while the
read position is past it. Here the queues are emptied first.
"""

import asyncio
from time import monotonic

from faust.tables.manager import TableManager as _TableManager
from faust.tables.recovery import Recovery as _Recovery
from mode import Service

from runtime.process import leave
from streams.transport.chunk import Chunk
from streams.transport.consumer import expect_contiguous
from streams.transport.library import library_log

_POLL: float = 0.5
_TURNS = 5


class Recovery(_Recovery):  # type: ignore[misc]  # Faust has no types
    """Reads the changelogs of the partitions that were assigned."""

    logger = library_log

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Empty the queues before the seek; Faust does it after."""
        self.app.consumer.stop_flow()
        self.app.flow_control.suspend()
        for _ in range(_TURNS):  # let what is on its way arrive
            await asyncio.sleep(0)
        self.app.flow_control.clear()
        await super().on_recovery_completed(generation_id)
        self.app.restored = True

    def _set_recovery_started(self) -> None:
        """Forget the last end here: Faust forgets it while reading, and may miss the new one."""
        super()._set_recovery_started()
        self.signal_recovery_end.clear()

    @Service.task  # type: ignore[untyped-decorator]  # Faust has no types
    async def _slurp_changelogs(self) -> None:
        queue = self.tables.changelog_queue
        while not self.should_stop:
            try:
                event = await asyncio.wait_for(queue.get(), _POLL)
            except TimeoutError:
                event = None
            try:
                for chunk in event.value if event is not None else ():
                    self._take(chunk)
            except Exception as failure:  # noqa: BLE001 (a state that cannot be read must not be passed over)
                leave(failure)
            if self.in_recovery and not self.need_recovery():
                self._set_recovery_ended()
                self.signal_recovery_end.set()

    def _take(self, chunk: Chunk) -> None:
        """Apply a chunk of a changelog."""
        tp = chunk.tp
        if tp in self.active_tps:
            seen = self.active_offsets.get(tp)
            expect_contiguous(tp, seen, chunk)
            self.tp_to_table[tp].stored(tp.partition).recover(chunk.frames())
            self.active_offsets[tp] = max(chunk.end - 1, -1 if seen is None else seen)
            self._active_events_received_at[tp] = monotonic()
        chunk.release()


class TableManager(_TableManager):  # type: ignore[misc]  # Faust has no types
    """Tables with our recovery."""

    logger = library_log

    _recovery: Recovery | None

    @property
    def recovery(self) -> Recovery:
        """The recovery of all tables."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
