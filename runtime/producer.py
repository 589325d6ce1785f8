"""The producer of every process: idempotent, and honest about what has arrived.

Each record belongs to an *epoch*, which a flush closes. A flush is done when every record of its epoch and
of all before it was acknowledged; counting acknowledgements would not do, since those of later records may
come first. A delivery that fails once is never forgotten: every later flush raises, so nothing that depends
on it is ever committed.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any, Final

from confluent_kafka import KafkaError
from confluent_kafka import Producer as _Client

from runtime.kafka import CLIENT_LOG, KafkaSettings
from schemas.errors import DependencyError

_LOG: Final = logging.getLogger(__name__)

Headers = Sequence[tuple[str, bytes]]

MADE_BY: Final = "made_by"
"""Record header that names the writer: what a source wrote is replayed, what agents made is made again."""

TS_PUBLISHED: Final = "ts_published"
"""Record header: the wall clock in ns, in digits, when it was sent. No decision may depend on it."""


def headers(made_by: str) -> Headers:
    """The headers of records that are sent now."""
    return [(MADE_BY, made_by.encode()), (TS_PUBLISHED, b"%d" % time.time_ns())]


class DeliveryError(DependencyError):
    """A record was refused by the broker or did not reach it in time; nothing after it may be committed."""

    exit_code = 1


class _Epoch:
    """Records between two flushes: how many were sent, how many came back."""

    __slots__ = ("acked", "closed", "done", "failed", "sent")

    def __init__(self, failed: Callable[[KafkaError, Any], None]) -> None:
        self.sent = 0  # written by the sending thread alone
        self.acked = 0  # written by the polling thread alone
        self.closed = False
        self.done: Future[None] = Future()
        self.failed = failed

    def delivered(self, error: KafkaError | None, record: Any) -> None:
        """Delivery report of one record, in the polling thread."""
        if error is not None:
            self.failed(error, record)
        self.acked += 1
        if self.closed:
            self.settle()

    def settle(self) -> None:
        """Finish when all came back; both threads may see it, one of them wins."""
        if self.acked == self.sent and not self.done.done():
            with contextlib.suppress(InvalidStateError):
                self.done.set_result(None)


class Producer:
    """Sends records, from one thread; flushes may be awaited or waited for.

    Args:
        settings: how to reach the brokers.
        name: ``client.id``.
        linger_ms: how long a record may wait for company.
        delivery_timeout_ms: a record not acknowledged by then has failed.
        on_failure: called with the first failure in the polling thread; the worker leaves there and then.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        name: str,
        *,
        linger_ms: float = 5.0,
        delivery_timeout_ms: int = 30_000,
        on_failure: Callable[[DeliveryError], None] | None = None,
    ) -> None:
        properties = settings.producer(name, linger_ms=linger_ms, delivery_timeout_ms=delivery_timeout_ms)
        self._client = _Client({**properties, "error_cb": self._broken}, logger=CLIENT_LOG)
        self._timeout = delivery_timeout_ms / 1_000
        self._on_failure = on_failure
        self._failure: DeliveryError | None = None
        self._open: deque[_Epoch] = deque()
        self._epoch = _Epoch(self._failed)
        self._quit = threading.Event()
        self._poller = threading.Thread(target=self._poll, name=f"{name}-poll", daemon=True)
        self._poller.start()

    @property
    def outstanding(self) -> int:
        """Records that are sent and not yet acknowledged."""
        return len(self._client)

    @property
    def failure(self) -> DeliveryError | None:
        """The first failure, None as long as there was none."""
        return self._failure

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int = -1,
        timestamp_ms: int = 0,
        headers: Headers | None = None,
    ) -> None:
        """Hand over one record; it has arrived when a later flush returns.

        Waits while the queue is full, at most as long as a delivery may take.

        Args:
            topic: name.
            key: its murmur2 hash chooses the partition where none is given.
            value: None deletes the key from a compacted topic.
            partition: number, or -1.
            timestamp_ms: milliseconds since the epoch, 0 for now.
            headers: names and values.

        Raises:
            DeliveryError: the queue stayed full.
        """
        deadline = 0.0
        while True:
            try:
                self._client.produce(
                    topic,
                    value,
                    key,
                    partition,
                    self._epoch.delivered,
                    timestamp=timestamp_ms,
                    headers=headers,
                )
            except BufferError:
                deadline = deadline or time.monotonic() + self._timeout
                if time.monotonic() > deadline:
                    raise DeliveryError(
                        f"kafka must take records, was full with {self.outstanding}"
                    ) from None
                time.sleep(0.005)
            else:
                self._epoch.sent += 1
                return

    async def flush(self) -> None:
        """Return when everything sent before has arrived.

        Raises:
            DeliveryError: any delivery ever failed.
        """
        await asyncio.sleep(0)  # others that are about to flush send first, and share the epoch
        for epoch in self._close_epoch():
            await asyncio.wrap_future(epoch.done)
        self._raise()

    def wait(self, timeout: float | None = None) -> None:
        """The same for a process without an event loop.

        Args:
            timeout: seconds; None waits as long as deliveries may take, and they end.

        Raises:
            DeliveryError: any delivery ever failed.
            TimeoutError: not all has arrived in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for epoch in self._close_epoch():
            epoch.done.result(None if deadline is None else max(deadline - time.monotonic(), 0.0))
        self._raise()

    def close(self, timeout: float = 10.0) -> None:
        """Stop; what was not flushed is given ``timeout`` seconds."""
        self._client.flush(timeout)
        self._quit.set()
        self._poller.join(1.0)

    def _close_epoch(self) -> list[_Epoch]:
        """Epochs that are not done yet, oldest first, none of them open for more."""
        if self._epoch.sent:
            self._open.append(self._epoch)
            self._epoch = _Epoch(self._failed)
            self._open[-1].closed = True
            self._open[-1].settle()
        while self._open and self._open[0].done.done():
            self._open.popleft()
        return list(self._open)

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _poll(self) -> None:
        while not self._quit.is_set():
            self._client.poll(0.1)

    def _failed(self, error: KafkaError, record: Any) -> None:
        where = f"{record.topic()} {record.partition()}" if record is not None else "the producer"
        first = self._failure is None
        self._failure = self._failure or DeliveryError(
            f"a record must be taken, was {error.str()!r} ({where})"
        )
        if first and self._on_failure is not None:
            self._on_failure(self._failure)

    def _broken(self, error: KafkaError) -> None:
        if error.fatal():
            self._failed(error, None)
        else:
            _LOG.warning("kafka: %s", error.str())
