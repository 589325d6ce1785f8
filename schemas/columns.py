"""Records of one topic and partition as columns: what a stage gets and what it gives back.

Records of several types share a topic, so a ``Columns`` holds one table of rows per record type and, in log
order, for each record its type (``kinds``) and its place in that table (``rows``)::

    kinds   0  0  2  0  1      tables[0]  Tick       3 rows
    rows    0  1  0  2  0      tables[1]  Quote      1 row
                               tables[2]  Heartbeat  1 row
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from struct import Struct
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.records import SPAN, Op, RecordType, record_type
from schemas.topics import TOPICS, Topic

UNDECODABLE: Final = -1
"""Kind of a record whose bytes could not be read; it has no row."""

Rows: TypeAlias = NDArray[np.void]
Ints: TypeAlias = NDArray[np.int64]
Bytes: TypeAlias = NDArray[np.uint8]

_NO_SPANS: Final = np.zeros(0, SPAN)
_NO_INTS: Final = np.zeros(0, np.int64)
_ZERO: Final = (0,)
_ZERO_SPAN: Final = (0, 0)


@dataclass(slots=True, eq=False)
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


class Names:
    """Texts that are written often, joined once.

    Attributes:
        data: all of them.
        spans: span[n] of each.
    """

    def __init__(self, texts: Iterable[bytes]) -> None:
        known = list(texts)
        self.data = b"".join(known)
        self.spans = np.zeros(len(known), SPAN)
        self.spans["size"] = [len(text) for text in known]
        self.spans["at"][1:] = np.cumsum(self.spans["size"])[:-1]


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
        self._tables = [bytearray() for _ in self._topic.records]
        self._counts = [0 for _ in self._topic.records]
        self._kinds, self._rows, self._ats = array("b"), array("i"), array("q")

    def __len__(self) -> int:
        return len(self._kinds)

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

    def block(self, names: Names) -> Rows:
        """Spans of many texts that were joined before, to be indexed by number."""
        spans = names.spans.copy()
        spans["at"] += len(self._data)
        self._data += names.data
        return spans

    @property
    def size(self) -> int:
        """Where the next bytes that are appended will stand."""
        return len(self._data)

    def append(self, data: Bytes) -> None:
        """Append bytes that spans were made for, at ``size``."""
        self._data += data.tobytes()

    def extend(self, record: str, rows: Rows, at: Ints | None = None) -> None:
        """Append rows of one type.

        Args:
            record: name of the record type.
            rows: rows of its layout, whose spans came from this draft.
            at: int64[n], place in the order of the whole draft; ties keep the order of the calls.
        """
        size = len(rows)
        if size == 0:
            return
        kind = self._topic.kind(record)
        first = self._counts[kind]
        self._counts[kind] += size
        self._tables[kind] += rows.tobytes()
        self._kinds.frombytes(bytes([kind]) * size)
        self._rows.frombytes(np.arange(first, first + size, dtype=np.int32).tobytes())
        self._ats.frombytes(bytes(8 * size) if at is None else at.tobytes())

    def row(self, record: str, at: int = 0, **fields: object) -> None:
        """Append one row; None is null, str and bytes become spans, an enum is given by its symbol.

        Fields left out are zero, empty or null.
        """
        kind = record_type(record)
        cells: list[object] = []
        nulls = 0
        for position, field in enumerate(kind.fields):
            value = fields.pop(field.name, None)
            if value is None:
                nulls |= (1 << position) if field.nullable else 0
                cells += _ZERO_SPAN if field.is_span else _ZERO
            elif field.symbols:
                cells.append(field.symbols.index(str(value)))
            elif field.is_span:
                cells += self.text(value if isinstance(value, bytes) else str(value).encode())
            else:
                cells.append(value)
        if fields:
            raise TypeError(f"{record} must be given its own fields, was {sorted(fields)!r}")
        number = self._topic.kind(record)
        self._tables[number] += _packer(record).pack(*cells, nulls)
        self._kinds.append(number)
        self._rows.append(self._counts[number])
        self._ats.append(at)
        self._counts[number] += 1

    def finish(self) -> Columns:
        """Everything so far as columns, in order."""
        tables = tuple(
            [
                np.frombuffer(bytearray(cells), none.dtype) if cells else none
                for none, cells in zip(_empty(self._topic.records), self._tables, strict=True)
            ]
        )
        kinds = np.frombuffer(self._kinds.tobytes(), np.int8)
        rows = np.frombuffer(self._rows.tobytes(), np.int32)
        ats = np.frombuffer(self._ats.tobytes(), np.int64)
        if len(ats) > 1 and (ats[1:] < ats[:-1]).any():
            order = np.argsort(ats, kind="stable")
            kinds, rows = kinds[order], rows[order]
        data = np.frombuffer(bytes(self._data), np.uint8)
        return Columns(
            self._topic, self._partition, kinds, rows, tables, data, _NO_INTS, _NO_INTS, _NO_SPANS, _NO_SPANS
        )


@cache
def _packer(record: str) -> Struct:
    """Packs a row of a record type, its nulls last."""
    cells = {Op.LONG: "q", Op.DOUBLE: "d", Op.BOOLEAN: "q"}
    return Struct("<" + "".join(cells.get(field.op, "ii") for field in record_type(record).fields) + "Q")


@cache
def _empty(records: tuple[str, ...]) -> tuple[Rows, ...]:
    """No rows of each record type."""
    return tuple(record_type(record).empty(0) for record in records)
