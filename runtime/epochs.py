"""Epochs of a producer: the records between two waits, and how many of them came back.

::

    sender   sent sent sent │ wait │ sent sent │ wait │ sent
    slot             0                   1               2           a ring: oldest done, first taken again
    due              3                   2              -1
    acked            3                   1               0           counted by a kernel, without the GIL
"""

import threading
from typing import Final

import numpy as np

from schemas.batches.wire import Ints

_OPEN: Final = -1


class Epoch:
    """Records between two waits.

    Attributes:
        slot: where they are counted.
        done: set when all came back.
    """

    __slots__ = ("done", "slot")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.done = threading.Event()


class Epochs:
    """All epochs that are not done. Some threads send and close, another counts and settles.

    Attributes:
        sending: held while records are handed over and counted as sent.
        acked: int64[slots], records that came back; written by the counting thread.
        due: int64[slots], records that were sent, -1 while more may come; written by those that send.
        sent: records of the epoch that is open.

    Args:
        slots: most epochs at a time.
    """

    def __init__(self, slots: int) -> None:
        self.acked: Ints = np.zeros(slots, np.int64)
        self.due: Ints = np.full(slots, _OPEN, np.int64)
        self.sending = threading.Lock()
        self.sent = 0
        self._closed: tuple[Epoch, ...] = ()
        self._open = Epoch(0)

    @property
    def slot(self) -> int:
        """Where records that are sent now are counted."""
        return self._open.slot

    def close(self) -> tuple[tuple[Epoch, ...], bool]:
        """Let no more records into the open one.

        Returns:
            Those that are not done, oldest first; and whether what was sent is among them: with every slot
            taken it is not, and the caller asks again when those are done.
        """
        with self.sending:
            return self._close()

    def _close(self) -> tuple[tuple[Epoch, ...], bool]:
        self.settle()
        waiting = self._closed
        while waiting and waiting[0].done.is_set():
            waiting = waiting[1:]
        if self.sent and len(waiting) == len(self.due) - 1:
            return waiting, False
        if self.sent:
            last, following = self._open, (self._open.slot + 1) % len(self.due)
            self.acked[following], self.due[following] = 0, _OPEN
            waiting = (*waiting, last)
            self._open, self._closed = Epoch(following), waiting
            self.due[last.slot], self.sent = self.sent, 0
            self.settle()
        self._closed = waiting
        return waiting, True

    def settle(self) -> None:
        """Finish those that all came back."""
        for epoch in self._closed:
            if self.acked[epoch.slot] == self.due[epoch.slot]:
                epoch.done.set()
