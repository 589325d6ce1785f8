"""A sender for who has no event loop: it runs in a thread of its own, and any other hands records over.

::

    put ─► calls ─► one wake-up for all that wait ─► sender ─► acknowledged ─► who waits for room or arrival
    any thread    │                    the thread of the loop
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Final, NamedTuple

from runtime import quiet
from runtime.sending.errors import DeliveryError
from runtime.sending.sender import Sender
from schemas.batches.encode import Encoded
from schemas.batches.wire import Bytes

_ROOM: Final = 64 << 20
"""Bytes of records on their way above which a call waits; one that goes may be of any size."""
_END_S: Final = 1.0


class Call(NamedTuple):
    """What is handed over at once.

    Attributes:
        topic: name.
        parts: of different partitions, the records of each in order.
        headers: of each record, as ``header_block`` gives them.
        records: how many.
        size: bytes of them.
    """

    topic: str
    parts: Sequence[tuple[int, Encoded]]
    headers: Bytes
    records: int
    size: int


class Background:
    """Hands records over to a sender in a thread, and hears from there.

    Args:
        bootstrap: ``host:port[,host:port]``.
        name: ``client.id``.
        security: of aiokafka's client.
        delivery_timeout_ms: a record not acknowledged by then has failed.
    """

    def __init__(
        self, bootstrap: str, name: str, security: Mapping[str, Any], delivery_timeout_ms: int
    ) -> None:
        self._sender = Sender(
            bootstrap,
            name,
            security,
            delivery_timeout_ms=delivery_timeout_ms,
            on_failure=lambda _: self._tell(),
            on_settled=self._tell,
        )
        self._timeout = delivery_timeout_ms / 1_000
        self._news = threading.Condition()
        self._calls: deque[Call] = deque()
        self._sent = 0  # records ever
        self._waiting = 0  # bytes of calls that the sender did not take yet
        self._is_awake = True  # or will be, and look at the calls
        self._is_open = True
        self._over = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"{name}-sender", daemon=True)
        self._thread.start()
        quiet.take_turns()  # each call and kernel of the loop gives its turn away

    @property
    def outstanding(self) -> int:
        """Records that are sent and not yet acknowledged."""
        return self._sent - self._sender.settled

    def put(self, call: Call) -> None:
        """Hand records over, as soon as there is room.

        Raises:
            DeliveryError: there was none in time, any delivery ever failed, or the sender is closed.
        """
        with self._news:
            self._wait_for_room(call.topic)
            self._calls.append(call)
            self._sent += call.records
            self._waiting += call.size
            if not self._is_awake:
                self._is_awake = True
                self._loop.call_soon_threadsafe(self._take)

    def wait(self, timeout: float | None) -> None:
        """Return when everything put before has arrived.

        Raises:
            DeliveryError: any delivery ever failed, or the sender was closed before.
            TimeoutError: not all has arrived within so many seconds.
        """
        with self._news:
            flush = self._flush()
        if flush is not None:
            self._wait_for(flush, timeout)
        if self._sender.failure is not None:
            raise self._sender.failure
        if flush is None and self.outstanding:
            raise DeliveryError(
                f"records must arrive before a producer ends, was {self.outstanding} too late"
            )

    def close(self, timeout: float) -> None:
        """Take no more, give the rest so many seconds, and end."""
        with self._news:
            flush = self._flush()
            self._is_open = False
            self._news.notify_all()
        if flush is not None:
            with contextlib.suppress(DeliveryError, TimeoutError):
                self._wait_for(flush, timeout)
        self.end()

    def end(self) -> None:
        """End at once, whatever is on its way."""
        self._is_open = False
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._over.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(_END_S)

    def _wait_for_room(self, topic: str) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            if self._sender.failure is not None:
                raise self._sender.failure
            if not self._is_open:
                raise DeliveryError(f"a producer must be open, was closed before a record of {topic}")
            if self._waiting + self._sender.held < _ROOM:
                return
            if not self._news.wait(deadline - time.monotonic()):
                raise DeliveryError(
                    f"kafka must take records, was full with {self.outstanding} for {self._timeout:g} s"
                )

    def _flush(self) -> "Future[None] | None":
        """What is to be waited for, None where there is nothing."""
        if not self._is_open or not self.outstanding:
            return None
        return asyncio.run_coroutine_threadsafe(self._flushed(), self._loop)

    def _wait_for(self, flush: "Future[None]", timeout: float | None) -> None:
        try:
            flush.result(timeout)
        except CancelledError:
            raise DeliveryError("records must arrive before a producer ends, were too late") from None
        except TimeoutError:
            flush.cancel()
            raise TimeoutError(
                f"records must arrive in {timeout} s, was {self.outstanding} outstanding"
            ) from None

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._work())
        except Exception as reason:  # noqa: BLE001 (nobody else would hear of it)
            self._sender.break_off(reason)

    async def _work(self) -> None:
        self._sender.begin()
        try:
            self._take()
            await self._over.wait()
        finally:
            await self._sender.close()

    async def _flushed(self) -> None:
        self._take()
        await self._sender.flush()

    def _take(self) -> None:
        """Give the sender what was put."""
        with self._news:
            calls, self._calls, self._is_awake = self._calls, deque(), False
        try:
            for call in calls:
                for partition, records in call.parts:
                    self._sender.send_all(call.topic, records, partition=partition, headers=call.headers)
        except Exception as reason:  # noqa: BLE001 (as above)
            self._sender.break_off(reason)
        with self._news:
            self._waiting -= sum(call.size for call in calls)
            self._news.notify_all()
