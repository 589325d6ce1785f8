"""Record batches to frames: where each record's key and value stand in one buffer.

A batch of Kafka's format 2 is a header of 61 bytes and a body, compressed or not::

    0 base offset i8 | 8 length i4 | 12 epoch i4 | 16 magic i1 | 17 crc u4 | 21 attributes i2
    23 last offset delta i4 | 27 base time i8 | 35 largest time i8 | 43 producer id i8
    51 producer epoch i2 | 53 base sequence i4 | 57 records i4 | 61 body

The checksum covers everything from the attributes on. The first pass checks the headers one by one and lays
the bodies behind each other where they are compressed; the second, one kernel over all of them, finds the
records (``bodies``).
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from schemas.batches.bodies import frame
from schemas.batches.compression import decompress
from schemas.batches.crc32c import crc32c
from schemas.batches.wire import Bytes, Ints, sealed, unpacked
from schemas.columns import Rows
from schemas.errors import SchemaError
from schemas.records import SPAN

HEADER: Final = struct.Struct(">qiibIhiqqqhii")
"""What a batch begins with, as above."""
UNCOUNTED: Final = 12
"""Bytes of a batch that its length does not count: those up to its end."""
CHECKED: Final = 21
"""From here on the checksum covers a batch."""

_LENGTH: Final = struct.Struct(">i")
_SMALLEST_RECORD: Final = 7
_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 8, 16, 32


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Records of one partition, not yet read, in log order.

    Attributes:
        data: uint8, read-only, what the spans point into.
        offsets: int64[n], ascending.
        timestamps: int64[n], milliseconds.
        keys: span[n], size -1 for null.
        values: span[n], size -1 for null.
        published: int64[n], the wall clock in ns when it was sent (header ``ts_published``): no decision may
            depend on it; 0 where it is not known, and in what came in batches.
    """

    data: Bytes
    offsets: Ints
    timestamps: Ints
    keys: Rows
    values: Rows
    published: Ints

    def __len__(self) -> int:
        return len(self.offsets)

    def cut(self, low: int, high: int) -> "Frames":
        """The records at the positions from ``low`` up to, not including, ``high``; they share the buffer."""
        part = slice(low, high)
        return Frames(
            self.data, self.offsets[part], self.timestamps[part], self.keys[part], self.values[part],
            self.published[part],
        )  # fmt: skip


def from_records(
    records: Iterable[tuple[int, int, bytes | None, bytes | None]], published: Sequence[int] = ()
) -> Frames:
    """Frames of records that came one by one: offset, timestamp in milliseconds, key, value.

    Args:
        records: in log order.
        published: when each was sent, in ns, where that is known.
    """
    rows = list(records)
    offsets, timestamps, keys, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    texts = [*keys, *values]
    sizes = np.array([-1 if text is None else len(text) for text in texts], np.int64)
    taken = np.maximum(sizes, 0)
    spans = np.zeros(len(texts), SPAN)
    spans["at"] = np.where(sizes < 0, 0, np.cumsum(taken) - taken)
    spans["size"] = sizes
    count = len(offsets)
    return Frames(
        sealed(b"".join([text for text in texts if text is not None])),
        np.array(offsets, np.int64),
        np.array(timestamps, np.int64),
        spans[:count].copy(),
        spans[count:].copy(),
        np.array(published, np.int64) if published else np.zeros(count, np.int64),
    )


class _Batch(NamedTuple):
    """What the kernel has to know of a batch: a row of its own."""

    base_offset: int
    base_time: int
    append_time: int  # time of all records, -1 where each has its own
    records: int
    start: int  # of its body
    end: int


def from_batches(
    batches: Sequence[bytes | memoryview], first: int = 0, aborted: Sequence[tuple[int, int]] = ()
) -> Frames:
    """Frames of raw record batches.

    Control batches are skipped, so are the records of aborted transactions and those below ``first``; a batch
    that is cut short at the end of its bytes, as brokers send it, is left out.

    Args:
        batches: one or more batches in each element, in log order.
        first: smallest offset wanted; a broker sends the whole batch it stands in.
        aborted: (producer id, first offset) of aborted transactions, as a fetch response names them.

    Raises:
        SchemaError: a batch is of another format, its checksum is wrong or its records are torn.
    """
    chunks = [sealed(chunk) for chunk in batches]
    bodies: list[Bytes] = []
    found: list[_Batch] = []
    transactions = _Aborted(aborted)
    plain = len(chunks) == 1  # nothing is compressed or has to be joined: records are read where they stand
    for data in chunks:
        at, view = 0, data.data
        while (size := _whole(view, at)) > 0:
            header = _checked(data, view, at, size)
            if not transactions.hides(header):
                begin, codec = at + HEADER.size, header[5] & 7
                body = data[begin : at + size]
                body = decompress(body, codec) if codec else body
                plain = plain and codec == 0
                bodies.append(body)
                found.append(_placed(header, begin, begin + len(body)))
            at += size
    return _framed(chunks[0], found, first) if plain else _framed(*_joined(bodies, found), first)


def _joined(bodies: Sequence[Bytes], found: Sequence[_Batch]) -> tuple[Bytes, list[_Batch]]:
    """The bodies behind each other, and the batches where they stand then."""
    starts = accumulate((len(body) for body in bodies), initial=0)
    moved = [
        _Batch(*batch[:4], start, start + batch.end - batch.start)
        for batch, start in zip(found, starts, strict=False)
    ]
    if len(bodies) == 1:
        return bodies[0], moved
    return sealed(np.concatenate(bodies)) if bodies else sealed(b""), moved


def _whole(data: memoryview, at: int) -> int:
    """Size of the batch at a place, 0 where it is not there as a whole."""
    if len(data) - at < HEADER.size:
        return 0
    size = UNCOUNTED + int(_LENGTH.unpack_from(data, at + UNCOUNTED - _LENGTH.size)[0])
    if size < HEADER.size:
        raise SchemaError(f"a record batch must have {HEADER.size} bytes or more, was {size!r}")
    return size if size <= len(data) - at else 0


def _checked(data: Bytes, view: memoryview, at: int, size: int) -> tuple[int, ...]:
    """Header of the batch at a place, its format and checksum checked."""
    header = HEADER.unpack_from(view, at)
    if header[3] != 2:
        raise SchemaError(f"a record batch must be of format 2, was {header[3]!r} (offset {header[0]})")
    if crc32c(data, at + CHECKED, at + size) != header[4]:
        raise SchemaError(
            f"a record batch must have the checksum of its bytes, was {header[4]!r} (offset {header[0]})"
        )
    return header


def _placed(header: tuple[int, ...], start: int, end: int) -> _Batch:
    base_offset, attributes, base_time, largest, count = (
        header[0],
        header[5],
        header[7],
        header[8],
        header[12],
    )
    if not 0 <= count <= (end - start) // _SMALLEST_RECORD:
        raise SchemaError(
            f"a record batch must hold the records it counts, was {count!r} (offset {base_offset})"
        )
    return _Batch(base_offset, base_time, largest if attributes & _APPEND_TIME else -1, count, start, end)


class _Aborted:
    """Which batches belong to aborted transactions, as the log is read."""

    def __init__(self, aborted: Sequence[tuple[int, int]]) -> None:
        self._waiting = sorted((first, producer) for producer, first in aborted)
        self._open: set[int] = set()

    def hides(self, header: tuple[int, ...]) -> bool:
        """Whether no reader may see the batch."""
        attributes, last, producer = header[5], header[0] + header[6], header[9]
        while self._waiting and self._waiting[0][0] <= last:
            self._open.add(self._waiting.pop(0)[1])
        if attributes & _CONTROL:  # any marker after its first offset ends an aborted transaction
            self._open.discard(producer)
            return True
        return bool(attributes & _TRANSACTIONAL) and producer in self._open


def _framed(data: Bytes, found: Sequence[_Batch], first: int) -> Frames:
    headers = np.array(found, np.int64).reshape(len(found), 6)
    columns = np.empty((4, sum([batch.records for batch in found])), np.int64)
    count = frame(data, headers, first, columns)
    if count < 0:
        raise SchemaError(
            f"records of a batch must fill its bytes, was torn (offset {found[-1 - int(count)].base_offset})"
        )
    offsets, timestamps, keys, values = columns[:, :count]
    return Frames(data, offsets, timestamps, unpacked(keys), unpacked(values), np.zeros(count, np.int64))
