"""What the sender holds: of a partition its batches, and who waits for them."""

import asyncio
import time
from collections import deque
from typing import Final

from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.structs import TopicPartition

from runtime.protocol.connection import Connection
from runtime.sending.errors import DeliveryError, RecordTooLargeError
from schemas.batches.builder import BatchBuilder
from schemas.batches.encode import Encoded
from schemas.batches.wire import Bytes

_SEQUENCES: Final = 1 << 31
"""Sequence numbers begin anew after so many."""
_TOO_LARGE: Final = MessageSizeTooLargeError, RecordListTooLargeError
_KNOWN_S: Final = 60.0
"""A broker that acknowledged a batch knows the sequence numbers of its producer for a day (by default)."""


class Flush:
    """Done when so many batches are.

    Attributes:
        done: finished then.

    Args:
        left: how many.
    """

    __slots__ = ("done", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.done = asyncio.get_running_loop().create_future()

    def less(self) -> None:
        """One more is done."""
        self.left -= 1
        if self.left == 0:
            self.end()

    def end(self) -> None:
        """Let who waits go on."""
        if not self.done.done():
            self.done.set_result(None)


class Batch(BatchBuilder):
    """A batch on its way; records join it until it is sent for the first time.

    Attributes:
        since: when its first record was sent, by the monotonic clock.
        sequence: number of that record among all of the partition,
        data: and its bytes, from when it is sent on.
        flushes: wait for it.
    """

    __slots__ = ("data", "flushes", "sequence", "since")

    def __init__(self, since: float) -> None:
        super().__init__()
        self.since = since
        self.sequence = 0
        self.data: bytearray | None = None
        self.flushes: list[Flush] = []


class Queue:
    """Batches of one partition, in order; each stays until it is acknowledged.

    Attributes:
        place: the partition.
        batches: not yet acknowledged.
        under_way: how many of them, the first ones, were sent and are not answered yet,
        connection: and over which connection.
        sequence: number of the next record that is sent for the first time.
        waits: for a leader or for its turn.
        is_held_up: one of those under way was not taken, so that all of them are to be sent again.
        heard: why its first batch is not acknowledged yet, as far as that is known.
        spent: seconds of CPU in which its batches were built and compressed.
    """

    __slots__ = (
        "_known_until", "batches", "connection", "heard", "is_held_up", "place", "sequence", "spent",
        "under_way", "waits",
    )  # fmt: skip

    def __init__(self, place: TopicPartition) -> None:
        self.place = place
        self.batches: deque[Batch] = deque()
        self.under_way = 0
        self.connection: Connection | None = None
        self.sequence = 0
        self.waits = self.is_held_up = False
        self.heard = ""
        self.spent = 0.0
        self._known_until = 0.0

    @property
    def waited(self) -> float:
        """Seconds since its oldest record was sent; 0 where there is none."""
        return time.monotonic() - self.batches[0].since if self.batches else 0.0

    @property
    def next(self) -> Batch:
        """The first batch that is not under way."""
        return self.batches[self.under_way]

    @property
    def may_go_on(self) -> bool:
        """Whether there is a next batch, and it may be sent before those under way are answered.

        A broker that knows no sequence number of a producer takes any, even if it did not take those before.
        """
        is_first = not self.under_way
        return self.under_way < len(self.batches) and (is_first or time.monotonic() < self._known_until)

    def add(self, records: Encoded, headers: Bytes) -> int:
        """Let records join the batches, in order.

        Args:
            records: keys, values and timestamps; 0 for now.
            headers: of each of them, as ``header_block`` gives them.

        Returns:
            Bytes that they take there.
        """
        since, now, row, size = time.monotonic(), int(time.time() * 1_000), 0, 0
        if not self.batches or self.batches[-1].data is not None:
            self.batches.append(Batch(since))
        while row < len(records):
            last, before = self.batches[-1], row
            size -= last.size
            row = last.add(records, row, headers, now)
            size += last.size
            if row == before:  # it is full
                self.batches.append(Batch(since))
        return size

    def send(self, producer: int, epoch: int) -> bytearray:
        """Bytes of the next batch, the same each time; it is under way from now on."""
        batch = self.next
        if batch.data is None:
            batch.sequence, self.sequence = self.sequence, (self.sequence + batch.count) % _SEQUENCES
            start = time.thread_time()
            batch.data = batch.build(producer, epoch, batch.sequence)
            self.spent += time.thread_time() - start
        self.under_way += 1
        return batch.data

    def note_taken(self) -> None:
        """The broker has the first batch, and knows its sequence number."""
        self._known_until = time.monotonic() + _KNOWN_S

    def hold_up(self, heard: str) -> None:
        """Not all of what is under way was taken; nobody knows any more what the broker knows."""
        self.is_held_up, self.heard, self._known_until = True, heard, 0.0

    def pass_over(self) -> None:
        """The first batch is refused: those behind it get the sequence numbers from its own on."""
        self.sequence = self.batches[0].sequence
        if self.under_way:  # with numbers that do not follow any more
            self.hold_up(self.heard)
        for batch in self.batches:
            batch.data = None


def refused(error: type[Exception], code: int, place: TopicPartition, size: int) -> DeliveryError:
    """The failure of a batch that a broker refuses."""
    where = f"{place.topic} {place.partition}"
    if error in _TOO_LARGE:
        return RecordTooLargeError(f"records must fit max.message.bytes, was a batch of {size} ({where})")
    return DeliveryError(f"a record must be taken, was {error.__name__!r}, code {code} ({where})")


def late(queue: Queue, timeout: float) -> DeliveryError:
    """The failure of a queue whose first batch was not acknowledged in time."""
    where = f"{queue.place.topic} {queue.place.partition}"
    return DeliveryError(
        f"a record must be acknowledged within {timeout:g} s, was not after {queue.waited:.1f} s "
        f"({where}; last heard: {queue.heard or 'nothing'})"
    )
