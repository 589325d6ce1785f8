"""Kernels that take records from librdkafka, a batch at a time and without the GIL.

::

    broker ··· librdkafka ──► take ──► rows ──► lay ──► one buffer, with spans of keys and values
                   ▲                                        │
                   └──────── give_back ◄── messages ◄───────┴──► frames by partition

The layout of a row's first words is that of ``rd_kafka_message_t`` in ``rdkafka.h``.
"""

import ctypes
import time
from typing import Final

import numpy as np
from confluent_kafka import KafkaError, KafkaException

from runtime.consumer import Consumer
from runtime.headers import TS_PUBLISHED
from runtime.librdkafka import for_kernels, read_error_text, topic_name
from runtime.partitions import Place
from schemas.batches.frames import Frames
from schemas.batches.wire import Bytes, Int, Ints, sealed, span, unpacked
from schemas.jit import inlined, kernel

_LONG, _INT = ctypes.c_int64, ctypes.c_int32

_consume = for_kernels("rd_kafka_consume_batch_queue", _LONG, _LONG, _INT, _LONG, _LONG)
_timestamp = for_kernels("rd_kafka_message_timestamp", _LONG, _LONG, _LONG)
_headers = for_kernels("rd_kafka_message_headers", _INT, _LONG, _LONG)
_header = for_kernels("rd_kafka_header_get_all", _INT, _LONG, _LONG, _LONG, _LONG, _LONG)
_destroy = for_kernels("rd_kafka_message_destroy", None, _LONG)
_memcpy = for_kernels("memcpy", _LONG, _LONG, _LONG, _LONG)
_strcmp = for_kernels("strcmp", _INT, _LONG, _LONG)

_MESSAGE_SIZE: Final = 72
"""Bytes of an ``rd_kafka_message_t``."""

_ERROR, _TOPIC, _PARTITION, _VALUE, _VALUE_SIZE, _KEY, _KEY_SIZE, _OFFSET = range(8)
_TIMESTAMP, _PUBLISHED = 9, 10
_ROW: Final = 11
"""Words of a message, those of 32 bits in the lower half of theirs, and two that functions tell of it."""

_LOW: Final = 0xFFFF_FFFF
_DIGITS: Final = 20  # of a time in ns that fits 64 bits, one more than it can have
_LARGEST: Final = (1 << 63) // 10  # that a digit may follow
_NAME: Final = np.frombuffer(TS_PUBLISHED.encode() + b"\0", np.uint8)
_LONGEST_WAIT_S: Final = 0.1  # within it Python hears of a signal


@inlined
def _number(text: Bytes, size: Int) -> Int:
    """What digits say; -1 where others are among them, or it is too large."""
    number = np.int64(0)
    for place in range(size):
        digit = np.int64(text[place]) - 48
        if not 0 <= digit <= 9 or number >= _LARGEST:
            return np.int64(-1)
        number = number * 10 + digit
    return number


@inlined
def _published(message: Int, name: Bytes, told: Ints, text: Bytes) -> Int:
    """What the header ``ts_published`` says; anyone may write one that says nothing."""
    at = told.ctypes.data
    if _headers(message, at) != 0:
        return np.int64(0)
    number = 0
    while _header(told[0], number, at + 8, at + 16, at + 24) == 0:
        number += 1
        if told[2] != 0 and 0 < told[3] < _DIGITS and _strcmp(told[1], name.ctypes.data) == 0:
            _memcpy(text.ctypes.data, told[2], told[3])
            found = _number(text, told[3])
            if found >= 0:
                return found
    return np.int64(0)


@kernel
def take(
    queue: Int,
    wait_ms: Int,
    limit: Int,
    messages: Ints,
    held: Ints,
    rows: Ints,
    name: Bytes,
    told: Ints,
    text: Bytes,
) -> Int:
    """Take records; ``give_back`` ends them.

    Args:
        queue: of the consumer.
        wait_ms: milliseconds to wait for the first; of the others what is there is taken.
        limit: most records.
        messages: int64[limit or more], where they will stand.
        held: int64[1], how many there will be.
        rows: int64[limit or more, 11], what they will say.
        name: of the header that says when a record was sent, with a 0 behind.
        told: int64[4], scratch.
        text: uint8[20], scratch.

    Returns:
        How many there are.
    """
    at = messages.ctypes.data
    count = np.int64(max(_consume(queue, np.int32(wait_ms), at, 1), 0))
    if count == 1 and limit > 1:
        count += np.int64(max(_consume(queue, np.int32(0), at + 8, limit - 1), 0))
    held[0] = count
    for row in range(count):
        _memcpy(rows.ctypes.data + 8 * _ROW * row, messages[row], _MESSAGE_SIZE)
        rows[row, _TIMESTAMP] = rows[row, _PUBLISHED] = 0
        if rows[row, _ERROR] & _LOW == 0:
            rows[row, _TIMESTAMP] = _timestamp(messages[row], 0)
            rows[row, _PUBLISHED] = _published(messages[row], name, told, text)
    return count


@kernel
def give_back(messages: Ints, held: Ints) -> None:
    """End messages: what they point to is gone."""
    for row in range(held[0]):
        _destroy(messages[row])
    held[0] = 0


@inlined
def _laid(rows: Ints, row: Int, word: Int, data: Bytes, at: Int) -> Int:
    """Copy a key or value; its packed span."""
    if rows[row, word] == 0:
        return span(0, -1)
    _memcpy(data.ctypes.data + at, rows[row, word], rows[row, word + 1])
    return span(at, rows[row, word + 1])


@kernel
def lay(rows: Ints, data: Bytes, columns: Ints) -> None:
    """Copy keys and values behind each other.

    Args:
        rows: int64[n, 11], of records.
        data: uint8, as long as all of them together.
        columns: int64[5, n]: offsets, timestamps, spans of keys and of values, when they were sent.
    """
    at = np.int64(0)
    for row in range(len(rows)):
        columns[0, row], columns[1, row] = rows[row, _OFFSET], rows[row, _TIMESTAMP]
        columns[4, row] = rows[row, _PUBLISHED]
        columns[2, row] = _laid(rows, row, _KEY, data, at)
        at += rows[row, _KEY_SIZE]
        columns[3, row] = _laid(rows, row, _VALUE, data, at)
        at += rows[row, _VALUE_SIZE]


@inlined
def _together(rows: Ints, one: Int, other: Int) -> bool:
    """Whether two rows are of the same partition."""
    parts = (rows[one, _PARTITION] ^ rows[other, _PARTITION]) & _LOW
    return bool(rows[one, _TOPIC] == rows[other, _TOPIC] and parts == 0)


@kernel
def number(rows: Ints, numbers: Ints, firsts: Ints) -> Int:
    """Number the partitions as they come.

    Args:
        rows: int64[n, 11].
        numbers: int64[n], what each row's partition gets.
        firsts: int64[n], the first row of each partition.

    Returns:
        How many partitions there are.
    """
    found = own = 0
    for row in range(len(rows)):
        if found == 0 or not _together(rows, firsts[own], row):  # most often it is that of the row before
            own = 0
            while own < found and not _together(rows, firsts[own], row):
                own += 1
            if own == found:
                firsts[own] = row
                found += 1
        numbers[row] = own
    return found


class Intake:
    """What a consumer's queue brings.

    Args:
        consumer: whose.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._messages, self._rows = np.zeros(0, np.int64), np.zeros((0, _ROW), np.int64)
        self._held = np.zeros(1, np.int64)
        self._told, self._text = np.zeros(4, np.int64), np.zeros(_DIGITS, np.uint8)

    def take(self, timeout: float, limit: int) -> dict[Place, Frames]:
        """Frames by partition; those of one call share their buffer.

        Args:
            timeout: seconds to wait for the first record; 0 takes what is there.
            limit: most records.

        Raises:
            KafkaException: an error came instead of a record; with the name of its topic, empty for none.
            Exception: what a callback of the consumer raised.
        """
        limit = max(limit, 1)
        if len(self._messages) < limit:
            self._messages, self._rows = np.zeros(limit, np.int64), np.zeros((limit, _ROW), np.int64)
        count, end = 0, time.monotonic() + timeout
        try:
            while not count:
                left = end - time.monotonic()
                count = self._taken(min(max(left, 0.0), _LONGEST_WAIT_S), limit)
                if left <= _LONGEST_WAIT_S:
                    break
            self._consumer.check()
            return self._framed(self._rows[:count])
        finally:  # also after a signal, which is raised behind the kernel: to close waits for all messages
            give_back(self._messages, self._held)

    def _taken(self, wait: float, limit: int) -> int:
        queue, wait_ms, into = self._consumer.queue, round(1_000 * wait), (self._messages, self._held)
        return int(take(queue, wait_ms, limit, *into, self._rows, _NAME, self._told, self._text))

    def _framed(self, rows: Ints) -> dict[Place, Frames]:
        count = len(rows)
        for row in np.flatnonzero(rows[:, _ERROR] & _LOW)[:1]:
            code, topic = int(rows[row, _ERROR : _ERROR + 1].view(np.int32)[0]), int(rows[row, _TOPIC])
            text = read_error_text(int(self._messages[row]))
            raise KafkaException(KafkaError(code, text), topic_name(topic) if topic else "")
        data = np.empty(int(rows[:, [_KEY_SIZE, _VALUE_SIZE]].sum()), np.uint8)
        columns = np.empty((5, count), np.int64)
        lay(rows, data, columns)
        numbers, firsts = np.empty(count, np.int64), np.empty(count, np.int64)
        places = number(rows, numbers, firsts)
        found, whole = {}, sealed(data)
        for own in range(places):
            topic, partition = (int(rows[firsts[own], word]) for word in (_TOPIC, _PARTITION))
            part = columns[:, numbers == own] if places > 1 else columns
            found[topic_name(topic), partition & _LOW] = Frames(
                whole, part[0], part[1], unpacked(part[2]), unpacked(part[3]), part[4]
            )
        return found
