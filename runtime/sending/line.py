"""What goes to one broker: a request follows another before that is answered.

A broker takes the requests of a connection one after the other, and answers in that order. It is idle between
two of them where the second one waits for an answer to the first, and what waits is late by a way to the
broker and back::

    produce 1 ──►  produce 2 ──►  produce 3 ──►
                        ◄── answer 1   ◄── answer 2   ◄── answer 3

The batches of a partition may follow each other so as well, since the broker knows the sequence numbers: it
takes none that stands behind one that it did not take.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

from aiokafka.errors import KafkaError

from runtime.protocol.connection import Connection, Data
from runtime.sending.outbox import Queue
from runtime.sending.produce import outcomes
from schemas.batches.builder import LIMIT

_LOG: Final = logging.getLogger(__name__)
_MOST: Final = 5
"""Requests under way; a broker knows the last five batches of a partition when they come again."""
_REQUEST: Final = 2 * LIMIT
"""Bytes of records in a request; what comes behind them waits."""


class Owner(Protocol):
    """Whose queues they are."""

    def admits(self, queue: Queue, connection: Connection) -> bool:
        """Whether the next batch of a queue, whose turn it is, is sent now."""

    def request(self, queues: Sequence[Queue]) -> bytes:
        """A request with the next batches of queues, which are under way from now on."""

    def settle(self, node: int, queue: Queue, code: int) -> None:
        """Take the answer of a broker to the first batch of a queue, which is not under way any more."""

    def miss(self, queue: Queue, heard: str) -> None:
        """There is no answer; all batches of the queue that are under way are sent again."""

    def go_on(self, queue: Queue) -> None:
        """Let the next batch of a queue wait for its turn, where there is one and nothing is before it."""

    def break_off(self, reason: BaseException) -> None:
        """Deliver nothing more, for what broke off."""


class Line:
    """Sends to one broker.

    Args:
        node: id of the broker.
        connect: opens a connection to it.
        owner: whose queues it gets.
    """

    def __init__(self, node: int, connect: Callable[[], Awaitable[Connection]], owner: Owner) -> None:
        self._node, self._connect, self._owner = node, connect, owner
        self._ready: deque[Queue] = deque()
        self._news = asyncio.Event()  # queues are ready
        self._answered = asyncio.Event()
        self._under_way = 0
        self._is_down = self._is_closed = False
        self._connection: Connection | None = None

    def add(self, queue: Queue) -> None:
        """Let a queue wait for its turn."""
        self._ready.append(queue)
        self._news.set()

    async def run(self) -> None:
        """Send request by request, until it is cancelled."""
        while True:
            await self._news.wait()
            while self._under_way >= _MOST:
                self._answered.clear()
                await self._answered.wait()
            queues = self._take()
            try:
                connection = await self._open()
            except (KafkaError, OSError) as error:
                for queue in queues:
                    queue.waits = False
                self._lose(queues, error)
                continue
            if admitted := [queue for queue in queues if self._owner.admits(queue, connection)]:
                self._send(connection, admitted)

    def close(self) -> None:
        """End; what is under way is told to nobody."""
        self._is_closed = True
        if self._connection is not None:
            self._connection.close()

    def _take(self) -> list[Queue]:
        """The queues whose next batches make the next request."""
        found = [self._ready.popleft()]
        size = found[0].next.size
        while self._ready and size + self._ready[0].next.size <= _REQUEST:
            size += self._ready[0].next.size
            found.append(self._ready.popleft())
        if not self._ready:
            self._news.clear()
        return found

    async def _open(self) -> Connection:
        if self._connection is None or not self._connection.is_open:
            self._connection = await self._connect()
        return self._connection

    def _send(self, connection: Connection, queues: Sequence[Queue]) -> None:
        body = self._owner.request(queues)
        for queue in queues:
            queue.connection = connection
        self._under_way += 1
        connection.ask(body).add_done_callback(partial(self._hear, queues))
        for queue in queues:
            self._owner.go_on(queue)

    def _hear(self, queues: Sequence[Queue], answer: "asyncio.Future[Data]") -> None:
        """Take what became of a request."""
        self._under_way -= 1
        self._answered.set()
        error = answer.exception()
        if self._is_closed:
            return
        for queue in queues:
            queue.under_way -= 1
        try:
            if isinstance(error, KafkaError):
                self._lose(queues, error)
            else:
                self._settle(queues, answer.result())
        except Exception as reason:  # noqa: BLE001 (the loop would only note it, and nothing be delivered)
            self._owner.break_off(reason)

    def _settle(self, queues: Sequence[Queue], data: Data) -> None:
        self._is_down = False
        sent = {queue.place: queue for queue in queues}
        for place, code in outcomes(data):
            self._owner.settle(self._node, sent.pop(place), code)
        for queue in sent.values():
            self._owner.miss(queue, f"an answer of broker {self._node} without it")

    def _lose(self, queues: Sequence[Queue], error: Exception) -> None:
        _LOG.log(logging.DEBUG if self._is_down else logging.WARNING, "broker %s: %r", self._node, error)
        self._is_down = True
        for queue in queues:
            self._owner.miss(queue, f"{error!r} of broker {self._node}")
