"""What the sender holds: of a partition its batches, of a broker whose turn it is, and who waits for them."""

import asyncio
import time
from collections import deque
from typing import Final

from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.structs import TopicPartition

from runtime.protocol.connection import Connection
from runtime.sending.errors import DeliveryError, RecordTooLargeError
from schemas.batches.builder import LIMIT, BatchBuilder
from schemas.batches.encode import Encoded
from schemas.batches.wire import Bytes

_SEQUENCES: Final = 1 << 31
"""Sequence numbers begin anew after so many."""
_TOO_LARGE: Final = MessageSizeTooLargeError, RecordListTooLargeError
_REQUEST: Final = 2 * LIMIT
"""Bytes of records in a request; what comes behind them waits."""


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
    """Batches of one partition, in order; the first one stays until it is acknowledged.

    Attributes:
        place: the partition.
        batches: not yet acknowledged.
        sequence: number of the next record that is sent for the first time.
        waits: for a leader, for its turn or for an answer.
        heard: why its first batch is not acknowledged yet, as far as that is known.
        spent: seconds of CPU in which its batches were built and compressed.
    """

    __slots__ = ("batches", "heard", "place", "sequence", "spent", "waits")

    def __init__(self, place: TopicPartition) -> None:
        self.place = place
        self.batches: deque[Batch] = deque()
        self.sequence = 0
        self.waits = False
        self.heard = ""
        self.spent = 0.0

    @property
    def waited(self) -> float:
        """Seconds since its oldest record was sent; 0 where there is none."""
        return time.monotonic() - self.batches[0].since if self.batches else 0.0

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

    def first(self, producer: int, epoch: int) -> bytearray:
        """Bytes of the batch that is to be acknowledged next, the same each time."""
        batch = self.batches[0]
        if batch.data is None:
            batch.sequence, self.sequence = self.sequence, (self.sequence + batch.count) % _SEQUENCES
            start = time.thread_time()
            batch.data = batch.build(producer, epoch, batch.sequence)
            self.spent += time.thread_time() - start
        return batch.data


class Line:
    """What goes to one broker.

    Attributes:
        ready: queues whose turn comes.
        news: set while there are any.
        connection: to the broker, if there was any.
        is_down: whether the last request failed.
    """

    __slots__ = ("connection", "is_down", "news", "ready")

    def __init__(self) -> None:
        self.ready: deque[Queue] = deque()
        self.news = asyncio.Event()
        self.connection: Connection | None = None
        self.is_down = False

    def take(self) -> list[Queue]:
        """The queues whose first batches make the next request."""
        found = [self.ready.popleft()]
        size = found[0].batches[0].size
        while self.ready and size + self.ready[0].batches[0].size <= _REQUEST:
            size += self.ready[0].batches[0].size
            found.append(self.ready.popleft())
        if not self.ready:
            self.news.clear()
        return found


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
