"""Columns to values: the kernel that writes what the one of ``decode`` reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, eq=False)
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

    def __len__(self) -> int:
        return len(self.values)

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
        self._types = tuple(record_type(name) for name in topic.records)
        self._steps, self._starts = programs(self._types)
        self._shapes = np.array(
            [
                (
                    ids[kind.name],
                    kind.position(kind.key) if kind.key else -1,
                    kind.position(time) if (time := topic.event_time or kind.event_time) else -1,
                )
                for kind in self._types
            ],
            np.int64,
        )
        texts = [[f.name for f in kind.fields if f.op not in (LONG, DOUBLE, BOOLEAN)] for kind in self._types]
        self._texts = tuple(texts)

    def encode(self, columns: Columns) -> Encoded:
        """Values, keys and timestamps of the records, in order.

        An undecodable record keeps its original key, value and timestamp.

        Raises:
            SchemaError: an undecodable record has no original value.
        """
        originals = _originals(columns)
        cells, bases = self._cells(columns)
        out = np.empty(self._limit(columns) + _sizes(originals), np.uint8)
        result = np.empty((3, len(columns)), np.int64)
        size = _encode(
            sealed(columns.data), originals, cells, columns.kinds, columns.rows, self._steps, self._starts,
            bases, self._shapes, out, result,
        )  # fmt: skip
        return Encoded(sealed(out[:size]), unpacked(result[0]), unpacked(result[1]), result[2])

    @staticmethod
    def _cells(columns: Columns) -> tuple[Ints, Ints]:
        """All tables as one array of cells and int64[kinds + 1] where each begins."""
        tables = [np.ascontiguousarray(table).view(np.int64) for table in columns.tables]
        return np.concatenate(tables), np.cumsum([0, *(len(table) for table in tables)])

    def _limit(self, columns: Columns) -> int:
        """Bytes that the values cannot exceed; rows that stand in several records count each time."""
        limit = 0
        for number, (kind, texts) in enumerate(zip(self._types, self._texts, strict=True)):
            rows = columns.rows[columns.kinds == number]
            limit += len(rows) * (_PREFIX + _LARGEST_CELL * len(kind.fields))
            for name in texts:
                limit += int(columns.tables[number][name]["size"][rows].sum(dtype=np.int64))
        return limit


def _originals(columns: Columns) -> Ints:
    """int64[3, n]: packed key, packed value and timestamp of the undecodable records, null elsewhere."""
    found = np.full((3, len(columns)), _NULL, np.int64)
    lost = np.flatnonzero(columns.kinds < 0)
    if len(lost) == 0:
        return found
    if len(columns.values) != len(columns) or np.any(columns.values["size"][lost] < 0):
        raise SchemaError("an undecodable record must have its original value, was without")
    found[0, lost] = packed(columns.keys)[lost]
    found[1, lost] = packed(columns.values)[lost]
    found[2, lost] = columns.timestamps[lost]
    return found


def _sizes(originals: Ints) -> int:
    """Bytes of the original keys and values."""
    return int(np.maximum(unpacked(originals[:2].ravel())["size"], 0).sum(dtype=np.int64))
