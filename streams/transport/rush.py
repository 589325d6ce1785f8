"""When everybody waits: what one lane put out is on its way to the next, as at the close of a minute.

A checkpoint copies states, which stops the steps for a moment. One that is due lets such a rush pass first::

    ticks.raw -> ticks -> bars.raw -> bars -> bars.1m -> analytics -> signals
                     noted          noted                      over        the checkpoint

It waits for ``MOST_S`` at most, so a rush without end only makes checkpoints that much rarer. Those of all
lanes begin together; in each turn of the loop one of them copies or writes, so that records have theirs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

HOP_S: Final = 0.02
"""What has been on its way for so long has arrived."""
MOST_S: Final = 0.1
"""A checkpoint waits so long at most."""


class Rush:
    """What is on its way between the lanes of this process."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._topics: set[str] = set()
        self._last = -MOST_S

    def follow(self, topic: str) -> None:
        """Lanes of this process read that topic."""
        self._topics.add(topic)

    def note(self, topic: str) -> None:
        """A lane put something out."""
        if topic in self._topics:
            self._last = monotonic()

    async def over(self) -> None:
        """Return when nothing is on its way, or it takes too long."""
        latest = monotonic() + MOST_S
        while (now := monotonic()) < min(self._last + HOP_S, latest):  # noqa: ASYNC110 (time alone ends it)
            await asyncio.sleep(min(self._last + HOP_S, latest) - now)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Held by the checkpoint that copies or writes states; the next one has it a turn later."""
        async with self._turn:
            yield
            await asyncio.sleep(0)  # many are due at the same instant, and would all come before what waits
