"""Columns to values: the kernel that writes what the one of ``decode`` reads."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.program import BOOLEAN, DOUBLE, LONG, NULLABLE, OP, TEXT, programs
from schemas.batches.wire import (
    Bytes,
    Int,
    Ints,
    U,
    packed,
    sealed,
    span,
    span_at,
    span_size,
    unpacked,
    write_bytes,
    write_long,
    write_word,
)
from schemas.columns import Columns, Rows
from schemas.errors import SchemaError
from schemas.jit import inlined, kernel
from schemas.records import record_type
from schemas.topics import Topic

_NULL: Final = span(0, -1)
_LARGEST_CELL: Final = 11  # the branch of a union and a varint
_PREFIX: Final = 5
_MS: Final = 1_000_000
_NO_ORIGINALS: Final = np.empty((3, 0), np.int64)


@dataclass(slots=True, eq=False)
class Encoded:
    """Records ready to be sent, in order.

    Attributes:
        data: uint8, what the spans point into; a key stands inside its value.
        keys: span[n], size -1 for null.
        values: span[n].
        timestamps: int64[n], event time in milliseconds, never below 0.
    """

    data: Bytes
    keys: Rows
    values: Rows
    timestamps: Ints

    @classmethod
    def of(
        cls, keys: Collection[bytes | None], values: Collection[bytes | None], timestamps: Ints
    ) -> "Encoded":
        """Records that are bytes already; None is null."""
        parts = [*keys, *values]
        sizes = np.array([-1 if part is None else len(part) for part in parts], np.int64)
        ends = np.cumsum(np.maximum(sizes, 0))
        spans = (sizes << 32) | (ends - np.maximum(sizes, 0))
        data = sealed(b"".join(filter(None, parts)))
        return cls(data, unpacked(spans[: len(keys)]), unpacked(spans[len(keys) :]), timestamps)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.intp]) -> "Encoded":
        """Some of the records, or some of them several times."""
        keys, values = (unpacked(packed(spans)[rows]) for spans in (self.keys, self.values))
        return Encoded(self.data, keys, values, self.timestamps[rows])

    def part(self, first: int, last: int) -> "Encoded":
        """The records of the rows from ``first`` to before ``last``; nothing is copied."""
        rows = slice(first, last)
        return Encoded(self.data, self.keys[rows], self.values[rows], self.timestamps[rows])

    def records(self) -> Iterator[tuple[bytes | None, bytes, int]]:
        """Key, value and timestamp of each record."""
        whole = self.data.tobytes()
        ends = self.values["at"] + self.values["size"]
        key_ends = self.keys["at"] + self.keys["size"]
        spans = zip(
            self.keys["at"].tolist(), key_ends.tolist(), self.values["at"].tolist(), ends.tolist(),
            self.timestamps.tolist(), strict=True,
        )  # fmt: skip
        for key, key_end, value, end, timestamp in spans:
            yield (whole[key:key_end] if key_end >= key else None), whole[value:end], timestamp


@inlined
def _put(out: Bytes, at: Int, data: Bytes, cell: Int, op: Int) -> Int:
    """Write one cell that is not null; position after it."""
    if op == LONG:
        return write_long(out, at, cell)
    if op == DOUBLE:
        return write_word(out, at, cell)
    if op == BOOLEAN:
        out[U(at)] = cell != 0
        return at + 1
    size = span_size(cell)
    if op == TEXT:
        return write_bytes(out, write_long(out, at, size), data, span_at(cell), size)
    if size == 0:  # a row of zeros has an empty map or array
        out[U(at)] = 0
        return at + 1
    return write_bytes(out, at, data, span_at(cell), size)


@inlined
def _row(
    out: Bytes, at: Int, data: Bytes, steps: Ints, first: Int, last: Int, cells: Ints, base: Int, key: Int
) -> tuple[Int, Int]:
    """Write the record whose cells begin at ``base`` by the steps ``first`` to ``last``.

    Returns:
        Packed span of its key and the position after it.
    """
    nulls, found = cells[U(base + last - first)], _NULL
    for field in range(last - first):
        step = steps[U(first + field)]
        if step & NULLABLE:
            if (nulls >> field) & 1:
                out[U(at)] = 0
                at += 1
                continue
            out[U(at)] = 2
            at += 1
        at = _put(out, at, data, cells[U(base + field)], step & OP)
        if field == key:
            size = span_size(cells[U(base + field)])
            found = span(at - size, size)
    return found, at


@inlined
def _copy(out: Bytes, at: Int, data: Bytes, key: Int) -> tuple[Int, Int]:
    """Write the key of an undecodable record; its packed span and the position after it."""
    found = key
    if span_size(key) >= 0:
        found = span(at, span_size(key))
        at = write_bytes(out, at, data, span_at(key), span_size(key))
    return found, at


@kernel
def _encode(
    data: Bytes,
    originals: Ints,
    cells: Ints,
    kinds: NDArray[np.int8],
    rows: NDArray[np.int32],
    steps: Ints,
    starts: Ints,
    bases: Ints,
    shapes: Ints,
    out: Bytes,
    result: Ints,
) -> Int:
    """Write all records; ``shapes`` holds schema id, key field and event-time field of each kind.

    ``originals`` holds key, value and timestamp of those that are undecodable.
    """
    at: Int = 0
    for record in range(len(kinds)):
        kind = kinds[record]
        if kind < 0:
            key, value = originals[0, record], originals[1, record]
            result[0, record], at = _copy(out, at, data, key)
            result[1, record] = span(at, span_size(value))
            at = write_bytes(out, at, data, span_at(value), span_size(value))
            result[2, record] = originals[2, record]
            continue
        width = starts[kind + 1] - starts[kind] + 1
        base = bases[kind] + rows[record] * width
        begin, out[U(at)] = at, 0
        for byte in range(4):
            out[U(at + 1 + byte)] = (shapes[kind, 0] >> (8 * (3 - byte))) & 255
        result[0, record], at = _row(
            out, at + _PREFIX, data, steps, starts[kind], starts[kind + 1], cells, base, shapes[kind, 1]
        )
        result[1, record] = span(begin, at - begin)
        time = shapes[kind, 2]
        result[2, record] = max(cells[U(base + time)] // _MS, 0) if time >= 0 else 0
    return at


@kernel
def _limit(
    originals: Ints,
    cells: Ints,
    kinds: NDArray[np.int8],
    rows: NDArray[np.int32],
    steps: Ints,
    starts: Ints,
    bases: Ints,
) -> Int:
    """Bytes that the values cannot exceed; rows that stand in several records count each time.

    -1 where one is undecodable and ``originals`` is empty.
    """
    limit: Int = 0
    for record in range(len(kinds)):
        kind = kinds[record]
        if kind < 0:
            if originals.shape[1] == 0:
                return -1
            limit += max(span_size(originals[0, record]), 0) + span_size(originals[1, record])
            continue
        first, last = starts[kind], starts[kind + 1]
        base = bases[kind] + rows[record] * (last - first + 1)
        limit += _PREFIX + _LARGEST_CELL * (last - first)
        for field in range(last - first):
            if (steps[U(first + field)] & OP) >= TEXT:
                limit += span_size(cells[U(base + field)])
    return limit


class Encoder:
    """Writes the records of one topic.

    Args:
        topic: the topic.
        ids: schema id by record name.

    Raises:
        SchemaError: a record type of the topic has no id.
    """

    def __init__(self, topic: Topic, ids: Mapping[str, int]) -> None:
        missing = [name for name in topic.records if name not in ids]
        if missing:
            raise SchemaError(f"records of {topic.name} must be registered, was without {missing!r}")
        types = tuple(record_type(name) for name in topic.records)
        self._steps, self._starts = programs(types)
        self._shapes = np.array(
            [
                (
                    ids[kind.name],
                    kind.position(kind.key) if kind.key else -1,
                    kind.position(time) if (time := topic.event_time or kind.event_time) else -1,
                )
                for kind in types
            ],
            np.int64,
        )

    def encode(self, columns: Columns) -> Encoded:
        """Values, keys and timestamps of the records, in order.

        An undecodable record keeps its original key, value and timestamp.

        Raises:
            SchemaError: an undecodable record has no original value.
        """
        cells, bases = _cells(columns)
        rows = cells, columns.kinds, columns.rows, self._steps, self._starts, bases
        originals = _NO_ORIGINALS
        limit = _limit(originals, *rows)
        if limit < 0:
            originals = _originals(columns)
            limit = _limit(originals, *rows)
        out, result = np.empty(limit, np.uint8), np.empty((3, len(columns)), np.int64)
        size = _encode(sealed(columns.data), originals, *rows, self._shapes, out, result)
        return Encoded(sealed(out[:size]), unpacked(result[0]), unpacked(result[1]), result[2])


def _cells(columns: Columns) -> tuple[Ints, Ints]:
    """All tables as one array of cells and int64[kinds] where each begins."""
    tables = [packed(np.ascontiguousarray(table)) for table in columns.tables]
    bases = list(accumulate((len(table) for table in tables), initial=0))
    return tables[0] if len(tables) == 1 else np.concatenate(tables), np.array(bases, np.int64)


def _originals(columns: Columns) -> Ints:
    """int64[3, n]: packed key, packed value and timestamp of the undecodable records."""
    lost = np.flatnonzero(columns.kinds < 0)
    found = np.full((3, len(columns)), _NULL, np.int64)
    if len(columns.values) != len(columns) or np.any(columns.values["size"][lost] < 0):
        raise SchemaError("an undecodable record must have its original value, was without")
    found[0, lost] = packed(columns.keys)[lost]
    found[1, lost] = packed(columns.values)[lost]
    found[2, lost] = columns.timestamps[lost]
    return found
