"""Announcements: a record that tells of others is sent when those have arrived, not merely after them.

Topics and partitions are acknowledged each by itself, so the order of sending says nothing to a reader of two
of them. ``ready`` promises that the values of its bar are out; it waits here until the broker has them::

    step      bars.5m, indicators sent ......... acknowledged
              ready held                                    ready sent
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from runtime.process import leave
from schemas.topics import TOPICS

ANNOUNCING: Final = frozenset(name for name, topic in TOPICS.items() if topic.announces)
"""Topics whose records tell of those of others."""


class Announcer:
    """Holds the announcements of one lane until what they tell of has arrived.

    Args:
        flush: returns when everything sent before has arrived.
        send: sends the columns of a topic.
    """

    def __init__(self, flush: Callable[[], Awaitable[None]], send: Callable[[str, Any], None]) -> None:
        self._flush = flush
        self._send = send
        self._held: list[tuple[str, Any]] = []
        self._one_at_a_time = asyncio.Lock()
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def hold(self, topic: str, columns: Any) -> None:
        """Announce what was sent up to now; announcements keep their order."""
        self._held.append((topic, columns))
        self._news.set()

    async def release(self) -> None:
        """Return when everything held so far is sent.

        Raises:
            DeliveryError: what was to be announced did not arrive.
        """
        async with self._one_at_a_time:
            held, self._held = self._held, []
            if held:
                await self._flush()
            for topic, columns in held:
                self._send(topic, columns)

    async def close(self) -> None:
        """End; what is still held is dropped, as it belongs to work that was not made safe."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._held.clear()

    async def _run(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self.release()
        except Exception as failure:  # noqa: BLE001 (what was sent did not arrive: nothing may be committed)
            leave(failure)
