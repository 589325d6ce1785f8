"""Record batches to frames: where each record's key and value stand in one buffer.

A first kernel checks the headers (``headers``). Bodies that are compressed are laid behind each other; of one
buffer without any, records are read where they stand. A second kernel finds the records (``bodies``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.batches.bodies import count, frame
from schemas.batches.compression import decompress
from schemas.batches.headers import (
    ATTRIBUTES,
    BASE_OFFSET,
    CODEC,
    CONTROL,
    END,
    LAST_OFFSET,
    PRODUCER,
    RECORDS,
    START,
    TRANSACTIONAL,
    WIDTH,
    headers_of,
)
from schemas.batches.wire import Bytes, Ints, sealed, unpacked
from schemas.columns import Rows
from schemas.errors import SchemaError
from schemas.records import SPAN

_NO_HEADERS: Final = np.empty((0, WIDTH), np.int64)
_APART: Final = CODEC | TRANSACTIONAL | CONTROL
"""Attributes of what must be looked at batch by batch."""


@dataclass(slots=True, eq=False)
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
    found = [headers_of(data) for data in chunks]
    if len(chunks) == 1 and not found[0][1] & _APART:
        return _framed(chunks[0], found[0][0], first)
    rows = [headers.tolist() for headers, _ in found]
    return _framed(*_joined(chunks, rows, _Aborted(aborted)), first)


def _joined(
    chunks: Sequence[Bytes], found: Sequence[list[list[int]]], transactions: "_Aborted"
) -> tuple[Bytes, Ints]:
    """The bodies that may be read behind each other, and the headers with where they stand then."""
    bodies: list[Bytes] = []
    headers: list[list[int]] = []
    end = 0
    for data, rows in zip(chunks, found, strict=True):
        for row in rows:
            if transactions.hides(row):
                continue
            body = decompress(data[row[START] : row[END]], row[ATTRIBUTES] & CODEC)
            row[START], row[END] = end, end + len(body)
            end += len(body)
            bodies.append(body)
            headers.append(row)
    if not bodies:
        return sealed(b""), _NO_HEADERS
    return bodies[0] if len(bodies) == 1 else sealed(np.concatenate(bodies)), np.array(headers, np.int64)


class _Aborted:
    """Which batches belong to aborted transactions, as the log is read."""

    def __init__(self, aborted: Sequence[tuple[int, int]]) -> None:
        self._waiting = sorted((first, producer) for producer, first in aborted)
        self._open: set[int] = set()

    def hides(self, header: Sequence[int]) -> bool:
        """Whether no reader may see the batch."""
        attributes, last, producer = header[ATTRIBUTES], header[LAST_OFFSET], header[PRODUCER]
        while self._waiting and self._waiting[0][0] <= last:
            self._open.add(self._waiting.pop(0)[1])
        if attributes & CONTROL:  # any marker after its first offset ends an aborted transaction
            self._open.discard(producer)
            return True
        return bool(attributes & TRANSACTIONAL) and producer in self._open


def _framed(data: Bytes, headers: Ints, first: int) -> Frames:
    most = count(headers)
    if most < 0:
        offset, records = (int(headers[-1 - most, column]) for column in (BASE_OFFSET, RECORDS))
        raise SchemaError(f"a record batch must hold the records it counts, was {records} (offset {offset})")
    columns = np.empty((4, most), np.int64)
    size = frame(data, headers, first, columns)
    if size < 0:
        offset = int(headers[-1 - size, BASE_OFFSET])
        raise SchemaError(f"records of a batch must fill its bytes, was torn (offset {offset})")
    offsets, timestamps, keys, values = columns[:, :size]
    return Frames(data, offsets, timestamps, unpacked(keys), unpacked(values), np.zeros(size, np.int64))
