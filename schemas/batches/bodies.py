"""Where the records stand in the bodies of record batches, not compressed: one kernel over all of them.

A record is numbers, as zigzag varints, and two texts, of which a size of -1 says null::

    size | attributes i1 | time from the batch's | offset from the batch's | key size, key | value size, value

and headers, which nothing reads. ``size`` counts what follows it.
"""

from typing import Final

import numpy as np

from schemas.batches.wire import BROKEN, Bytes, Int, Ints, U, read_long, span, unzigzag
from schemas.jit import inlined, kernel

_NULL: Final = int(span(0, -1))
_TORN: Final = (BROKEN, 0, 0, 0, 0)
_SHORT: Final = 3
_LONG: Final = 1 << 40  # what no number of three bytes is, and no size
_SMALLEST: Final = 7  # bytes of a record
_ROOM: Final = 4 * _SHORT + 1  # a record's numbers before its key, and its attributes


@inlined
def _text(data: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """Span of a key or value and the position after it."""
    size, at = read_long(data, at, end)
    if at == BROKEN or size > end - at:
        return np.int64(0), BROKEN
    if size < 0:
        return _NULL, at
    return span(at, size), at + size


@inlined
def _record(data: Bytes, at: Int, limit: Int) -> tuple[Int, Int, Int, Int, Int]:
    """Position after a record, its offset and time as differences, its key and its value."""
    size, at = read_long(data, at, limit)
    if at == BROKEN or size < 1 or size > limit - at:
        return _TORN
    end = at + size
    time, at = read_long(data, at + 1, end)  # the byte before holds attributes that nothing uses
    if at == BROKEN:
        return _TORN
    offset, at = read_long(data, at, end)
    if at == BROKEN:
        return _TORN
    key, at = _text(data, at, end)
    if at == BROKEN:
        return _TORN
    value, at = _text(data, at, end)
    return (end, offset, time, key, value) if at != BROKEN else _TORN


@inlined
def _short(data: Bytes, at: Int) -> tuple[Int, Int]:
    """A varint of one to three bytes, all there, and the position after it; ``_LONG`` for a longer one."""
    first = np.int64(data[U(at)])
    if first < 128:
        return unzigzag(first), at + 1
    second = np.int64(data[U(at + 1)])
    bits = first & 127 | second << 7
    if second < 128:
        return unzigzag(bits), at + 2
    third = np.int64(data[U(at + 2)])
    return (unzigzag(bits & 0x3FFF | third << 14) if third < 128 else _LONG), at + 3


@inlined
def _short_record(data: Bytes, at: Int, limit: Int) -> tuple[Int, Int, Int, Int, Int]:
    """As ``_record``; torn is also one of long numbers or without a key, or near the end of its batch.

    That all of its numbers are there is seen at once, so that framing a tick takes 5 ns instead of 6.5.
    """
    if limit - at < _ROOM:
        return _TORN
    size, at = _short(data, at)
    end = at + size
    time, at = _short(data, at + 1)
    offset, at = _short(data, at)
    key, at = _short(data, at)
    if _LONG in (time, offset) or not 0 <= key <= limit - at - _SHORT:
        return _TORN
    value, after = _short(data, at + key)
    if end > limit or not 0 <= value <= end - after:
        return _TORN
    return end, offset, time, span(at, key), span(after, value)


@kernel
def count(headers: Ints) -> Int:
    """How many records batches say they hold, or -1 less the number of one that cannot hold as many.

    Args:
        headers: as ``frame`` takes them.
    """
    records = np.int64(0)
    for batch in range(len(headers)):
        own, size = headers[batch, 3], headers[batch, 5] - headers[batch, 4]
        if not 0 <= own <= size // _SMALLEST:
            return np.int64(-1 - batch)
        records += own
    return records


@kernel
def frame(data: Bytes, headers: Ints, first: Int, columns: Ints) -> Int:
    """Find the records of batches.

    Args:
        data: what holds the bodies.
        headers: int64[batches, 6 or more]: offset and time of the first record, time of all or -1, records,
            where the body begins and ends.
        first: smallest offset wanted.
        columns: int64[4, records] takes offsets, times in milliseconds, packed keys and values.

    Returns:
        Records found, or -1 less the number of the batch that is torn.
    """
    offsets, times, keys, values = columns[0], columns[1], columns[2], columns[3]
    row = 0
    for batch in range(len(headers)):
        base_offset, base_time, append_time = headers[batch, 0], headers[batch, 1], headers[batch, 2]
        at, end = headers[batch, 4], headers[batch, 5]
        for _ in range(headers[batch, 3]):
            after, offset, time, key, value = _short_record(data, at, end)
            if after == BROKEN:
                after, offset, time, key, value = _record(data, at, end)
            if after == BROKEN:
                return -1 - batch
            offsets[U(row)], keys[U(row)], values[U(row)] = base_offset + offset, key, value
            times[U(row)] = append_time if append_time >= 0 else base_time + time
            if base_offset + offset >= first:
                row += 1
            at = after
        if at != end:
            return -1 - batch
    return row
