"""The sender of all processes: idempotent, in one event loop, a record batch at a time.

librdkafka wants each record by itself, copies it twice and hands it from thread to thread, which cost more
than to decode a tick. Here the records of a call become part of a batch by one kernel call
(``schemas.batches.builder``), and the batch goes from the loop to the socket::

    send_all ─► queue of a partition ─► line of its leader ─► Produce ─► acknowledged, the next batch
                      ▲                                          │
                      └────── metadata anew, after a pause ◄─────┘ not now: the same bytes again

A line has one request under way, with at most one batch of each partition. What is sent meanwhile joins the
batches that wait, so a busy broker gets fewer and larger ones and an idle one gets each at once. Since a
batch keeps its sequence number until it is acknowledged, the broker drops what it gets a second time.

A delivery that fails once is never forgotten: every later flush raises, so nothing that depends on it is ever
committed. What is older than a delivery may take is not sent any more: another worker may have taken over.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CorruptRecordException,
    DuplicateSequenceNumber,
    KafkaError,
    NoError,
    for_code,
)
from aiokafka.structs import TopicPartition

from runtime.protocol.connection import connect
from runtime.sending.errors import DeliveryError
from runtime.sending.identity import BACKOFF_S, UNKNOWN, producer_id
from runtime.sending.leaders import Leaders
from runtime.sending.outbox import Batch, Flush, Line, Queue, late, refused
from runtime.sending.produce import PRODUCE, outcomes, request
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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self._lines.values():
            if line.connection is not None:
                line.connection.close()
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
        if not queue.waits:
            self._route(queue)

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
            line = self._lines[node] = Line()
            self._carry(self._run(node, line))
        line.ready.append(queue)
        line.news.set()

    async def _run(self, node: int, line: Line) -> None:
        """Send to a broker, request by request."""
        while True:
            await line.news.wait()
            queues = [queue for queue in line.take() if not self._drop(queue)]
            if not queues:
                continue
            try:
                await self._deliver(node, line, queues)
                line.is_down = False
            except (KafkaError, OSError) as error:
                _LOG.log(logging.DEBUG if line.is_down else logging.WARNING, "broker %s: %r", node, error)
                line.is_down = True
                for queue in queues:
                    self._leaders.look_for(queue, f"{error!r} of broker {node}", BACKOFF_S)

    async def _deliver(self, node: int, line: Line, queues: list[Queue]) -> None:
        if line.connection is None or not line.connection.is_open:
            line.connection = await connect(self._client, node, PRODUCE)
        sent = {queue.place: queue for queue in queues}
        batches = [(place, queue.first(*self._producer)) for place, queue in sent.items()]
        answer = await line.connection.ask(request(batches, int(_PATIENCE * self._asking * 1_000)))
        for place, code in outcomes(answer):
            self._settle(node, sent.pop(place), code)
        for queue in sent.values():
            self._leaders.look_for(queue, f"an answer of broker {node} without it", BACKOFF_S)

    def _settle(self, node: int, queue: Queue, code: int) -> None:
        """Take the answer of a broker to the first batch of a queue."""
        error = for_code(code)
        if error.retriable or error is CorruptRecordException:
            _LOG.warning("%s: %s, once more", queue.place, error.__name__)
            self._leaders.look_for(queue, f"{error.__name__} of broker {node}", BACKOFF_S)
            return
        if error not in {NoError, DuplicateSequenceNumber}:
            queue.sequence = queue.batches[0].sequence  # the broker knows nothing of it
            self._fail(refused(error, code, queue.place, queue.batches[0].size))
        self._finish(queue)

    def _finish(self, queue: Queue) -> None:
        """Have done with the first batch of a queue."""
        batch = queue.batches.popleft()
        self.settled += batch.count
        self.held -= batch.size
        for flush in batch.flushes:
            flush.less()
        if self._on_settled is not None:
            self._on_settled()
        queue.waits, queue.heard = False, ""
        if queue.batches:
            self._route(queue)

    async def _check(self) -> None:
        """Fail where something is not acknowledged in time."""
        while True:
            await asyncio.sleep(_CHECK_S)
            if self._queues:
                self._is_late(max(self._queues.values(), key=lambda queue: queue.waited))

    def _drop(self, queue: Queue) -> bool:
        """Give up the first batch of a queue where it is late; whether it was."""
        is_late = self._is_late(queue)
        if is_late:
            self._finish(queue)
        return is_late

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
