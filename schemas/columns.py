"""Records of one topic and partition as columns: what a stage gets and what it gives back.

Records of several types share a topic, so a ``Columns`` holds one table of rows per record type and, in log
order, for each record its type (``kinds``) and its place in that table (``rows``)::

    kinds   0  0  2  0  1      tables[0]  Tick       3 rows
    rows    0  1  0  2  0      tables[1]  Quote      1 row
                               tables[2]  Heartbeat  1 row
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.records import SPAN, Op, RecordType, record_type
from schemas.topics import TOPICS, Topic

UNDECODABLE: Final = -1
"""Kind of a record whose bytes could not be read; it has no row."""

Rows: TypeAlias = NDArray[np.void]
Ints: TypeAlias = NDArray[np.int64]
Bytes: TypeAlias = NDArray[np.uint8]

_T = TypeVar("_T", bound=np.generic)

_NO_SPANS: Final = np.zeros(0, SPAN)
_NO_INTS: Final = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Records of one topic and partition, in log order.

    Attributes:
        topic: the topic.
        partition: number of the partition.
        kinds: int8[n], position in ``topic.records``, or ``UNDECODABLE``.
        rows: int32[n], row in ``tables[kind]``; -1 where undecodable.
        tables: structured rows per record type, in the order of ``topic.records``.
        data: uint8, what all spans point into.
        offsets: int64[n], ascending; empty in what a stage made.
        timestamps: int64[n], record timestamps in milliseconds; empty in what a stage made.
        keys: span[n] of the original keys, size -1 for null; empty in what a stage made.
        values: span[n] of the original values, size -1 for null; empty in what a stage made.
    """

    topic: Topic
    partition: int
    kinds: NDArray[np.int8]
    rows: NDArray[np.int32]
    tables: tuple[Rows, ...]
    data: Bytes
    offsets: Ints
    timestamps: Ints
    keys: Rows
    values: Rows

    def __len__(self) -> int:
        return len(self.kinds)

    def table(self, record: str) -> Rows:
        """Rows of one record type, in log order."""
        return self.tables[self.topic.kind(record)]

    def places(self, record: str) -> NDArray[np.intp]:
        """Positions in the log order of the rows of one record type."""
        return np.flatnonzero(self.kinds == self.topic.kind(record))

    def bytes_at(self, span: np.void) -> bytes:
        """The bytes a span points to."""
        at, size = int(span["at"]), int(span["size"])
        return self.data[at : at + size].tobytes() if size > 0 else b""

    def text_at(self, span: np.void) -> str:
        """The text a span points to; bytes that are no UTF-8 are replaced."""
        return self.bytes_at(span).decode("utf-8", "replace")

    def record_types(self) -> tuple[RecordType, ...]:
        """Record types in the order of ``tables``."""
        return tuple(record_type(name) for name in self.topic.records)


class Draft:
    """Collects what a stage puts out on one topic and partition, then gives it as columns.

    Rows come as arrays (``extend``) or one by one (``row``). Their order in the log is that of the calls, or,
    where ``at`` is given, of that number first.

    Example:
        >>> draft = Draft("bars.1m", partition=0)
        >>> spans = draft.texts([b"SPY", b"AIG"])
        >>> bars = record_type("Bar").empty(2)
        >>> bars["symbol"] = spans
        >>> draft.extend("Bar", bars)
        >>> len(draft.finish())
        2
    """

    def __init__(self, topic: str, partition: int) -> None:
        self._topic = TOPICS[topic]
        self._partition = partition
        self._data = bytearray()
        self._spans: dict[bytes, tuple[int, int]] = {}
        self._tables: list[list[Rows]] = [[] for _ in self._topic.records]
        self._counts = [0 for _ in self._topic.records]
        self._kinds: list[NDArray[np.int8]] = []
        self._rows: list[NDArray[np.int32]] = []
        self._ats: list[Ints] = []

    def __len__(self) -> int:
        return sum(self._counts)

    def text(self, value: bytes) -> tuple[int, int]:
        """Span of a text, stored once however often it is asked for."""
        span = self._spans.get(value)
        if span is None:
            span = self._spans[value] = (len(self._data), len(value))
            self._data += value
        return span

    def texts(self, values: Iterable[bytes]) -> Rows:
        """Spans of several texts, to be indexed by number: ``spans[numbers]``."""
        return np.array([self.text(value) for value in values], SPAN)

    def extend(self, record: str, rows: Rows, at: Ints | None = None) -> None:
        """Append rows of one type.

        Args:
            record: name of the record type.
            rows: rows of its layout, whose spans came from this draft.
            at: int64[n], place in the order of the whole draft; ties keep the order of the calls.
        """
        if len(rows) == 0:
            return
        kind = self._topic.kind(record)
        first = self._counts[kind]
        self._tables[kind].append(rows)
        self._counts[kind] += len(rows)
        self._kinds.append(np.full(len(rows), kind, np.int8))
        self._rows.append(np.arange(first, first + len(rows), dtype=np.int32))
        self._ats.append(np.zeros(len(rows), np.int64) if at is None else at)

    def row(self, record: str, at: int = 0, **fields: object) -> None:
        """Append one row; None is null, str and bytes become spans, an enum is given by its symbol.

        Fields left out are zero, empty or null.
        """
        kind = record_type(record)
        row = kind.empty(1)
        nulls = 0
        for position, field in enumerate(kind.fields):
            value = fields.pop(field.name, None)
            if value is None:
                nulls |= (1 << position) if field.nullable else 0
            elif field.symbols:
                row[field.name] = field.symbols.index(str(value))
            elif field.op in (Op.LONG, Op.DOUBLE, Op.BOOLEAN):
                row[field.name] = value
            else:
                row[field.name] = self.text(value if isinstance(value, bytes) else str(value).encode())
        if fields:
            raise TypeError(f"{record} must be given its own fields, was {sorted(fields)!r}")
        row["nulls"] = nulls
        self.extend(record, row, np.array([at], np.int64))

    def finish(self) -> Columns:
        """Everything so far as columns, in order."""
        types = [record_type(name) for name in self._topic.records]
        tables = tuple(
            np.concatenate(parts) if parts else kind.empty(0)
            for kind, parts in zip(types, self._tables, strict=True)
        )
        kinds, rows = _joined(self._kinds, np.int8), _joined(self._rows, np.int32)
        order = np.argsort(_joined(self._ats, np.int64), kind="stable")
        data = np.frombuffer(bytes(self._data), np.uint8)
        return Columns(
            self._topic, self._partition, kinds[order], rows[order], tables, data,
            _NO_INTS, _NO_INTS, _NO_SPANS, _NO_SPANS,
        )  # fmt: skip


def _joined(parts: Sequence[NDArray[_T]], dtype: type[_T]) -> NDArray[_T]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
