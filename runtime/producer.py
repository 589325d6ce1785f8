"""The producer of every process but the worker: idempotent, and honest about what has arrived.

It hands records over to a sender (``runtime.sending``) in a thread of its own. A delivery that fails once is
never forgotten: every later wait raises, so nothing that depends on it is ever committed.

librdkafka's would not do: while five messages of a partition are in flight its idempotent producer sends no
more of it and polls with a timeout of 0 until the answer is there, which takes a core for as long.
"""

import logging
import weakref

import numpy as np

from runtime.headers import Headers
from runtime.kafka import LARGEST_RECORD, KafkaSettings
from runtime.protocol.security import client_options
from runtime.sending.background import Background, Call
from runtime.sending.errors import RecordTooLargeError
from schemas.batches.builder import header_block
from schemas.batches.encode import Encoded
from schemas.batches.wire import Ints, packed

for _name in ("aiokafka", "runtime.sending"):  # nowhere in a command that says its error itself
    logging.getLogger(_name).addHandler(logging.NullHandler())


class Producer:
    """Sends records and waits for them, from any thread; it does not wait for the brokers to be there.

    Args:
        settings: how to reach the brokers.
        name: ``client.id``.
        delivery_timeout_ms: a record not acknowledged by then has failed.

    Raises:
        ConfigurationError: it knows no such setting of the security, or not this value of it.
    """

    def __init__(self, settings: KafkaSettings, name: str, *, delivery_timeout_ms: int = 30_000) -> None:
        security = client_options(settings.security)
        self._background = Background(settings.bootstrap, name, security, delivery_timeout_ms)
        weakref.finalize(self, self._background.end)

    @property
    def outstanding(self) -> int:
        """Records that are sent and not yet acknowledged."""
        return self._background.outstanding

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int,
        timestamp_ms: int = 0,
        headers: Headers | None = None,
    ) -> None:
        """Hand over one record; it has arrived when a later wait returns.

        Args:
            topic: name.
            key: None for null.
            value: None deletes the key from a compacted topic.
            partition: number.
            timestamp_ms: milliseconds since the epoch, 0 for now.
            headers: names and values.

        Raises:
            DeliveryError: the record is too large, there was no room for it in time, a delivery has failed
                before, or the producer is closed.
        """
        record = Encoded.of([key], [value], np.array([timestamp_ms], np.int64))
        self.send_all(topic, record, partition=partition, headers=headers)

    def send_all(
        self, topic: str, records: Encoded, *, partition: int | Ints, headers: Headers | None = None
    ) -> None:
        """Hand over records in order; they have arrived when a later wait returns.

        Waits while 64 MiB are on their way, at most as long as a delivery may take.

        Args:
            topic: name.
            records: keys, values and timestamps, as of ``send``.
            partition: number for all of them, or int64[n] for each.
            headers: names and values, the same for all.

        Raises:
            DeliveryError: a record is too large, and those before it are sent; or as of ``send``.
            ValueError: a partition is negative.
        """
        if np.any(np.less(partition, 0)):
            raise ValueError(f"a partition must be at least 0, was {np.min(partition)}")
        fitting = _fitting(records)
        self._put(topic, records, partition, headers, fitting)
        if fitting < len(records):
            place = partition if isinstance(partition, int) else int(partition[fitting])
            size = int(records.values["size"][fitting])
            raise RecordTooLargeError(
                f"a record must fit message.max.bytes, was {size} bytes ({topic} {place})"
            )

    def wait(self, timeout: float | None = None) -> None:
        """Return when everything sent before has arrived.

        Args:
            timeout: seconds; None waits as long as deliveries may take, and they end.

        Raises:
            DeliveryError: any delivery ever failed.
            TimeoutError: not all has arrived in time.
        """
        self._background.wait(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Stop; what was not waited for is given ``timeout`` seconds."""
        self._background.close(timeout)

    def _put(
        self, topic: str, records: Encoded, partition: int | Ints, headers: Headers | None, count: int
    ) -> None:
        """Hand over the first records of all."""
        records = records if count == len(records) else records.part(0, count)
        parts = [(partition, records)] if isinstance(partition, int) else _apart(records, partition[:count])
        size = records.data.nbytes
        self._background.put(Call(topic, parts, header_block(headers or ()), len(records), size))


def _apart(records: Encoded, partitions: Ints) -> list[tuple[int, Encoded]]:
    """The records of each partition, in order."""
    counts = np.bincount(partitions)
    numbers = np.flatnonzero(counts)
    # By the smallest type: numpy sorts numbers of one or two bytes without comparing them.
    rows = np.argsort(partitions.astype(np.min_scalar_type(len(counts))), kind="stable")
    side_by_side, parts, begin = records.take(rows), [], 0
    for number, count in zip(numbers.tolist(), counts[numbers].tolist(), strict=True):
        parts.append((number, side_by_side.part(begin, begin + count)))
        begin += count
    return parts


def _fitting(records: Encoded) -> int:
    """How many records stand before the first that is too large."""
    if 2 * records.data.nbytes <= LARGEST_RECORD:  # key and value stand in there
        return len(records)
    sizes = np.maximum(packed(records.keys) >> 32, 0) + np.maximum(packed(records.values) >> 32, 0)
    too_large = sizes > LARGEST_RECORD
    return int(np.argmax(too_large)) if too_large.any() else len(records)
