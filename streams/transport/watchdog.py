"""The watchdog: a worker that stood still for too long leaves, since its partitions may be somebody else's.

A frozen process (SIGSTOP, a swapped-out machine, a step without end) does not know that it lost its
partitions. Half the session timeout is the most it may stand still: the delivery timeout is below the session
timeout, so nothing that it sent before can arrive after another worker has taken over.
"""

import asyncio
import threading
from time import monotonic

from runtime.process import leave

_BEAT = 0.1


class Watchdog:
    """Ends the process when the event loop stood still.

    Args:
        limit: seconds.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._last = 0.0

    async def run(self) -> None:
        """Beat in the loop, watch from a thread; runs until it is cancelled."""
        self._last = monotonic()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        while True:
            self.check()
            self._last = monotonic()
            await asyncio.sleep(_BEAT)

    def check(self) -> None:
        """Leave if the loop stood still; also called before states are written."""
        if self.stalled() > self._limit:
            leave(f"the event loop must turn every {self._limit:g} s, was still for {self.stalled():.1f}")

    def stalled(self) -> float:
        """Seconds since the loop last turned; 0 before it runs."""
        return monotonic() - self._last if self._last else 0.0

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._limit / 4):
            self.check()
