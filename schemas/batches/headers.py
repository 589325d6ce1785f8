"""The headers of record batches: one kernel checks all of them and says where each body stands.

::

    0 base offset i8 | 8 length i4 | 12 epoch i4 | 16 magic i1 | 17 crc u4 | 21 attributes i2
    23 last offset delta i4 | 27 base time i8 | 35 largest time i8 | 43 producer id i8
    51 producer epoch i2 | 53 base sequence i4 | 57 records i4 | 61 body

Numbers are big-endian. The length counts what follows it, the checksum covers everything from the attributes
on.
"""

import struct
from typing import Final

import numpy as np

from schemas.batches.crc32c import TABLES, fastest
from schemas.batches.wire import Bytes, Int, Ints, U
from schemas.errors import SchemaError
from schemas.jit import inlined, kernel

HEADER: Final = struct.Struct(">qiibIhiqqqhii")
"""What a batch begins with, as above."""
UNCOUNTED: Final = 12
"""Bytes of a batch that its length does not count: those up to its end."""
CHECKED: Final = 21
"""From here on the checksum covers a batch."""
CODEC, TRANSACTIONAL, CONTROL = 7, 16, 32
"""Attributes: how the body is compressed, whether it belongs to a transaction, whether it is a marker."""

BASE_OFFSET, BASE_TIME, APPEND_TIME, RECORDS, START, END, ATTRIBUTES, LAST_OFFSET, PRODUCER = range(9)
WIDTH: Final = 9
"""Columns of a batch: offset and time of its first record, the time of all of them or -1, how many there are,
where its body begins and ends, attributes, offset of the last record, producer id."""

_SIZE: Final = HEADER.size
_BY_BROKER: Final = 8  # attribute: the largest time is that of all records
_FORMAT: Final = 2
_ROOM: Final = 64
_DONE, _FULL, _SHORT, _MAGIC, _CHECKSUM = range(5)


@inlined
def _four(data: Bytes, at: Int) -> Int:
    """Four bytes as they are, the highest first."""
    high = np.int64(data[U(at)]) << 24 | np.int64(data[U(at + 1)]) << 16
    return high | np.int64(data[U(at + 2)]) << 8 | np.int64(data[U(at + 3)])


@inlined
def _int(data: Bytes, at: Int) -> Int:
    """A number of four bytes."""
    return (_four(data, at) ^ 0x8000_0000) - 0x8000_0000


@inlined
def _long(data: Bytes, at: Int) -> Int:
    """A number of eight bytes."""
    return _int(data, at) << 32 | _four(data, at + 4)


@kernel
def _walk(data: Bytes, at: Int, tables: Ints, found: Ints) -> tuple[Int, Int, Int, Int]:
    """Check headers from a place on and note them, as long as there is room.

    Returns:
        How many, all their attributes joined, the place after them, and why it ended there.
    """
    count = joined = np.int64(0)
    while len(data) - at >= _SIZE:
        size = UNCOUNTED + _int(data, at + 8)
        if size < _SIZE:
            return count, joined, at, np.int64(_SHORT)
        if size > len(data) - at:
            break
        if count == len(found):
            return count, joined, at, np.int64(_FULL)
        if data[U(at + 16)] != _FORMAT:
            return count, joined, at, np.int64(_MAGIC)
        if fastest(data, at + CHECKED, at + size, tables) != _four(data, at + 17):
            return count, joined, at, np.int64(_CHECKSUM)
        row, attributes = found[count], np.int64(data[U(at + 21)]) << 8 | np.int64(data[U(at + 22)])
        row[BASE_OFFSET], row[BASE_TIME] = _long(data, at), _long(data, at + 27)
        row[APPEND_TIME] = _long(data, at + 35) if attributes & _BY_BROKER else -1
        row[RECORDS], row[START], row[END] = _int(data, at + 57), at + _SIZE, at + size
        row[ATTRIBUTES], row[PRODUCER] = attributes, _long(data, at + 43)
        row[LAST_OFFSET] = row[BASE_OFFSET] + _int(data, at + 23)
        count, joined, at = count + 1, joined | attributes, at + size
    return count, joined, at, np.int64(_DONE)


def headers_of(data: Bytes) -> tuple[Ints, Int]:
    """The headers of batches; one that is cut short at the end of its bytes, as brokers send it, is left out.

    Args:
        data: read-only.

    Returns:
        int64[batches, WIDTH], in the order of the bytes, and the attributes that any of them has.

    Raises:
        SchemaError: a batch is of another format, or its checksum is wrong.
    """
    found = np.empty((_ROOM, WIDTH), np.int64)
    count, attributes, at, end = _walk(data, 0, TABLES, found)
    if end == _DONE:
        return found[:count], attributes
    parts = [found[:count]]
    while end == _FULL:
        found = np.empty((_ROOM, WIDTH), np.int64)
        count, more, at, end = _walk(data, at, TABLES, found)
        attributes |= more
        parts.append(found[:count])
    if end != _DONE:
        raise _error(data, int(at), int(end))
    return np.concatenate(parts), attributes


def _error(data: Bytes, at: int, end: int) -> SchemaError:
    """Why the batch at a place cannot be read."""
    header = HEADER.unpack_from(data.data, at)
    offset, length, _, magic, checksum, *_ = header
    if end == _SHORT:
        size = UNCOUNTED + length
        return SchemaError(f"a record batch must have {HEADER.size} bytes or more, was {size!r}")
    if end == _MAGIC:
        return SchemaError(f"a record batch must be of format 2, was {magic!r} (offset {offset})")
    return SchemaError(
        f"a record batch must have the checksum of its bytes, was {checksum!r} (offset {offset})"
    )
