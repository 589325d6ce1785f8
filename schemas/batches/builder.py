"""Records to record batches of Kafka's format 2, as ``headers`` lays them out and ``frames`` reads them.

A builder takes encoded records in order, a kernel call for each lot of them; the header is written last, when
it is known which producer sends the batch and as what number.
"""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.batches.compression import compress
from schemas.batches.crc32c import crc32c
from schemas.batches.encode import Encoded
from schemas.batches.headers import CHECKED, HEADER, UNCOUNTED
from schemas.batches.wire import Bytes, Int, Ints, packed, sealed, span_at, span_size, write_bytes, write_long
from schemas.jit import inlined, kernel

LIMIT: Final = 1_000_000
"""Bytes of records after which a batch is full, below what Kafka's topics take unless told otherwise; one
record may be larger."""

_CRC: Final = struct.Struct(">I")
_AROUND: Final = 40
"""Most bytes around key, value and headers of a record: five varints and the attributes."""


@inlined
def _long_size(value: Int) -> Int:
    """Bytes of a zigzag varint."""
    rest = (np.int64(value) << 1) ^ (np.int64(value) >> 63)
    size: Int = np.int64(1)
    while rest & ~127:
        rest = (rest >> 7) & 0x01FF_FFFF_FFFF_FFFF
        size += 1
    return size


@inlined
def _write_text(out: Bytes, at: Int, data: Bytes, span: Int) -> Int:
    size = span_size(span)
    at = write_long(out, at, size)
    return at if size < 0 else write_bytes(out, at, data, span_at(span), size)


@kernel
def _write(
    out: Bytes,
    data: Bytes,
    keys: Ints,
    values: Ints,
    timestamps: Ints,
    headers: Bytes,
    now: Int,
    begin: Int,
    first: Int,
    count: Int,
) -> tuple[Int, Int, Int]:
    """Write records from row ``first`` on as those from number ``count`` on of a batch, while they fit.

    Returns:
        Bytes written, the row after the last one, and the largest timestamp.
    """
    at: Int = np.int64(0)
    largest: Int = np.int64(begin)
    for row in range(first, len(values)):
        time = timestamps[row] if timestamps[row] > 0 else now
        key, value, number = keys[row], values[row], count + row - first
        texts = max(span_size(key), 0) + max(span_size(value), 0)
        size = 1 + _long_size(time - begin) + _long_size(number) + texts + len(headers)
        size += _long_size(span_size(key)) + _long_size(span_size(value))
        if at + size + _long_size(size) > len(out):
            return at, np.int64(row), largest
        at = write_long(out, at, size)
        out[at] = 0
        at = write_long(out, at + 1, time - begin)
        at = write_long(out, at, number)
        at = _write_text(out, at, data, key)
        at = _write_text(out, at, data, value)
        at = write_bytes(out, at, headers, 0, len(headers))
        largest = max(largest, time)
    return at, np.int64(len(values)), largest


@kernel
def _room(keys: Ints, values: Ints, first: Int, headers: Int, enough: Int) -> Int:
    """Bytes that records from row ``first`` on take at most; it stops where they are more than enough."""
    room: Int = np.int64(0)
    for row in range(first, len(values)):
        room += max(span_size(keys[row]), 0) + max(span_size(values[row]), 0) + _AROUND + headers
        if room > enough:
            break
    return room


class BatchBuilder:
    """Builds one batch.

    Attributes:
        count: records in it.
        size: bytes of them.
    """

    __slots__ = ("_begin", "_largest", "_parts", "count", "size")

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self._parts: list[Bytes] = []
        self._begin = self._largest = 0  # timestamps, ms

    def add(self, records: Encoded, first: int, headers: Bytes, now: int) -> int:
        """Add records in order, as many as fit; into an empty batch at least one.

        Args:
            records: what to add,
            first: from this row on.
            headers: of each of them, as ``header_block`` gives them.
            now: milliseconds, the timestamp of those that have none.

        Returns:
            The row after the last one that was added.
        """
        keys, values = packed(records.keys), packed(records.values)
        left = LIMIT - self.size
        room = _room(keys, values, first, len(headers), left)
        if room > left:  # not all of them fit
            least = _room(keys, values, first, len(headers), 0)
            if self.count and left < least:
                return first
            room = max(left, least)
        if not self.count:
            self._begin = self._largest = int(records.timestamps[first]) or now
        out = np.empty(room, np.uint8)
        size, row, largest = _write(
            out,
            sealed(records.data),
            keys,
            values,
            records.timestamps,
            headers,
            now,
            self._begin,
            first,
            self.count,
        )
        self._parts.append(out[:size])
        self.size += int(size)
        self.count += int(row) - first
        self._largest = max(self._largest, int(largest))
        return int(row)

    def build(self, producer: int, epoch: int, sequence: int) -> bytearray:
        """The batch of a producer, its records being of these sequence numbers.

        Args:
            producer: id that the broker gave,
            epoch: and its epoch.
            sequence: number of the first record among all that it sends to the partition.
        """
        body, codec = compress(b"".join([part.data for part in self._parts]))
        batch = bytearray(HEADER.size) + body
        length = len(batch) - UNCOUNTED
        HEADER.pack_into(
            batch, 0, 0, length, -1, 2, 0, codec, self.count - 1, self._begin, self._largest, producer, epoch,
            sequence, self.count,
        )  # fmt: skip
        _CRC.pack_into(batch, CHECKED - _CRC.size, crc32c(sealed(batch), CHECKED, len(batch)))
        return batch


def header_block(headers: Sequence[tuple[str, bytes]]) -> Bytes:
    """Headers of a record as they stand behind its value."""
    texts = [text for name, value in headers for text in (name.encode(), value)]
    return sealed(_varint(len(headers)) + b"".join([_varint(len(text)) + text for text in texts]))


def warm() -> None:
    """Compile the kernel; it is kept for later processes."""
    batch = BatchBuilder()
    batch.add(Encoded.of([b"key"], [b"value"], np.zeros(1, np.int64)), 0, header_block(()), 1)
    batch.build(0, 0, 0)


def _varint(number: int) -> bytes:
    """A zigzag varint of a number that is not negative."""
    rest, out = 2 * number, bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)
