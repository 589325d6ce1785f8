"""The sender of all processes: idempotent, in one event loop, a record batch at a time.

librdkafka wants each record by itself, copies it twice and hands it from thread to thread, which cost more
than to decode a tick. Here the records of a call become part of a batch by one kernel call
(``schemas.batches.builder``), and the batch goes from the loop to the socket::

    send_all ─► queue of a partition ─► line of its leader ─► Produce ─► acknowledged
                      ▲                                          │
                      └────── metadata anew, after a pause ◄─────┘ not now: the same bytes again

A line has a few requests under way, each with at most one batch of a partition. What is sent while there is
no room for another joins the batches that wait, so a busy broker gets fewer and larger ones and an idle one
gets each at once. Where one of a partition's batches was not taken, or nobody knows, those behind it wait for
their answers as well, and all of them are sent again. Since a batch keeps its sequence number until it is
acknowledged, the broker drops what it gets a second time.

A delivery that fails once is never forgotten: every later flush raises, so nothing that depends on it is ever
committed. What is older than a delivery may take is not sent any more: another worker may have taken over.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CorruptRecordException,
    DuplicateSequenceNumber,
    NoError,
    for_code,
)
from aiokafka.structs import TopicPartition

from runtime.protocol.connection import Connection, connect
from runtime.sending.errors import DeliveryError
from runtime.sending.identity import BACKOFF_S, UNKNOWN, producer_id
from runtime.sending.leaders import Leaders
from runtime.sending.line import Line
from runtime.sending.outbox import Batch, Flush, Queue, late, refused
from runtime.sending.produce import PRODUCE, request
from schemas.batches.builder import header_block
from schemas.batches.encode import Encoded
from schemas.batches.wire import Bytes

_LOG: Final = logging.getLogger(__name__)
_CHECK_S: Final = 0.25
_NO_HEADERS: Final = header_block(())
_PATIENCE: Final = 0.8  # of a request's time that the broker may wait for its replicas


class Sender:
    """Sends records to partitions that the caller names.

    All of it is called in one event loop.

    Args:
        bootstrap: ``host:port[,host:port]``.
        name: ``client.id``.
        security: of aiokafka's client.
        delivery_timeout_ms: a record not acknowledged by then has failed.
        on_failure: called with the first failure; the worker leaves there and then.
        on_settled: called when a batch is done.

    Attributes:
        taken: records that were ever sent,
        settled: and those of them that are done.
        held: bytes of those that are not.
        failure: the first failure, or None.
    """

    def __init__(
        self,
        bootstrap: str,
        name: str,
        security: Mapping[str, Any],
        *,
        delivery_timeout_ms: int = 30_000,
        on_failure: Callable[[DeliveryError], None] | None = None,
        on_settled: Callable[[], None] | None = None,
    ) -> None:
        self.taken = self.settled = self.held = 0
        self.failure: DeliveryError | None = None
        self._options = {**security, "bootstrap_servers": bootstrap, "client_id": name}
        self._timeout = delivery_timeout_ms / 1_000
        self._asking = max(self._timeout / 4, 1.0)  # of a request: another broker may lead by then
        self._on_failure = on_failure
        self._on_settled = on_settled
        self._producer = UNKNOWN
        self._begun = asyncio.Event()  # with a producer id
        self._queues: dict[TopicPartition, Queue] = {}
        self._lines: dict[int, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: Any = None
        self._leaders: Any = None

    @property
    def outstanding(self) -> int:
        """Records that are sent and not yet acknowledged."""
        return self.taken - self.settled

    def begin(self) -> None:
        """Look for the brokers; what is sent before they gave a producer id waits for it."""
        self._client = AIOKafkaClient(**self._options, request_timeout_ms=int(self._asking * 1_000))
        self._leaders = Leaders(self._client, self._begun, self._route, self._carry)
        self._carry(self._find_brokers())
        self._carry(self._check())

    async def start(self) -> None:
        """Find the brokers and get a producer id.

        Raises:
            DeliveryError: no broker gave one within the time of a delivery.
        """
        self.begin()
        try:
            await asyncio.wait_for(self._begun.wait(), self._timeout)
        except TimeoutError:
            await self.close()
            raise DeliveryError(
                f"kafka must give a producer id within {self._timeout:g} s, gave none "
                f"({self._options['bootstrap_servers']})"
            ) from None

    async def close(self) -> None:
        """End; what was not flushed is dropped."""
        for line in self._lines.values():
            line.close()  # first: what is under way would begin other tasks
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    def send_all(self, topic: str, records: Encoded, *, partition: int, headers: Bytes = _NO_HEADERS) -> None:
        """Take records in order; they have arrived when a later flush returns.

        Args:
            topic: name.
            records: keys, values and timestamps; 0 for now.
            partition: number.
            headers: of each of them, as ``header_block`` gives them.
        """
        if not len(records):
            return
        place = TopicPartition(topic, partition)
        queue = self._queues.get(place)
        if queue is None:
            queue = self._queues[place] = Queue(place)
        self.held += queue.add(records, headers)
        self.taken += len(records)
        self.go_on(queue)

    def spent(self, topic: str, partition: int) -> float:
        """Seconds of CPU in which the batches of a partition were built and compressed so far."""
        queue = self._queues.get(TopicPartition(topic, partition))
        return 0.0 if queue is None else queue.spent

    async def flush(self) -> None:
        """Return when everything sent before has arrived.

        Raises:
            DeliveryError: any delivery ever failed.
        """
        batches = self._under_way()
        if batches and self.failure is None:
            flush = Flush(len(batches))
            for batch in batches:
                batch.flushes.append(flush)
            await flush.done
        if self.failure is not None:
            raise self.failure

    def _under_way(self) -> list[Batch]:
        return [batch for queue in self._queues.values() for batch in queue.batches]

    def _carry(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a task; where it breaks off, nothing more is delivered."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (reason := task.exception()) is not None:
            self.break_off(reason)

    async def _find_brokers(self) -> None:
        self._producer = await producer_id(self._client, self._leaders.hear)
        self._begun.set()

    def _route(self, queue: Queue) -> None:
        """Let a queue wait for its turn at the leader of its partition."""
        queue.waits = True
        node = self._leaders.of(queue)
        if node < 0:
            self._leaders.look_for(queue)
            return
        line = self._lines.get(node)
        if line is None:
            line = self._lines[node] = Line(node, partial(connect, self._client, node, PRODUCE), self)
            self._carry(line.run())
        line.add(queue)

    def go_on(self, queue: Queue) -> None:
        """Let the next batch of a queue wait for its turn, where there is one and nothing is before it."""
        if queue.waits or (queue.is_held_up and queue.under_way):
            return
        if queue.is_held_up:
            queue.waits, queue.is_held_up = True, False
            self._leaders.look_for(queue, queue.heard, BACKOFF_S)
        elif queue.may_go_on:
            self._route(queue)

    def admits(self, queue: Queue, connection: Connection) -> bool:
        """Whether the next batch of a queue, whose turn it is, is sent now."""
        queue.waits = False
        if queue.is_held_up:
            self.go_on(queue)
            return False
        if queue.under_way and queue.connection is not connection:
            return False  # the answers to what was sent over the other one let it go on
        if self._is_late(queue):
            if not queue.under_way:
                self._finish(queue)
            return False
        return True

    def request(self, queues: Sequence[Queue]) -> bytes:
        """A request with the next batches of queues, which are under way from now on."""
        batches = [(queue.place, queue.send(*self._producer)) for queue in queues]
        return request(batches, int(_PATIENCE * self._asking * 1_000))

    def settle(self, node: int, queue: Queue, code: int) -> None:
        """Take the answer of a broker to the first batch of a queue, which is not under way any more."""
        error = for_code(code)
        if queue.is_held_up:  # whatever it is: all of them are sent again, in order
            self.go_on(queue)
        elif error.retriable or error is CorruptRecordException:
            _LOG.warning("%s: %s, once more", queue.place, error.__name__)
            self.miss(queue, f"{error.__name__} of broker {node}")
        elif error in {NoError, DuplicateSequenceNumber}:
            queue.note_taken()
            self._finish(queue)
        else:
            size = queue.batches[0].size
            queue.pass_over()
            self._fail(refused(error, code, queue.place, size))
            self._finish(queue)

    def miss(self, queue: Queue, heard: str) -> None:
        """There is no answer; all batches of the queue that are under way are sent again."""
        queue.hold_up(heard)
        self.go_on(queue)

    def _finish(self, queue: Queue) -> None:
        """Have done with the first batch of a queue."""
        batch = queue.batches.popleft()
        self.settled += batch.count
        self.held -= batch.size
        for flush in batch.flushes:
            flush.less()
        if self._on_settled is not None:
            self._on_settled()
        queue.heard = ""
        self.go_on(queue)

    async def _check(self) -> None:
        """Fail where something is not acknowledged in time."""
        while True:
            await asyncio.sleep(_CHECK_S)
            if self._queues:
                self._is_late(max(self._queues.values(), key=lambda queue: queue.waited))

    def _is_late(self, queue: Queue) -> bool:
        """Whether the first batch of a queue has failed by now."""
        is_late = queue.waited > self._timeout
        if is_late:
            self._fail(late(queue, self._timeout))
        return is_late

    def break_off(self, reason: BaseException) -> None:
        """Deliver nothing more, for what broke off."""
        self._fail(DeliveryError(f"the sender must go on, was stopped by {reason!r}"))

    def _fail(self, failure: DeliveryError) -> None:
        """Let every flush raise from now on."""
        if self.failure is not None:
            return
        self.failure = failure
        for batch in self._under_way():
            for flush in batch.flushes:
                flush.end()
        if self._on_failure is not None:
            self._on_failure(failure)
