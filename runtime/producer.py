"""The producer of every process but the worker: idempotent, and honest about what has arrived.

Each record belongs to an *epoch*, which a wait closes. A wait is over when every record of its epoch and of
all before it was acknowledged; counting acknowledgements would not do, since those of later records may come
first. A delivery that fails once is never forgotten: every later wait raises, so nothing that depends on it
is ever committed.

No Python runs for a record: kernels hand a batch over to librdkafka and count what comes back
(``runtime.handover``), and Python hears of an epoch that is done, a failure or a line of the log.
"""

import logging
import threading
import time
import weakref
from typing import Final

import numpy as np

from runtime import handover, librdkafka
from runtime.epochs import Epochs
from runtime.handover import Order, hand_over, take_reports
from runtime.headers import Headers
from runtime.kafka import CLIENT_LOG, KafkaSettings
from runtime.sending.errors import DeliveryError, RecordTooLargeError
from schemas.batches.encode import Encoded
from schemas.batches.wire import Bytes, Int, Ints, packed, sealed, span

_LOG: Final = logging.getLogger(__name__)

_SLOTS: Final = 16
"""Epochs at a time, one for each thread that waits; a wait beyond them waits for the oldest first."""

_AT_A_TIME: Final = 4_096
_WAIT_MS: Final = 100


class Producer:
    """Sends records and waits for them, from any thread.

    Args:
        settings: how to reach the brokers.
        name: ``client.id``.
        linger_ms: how long a record may wait for company.
        delivery_timeout_ms: a record not acknowledged by then has failed.

    Raises:
        ConfigurationError: a setting is none of librdkafka's.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        name: str,
        *,
        linger_ms: float = 5.0,
        delivery_timeout_ms: int = 30_000,
    ) -> None:
        self._client = librdkafka.new_producer(
            settings.producer(name, linger_ms=linger_ms, delivery_timeout_ms=delivery_timeout_ms)
        )
        self._timeout = delivery_timeout_ms / 1_000
        self._failure: DeliveryError | None = None
        self._topics: dict[str, int] = {}  # handles, which live as long as the client
        self._orders: dict[str, Order] = {}
        self._epochs = Epochs(_SLOTS)
        self._state = np.zeros(handover.STATE, np.int64)
        self._report = np.zeros(handover.REPORT, np.int64)
        # Not when it is closed: a record that is sent too late must find its client.
        end = weakref.finalize(self, _destroy, self._client, self._topics)
        end.atexit = False
        self._poller = threading.Thread(target=self._poll, name=f"{name}-poll", daemon=True)
        self._poller.start()

    @property
    def outstanding(self) -> int:
        """Records that are sent and not yet acknowledged."""
        return int(librdkafka.outstanding(self._client))

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
        """Hand over one record; it has arrived when a later wait returns.

        Args:
            topic: name.
            key: its murmur2 hash chooses the partition where none is given.
            value: None deletes the key from a compacted topic.
            partition: number, or -1.
            timestamp_ms: milliseconds since the epoch, 0 for now.
            headers: names and values.

        Raises:
            DeliveryError: the queue stayed full, or the record can't be sent.
        """
        size = len(key) if key is not None else 0
        spans = span(0, -1 if key is None else size), span(size, -1 if value is None else len(value))
        row = np.array([*spans, timestamp_ms, partition], np.int64)
        data = sealed((key or b"") + (value or b""))
        self._hand_over(topic, headers, data, row[:1], row[1:2], row[2:3], row[3:])

    def send_all(
        self, topic: str, records: Encoded, *, partition: int | Ints = -1, headers: Headers | None = None
    ) -> None:
        """Hand over records in order; they have arrived when a later wait returns.

        Waits while the queue is full, at most as long as a delivery may take.

        Args:
            topic: name.
            records: keys, values and timestamps, as of ``send``.
            partition: number for all of them, int64[n] for each, or -1 where the key chooses.
            headers: names and values, the same for all.

        Raises:
            DeliveryError: the queue stayed full, or a record can't be sent; those before it are.
        """
        partitions = np.array([partition], np.int64) if isinstance(partition, int) else partition
        keys, values = packed(records.keys), packed(records.values)
        self._hand_over(topic, headers, records.data, keys, values, records.timestamps, partitions)

    def _hand_over(
        self,
        topic: str,
        headers: Headers | None,
        data: Bytes,
        keys: Ints,
        values: Ints,
        timestamps: Ints,
        partitions: Ints,
    ) -> None:
        if self._state[handover.QUIT]:
            raise DeliveryError(f"a producer must be open, was closed before a record of {topic}")
        done: Int = 0
        deadline = 0.0
        while True:
            with self._epochs.sending:
                order = self._order(topic, headers or ())
                first, order.cells[handover.AT_SLOT] = done, self._epochs.slot
                done, error = hand_over(
                    self._client, order.cells, data, keys, values, timestamps, partitions, first
                )
                self._epochs.sent += int(done - first)
            if error == 0:
                return
            if error != librdkafka.QUEUE_FULL:
                place = partitions[done if len(partitions) > 1 else 0]
                raise _refused(error, f"{topic} {place}", int(values[done] >> 32))
            deadline = deadline or time.monotonic() + self._timeout
            if time.monotonic() > deadline:
                raise DeliveryError(f"kafka must take records, was full with {self.outstanding}")
            time.sleep(0.005)

    def wait(self, timeout: float | None = None) -> None:
        """Return when everything sent before has arrived.

        Args:
            timeout: seconds; None waits as long as deliveries may take, and they end.

        Raises:
            DeliveryError: any delivery ever failed.
            TimeoutError: not all has arrived in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        closed = False
        while not closed:
            waiting, closed = self._epochs.close()
            for epoch in waiting:
                left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
                if not epoch.done.wait(left):
                    raise TimeoutError(
                        f"records must arrive in {timeout} s, was {self.outstanding} outstanding"
                    )
        if self._failure is not None:
            raise self._failure

    def close(self, timeout: float = 10.0) -> None:
        """Stop; what was not waited for is given ``timeout`` seconds."""
        librdkafka.flush(self._client, int(timeout * 1_000))
        self._state[handover.QUIT] = 1
        self._poller.join(1.0)

    def _order(self, topic: str, headers: Headers) -> Order:
        """What records of a topic share; made anew for headers of another form alone, as it costs a while."""
        order = self._orders.get(topic)
        if order is None or not order.takes(headers):
            if topic not in self._topics:
                self._topics[topic] = librdkafka.new_topic(self._client, topic.encode(), 0)
            order = self._orders[topic] = Order(self._topics[topic], headers)
        return order

    def _poll(self) -> None:
        queue, state, epochs = librdkafka.main_queue(self._client), self._state, self._epochs
        reports = np.zeros(_AT_A_TIME, np.int64)
        while not state[handover.QUIT]:
            found = take_reports(queue, reports, self._report, epochs.acked, epochs.due, state, _WAIT_MS)
            if found == handover.REFUSED:
                self._failed(*_told(self._report, int(reports[state[handover.NEXT]])))
                state[handover.FAILED] = 1
            elif found == handover.OTHER:
                self._notice(int(state[handover.EVENT]))
                librdkafka.event_destroy(int(state[handover.EVENT]))
                state[handover.EVENT] = 0
            epochs.settle()
        if state[handover.EVENT]:
            librdkafka.event_destroy(int(state[handover.EVENT]))
        librdkafka.queue_destroy(queue)

    def _failed(self, reason: str, where: str) -> None:
        self._failure = self._failure or DeliveryError(f"a record must be taken, was {reason!r} ({where})")

    def _notice(self, event: int) -> None:
        """Log an event, or fail of it."""
        kind = librdkafka.event_type(event)
        if kind == librdkafka.EVENT_LOG:
            level, text = librdkafka.log_line(self._client, event)
            CLIENT_LOG.log(level, "%s", text)
        elif kind == librdkafka.EVENT_ERROR and (reason := librdkafka.fatal_text(self._client)):
            self._failed(reason, "the producer")
        elif kind == librdkafka.EVENT_ERROR:
            _LOG.warning("kafka: %s", librdkafka.event_text(event))


def _told(report: Ints, at: int) -> tuple[str, str]:
    """Why a record was refused, and where."""
    halves = report.view(np.int32)  # of each word the lower one comes first
    code, partition = int(halves[2 * handover.ERROR]), int(halves[2 * handover.PARTITION])
    topic = librdkafka.topic_name(int(report[handover.TOPIC]))
    return librdkafka.report_text(at, code), f"{topic} {partition}"


def _refused(error: Int, where: str, size: int) -> DeliveryError:
    """The error of a record that was not taken."""
    if error == librdkafka.TOO_LARGE:
        return RecordTooLargeError(f"a record must fit message.max.bytes, was {size} bytes ({where})")
    return DeliveryError(f"a record must be taken, was {librdkafka.error_text(int(error))!r} ({where})")


def _destroy(client: int, topics: dict[str, int]) -> None:
    """End a client; its records are dropped."""
    for topic in topics.values():
        librdkafka.topic_destroy(topic)
    librdkafka.destroy(client)
