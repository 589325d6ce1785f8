"""Kernels that hand records over to librdkafka and take its reports, a batch at a time and without the GIL.

::

    records ──► hand_over ──► librdkafka ··· broker ··· librdkafka ──► take_reports ──► acknowledgements
                every record names its slot                            counted by slot

The layouts are those of ``rdkafka.h``: a record is described by a row of ``rd_kafka_vu_t``, a report is an
``rd_kafka_message_t``.
"""

import ctypes
from collections.abc import Sequence
from typing import Final

import numpy as np

from runtime.librdkafka import for_kernels
from schemas.batches.wire import Bytes, Int, Ints, U, span_at, span_size
from schemas.jit import inlined, kernel

_LONG, _INT = ctypes.c_int64, ctypes.c_int32

_produceva = for_kernels("rd_kafka_produceva", _LONG, _LONG, _LONG, _LONG)
_error_code = for_kernels("rd_kafka_error_code", _INT, _LONG)
_error_destroy = for_kernels("rd_kafka_error_destroy", None, _LONG)
_queue_poll = for_kernels("rd_kafka_queue_poll", _LONG, _LONG, _INT)
_event_type = for_kernels("rd_kafka_event_type", _INT, _LONG)
_event_reports = for_kernels("rd_kafka_event_message_array", _LONG, _LONG, _LONG, _LONG)
_event_destroy = for_kernels("rd_kafka_event_destroy", None, _LONG)
_memcpy = for_kernels("memcpy", _LONG, _LONG, _LONG, _LONG)

_WIDTH: Final = 9
"""Words of an ``rd_kafka_vu_t``: its type, and 64 bytes of which what it says takes the first ones."""

_TOPIC, _PARTITION, _VALUE, _KEY, _OPAQUE, _FLAGS, _TIMESTAMP, _HEADER = 2, 3, 4, 5, 6, 7, 8, 9
_COPY: Final = 2

_AT_KEY: Final = 0
_AT_VALUE: Final = _WIDTH
_AT_TIMESTAMP: Final = 2 * _WIDTH
_AT_PARTITION: Final = 3 * _WIDTH
_AT_TOPIC: Final = 4 * _WIDTH
AT_SLOT: Final = 5 * _WIDTH + 1
"""Cell that names where their acknowledgements are counted."""
_AT_FLAGS: Final = 6 * _WIDTH

_SHARED: Final = np.zeros(7 * _WIDTH, np.int64)
_SHARED[::_WIDTH] = _KEY, _VALUE, _TIMESTAMP, _PARTITION, _TOPIC, _OPAQUE, _FLAGS
_SHARED[_AT_FLAGS + 1] = _COPY

REPORT_SIZE: Final = 72
"""Bytes of an ``rd_kafka_message_t``."""

REPORT: Final = REPORT_SIZE // 8
ERROR, TOPIC, PARTITION, SLOT = 0, 1, 2, 8
"""Words of a report; the numbers of 32 bits in the lower half of theirs."""

_LOW: Final = 0xFFFF_FFFF

QUIT, FAILED, EVENT, NEXT, COUNT = range(5)
"""State of ``take_reports``: to end, whether a failure is known, the event in hand, how far it got in it."""

STATE: Final = 5

IDLE, SETTLED, REFUSED, OTHER = range(4)
"""Why ``take_reports`` returns: nothing came in time, a slot may be done, the report at ``NEXT`` is the first
failure, the event in hand is none of reports."""


class Order:
    """What records of a call share: the topic, the headers, the slot at ``AT_SLOT``.

    Attributes:
        cells: int64, rows of ``rd_kafka_vu_t``; those of what differs from record to record come first.

    Args:
        topic: handle.
        headers: names and values.
    """

    __slots__ = ("_form", "_texts", "cells")

    def __init__(self, topic: int, headers: Sequence[tuple[str, bytes]]) -> None:
        self.cells = np.zeros(len(_SHARED) + _WIDTH * len(headers), np.int64)
        self.cells[: len(_SHARED)] = _SHARED
        self.cells[_AT_TOPIC + 1] = topic
        self._form = _form(headers)
        # librdkafka copies them at each record.
        self._texts = ctypes.create_string_buffer(_texts(headers))
        at, row = ctypes.addressof(self._texts), len(_SHARED)
        for name, value in headers:
            value_at = at + len(name.encode()) + 1
            self.cells[row : row + 4] = _HEADER, at, value_at, len(value)
            at, row = value_at + len(value), row + _WIDTH

    def takes(self, headers: Sequence[tuple[str, bytes]]) -> bool:
        """Take other values of the headers; not where a name or a size is another."""
        if _form(headers) != self._form:
            return False
        self._texts.raw = _texts(headers)
        return True


def _form(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, int]]:
    return [(name, len(value)) for name, value in headers]


def _texts(headers: Sequence[tuple[str, bytes]]) -> bytes:
    return b"".join([name.encode() + b"\0" + value for name, value in headers])


@inlined
def _point(cells: Ints, at: Int, base: Int, span: Int, nowhere: Int) -> None:
    """Write where a key or value stands: null is no place, nothing is any other."""
    size = span_size(span)
    cells[U(at + 1)] = 0 if size < 0 else (nowhere if size == 0 else base + span_at(span))
    cells[U(at + 2)] = max(size, 0)


@kernel
def hand_over(
    client: Int,
    cells: Ints,
    data: Bytes,
    keys: Ints,
    values: Ints,
    timestamps: Ints,
    partitions: Ints,
    first: Int,
) -> tuple[Int, Int]:
    """Hand over the records from ``first`` on.

    ``partitions`` has one for each record, or one for all. Records are copied.

    Returns:
        How many of all are handed over, and the error that the next one met, 0 where there is none.
    """
    order, base, width = cells.ctypes.data, data.ctypes.data, len(cells) // _WIDTH
    for record in range(first, len(values)):
        _point(cells, _AT_KEY, base, keys[record], order)
        _point(cells, _AT_VALUE, base, values[record], order)
        cells[_AT_TIMESTAMP + 1] = timestamps[record]
        cells[_AT_PARTITION + 1] = partitions[record if len(partitions) > 1 else 0]
        error = _produceva(client, order, width)
        if error != 0:
            code = _error_code(error)
            _error_destroy(error)
            return record, np.int64(code)
    return np.int64(len(values)), np.int64(0)


@kernel
def take_reports(
    queue: Int, reports: Ints, report: Ints, acked: Ints, due: Ints, state: Ints, wait_ms: Int
) -> Int:
    """Count acknowledgements by slot until there is something to tell.

    A failed record is counted only when ``state`` says that a failure is known, so that no slot can be done
    before.

    Args:
        queue: of events.
        reports: int64[most at a time], scratch.
        report: int64[9], the report in hand.
        acked: int64[slots].
        due: int64[slots], how many there will be, -1 where that is open.
        state: int64[5].
        wait_ms: milliseconds to wait for an event.
    """
    settled = False
    while state[QUIT] == 0:
        if state[EVENT] == 0:
            event = _queue_poll(queue, np.int32(wait_ms))
            if event == 0:
                return IDLE
            state[EVENT], state[NEXT], state[COUNT] = event, 0, 0
            if _event_type(event) != 1:
                return OTHER
        while True:
            if state[NEXT] == state[COUNT]:
                state[NEXT] = 0
                state[COUNT] = _event_reports(state[EVENT], reports.ctypes.data, len(reports))
                if state[COUNT] == 0:
                    break
            _memcpy(report.ctypes.data, reports[state[NEXT]], REPORT_SIZE)
            if report[ERROR] & _LOW != 0 and state[FAILED] == 0:
                return REFUSED
            slot = report[SLOT]
            acked[slot] += 1
            settled |= acked[slot] == due[slot]
            state[NEXT] += 1
        _event_destroy(state[EVENT])
        state[EVENT] = 0
        if settled:
            return SETTLED
    return IDLE
