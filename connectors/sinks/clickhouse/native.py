"""Rows as ClickHouse's Native blocks, made from columns without a Python object a value.

A block is the number of its columns and rows, then for each column its name, its type and its values behind
each other: numbers as they stand in memory, texts each after its length, nulls as a byte each before them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.batches.nested import decode_map
from schemas.batches.wire import Bytes, Int, Ints, U, packed, sealed, span_at, span_size, write_bytes
from schemas.columns import Rows
from schemas.jit import kernel

Places: TypeAlias = NDArray[np.intp]

_LARGEST_LENGTH: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts of one column: ``spans`` into ``data``."""

    data: Bytes
    spans: Rows


class Maps(Texts):
    """Maps of doubles of one column, in Avro: ``spans`` into ``data``."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column.

    Attributes:
        type: its type in the block; ClickHouse casts it to that of the table.
        values: one a row, of the type's size in memory, or texts.
        nulls: bool[n], where the column can be null.
    """

    type: str
    values: "NDArray[np.generic] | Texts"
    nulls: NDArray[np.bool_] | None = None

    def take(self, places: Places) -> "Column":
        """Some of its rows."""
        if isinstance(self.values, Texts):
            kind = type(self.values)
            values: NDArray[np.generic] | Texts = kind(self.values.data, self.values.spans[places])
        else:
            values = self.values[places]
        return Column(self.type, values, None if self.nulls is None else self.nulls[places])

    def encoded(self) -> bytes:
        """Nulls and values as they stand in a block."""
        nulls = b"" if self.nulls is None else self.nulls.astype(np.uint8).tobytes()
        if not isinstance(self.values, Texts):
            return nulls + self.values.tobytes()
        if isinstance(self.values, Maps):
            return nulls + _maps(self.values)
        spans = packed(self.values.spans)
        sizes = np.maximum(self.values.spans["size"], 0)
        out = np.empty(int(sizes.sum(dtype=np.int64)) + _LARGEST_LENGTH * len(spans), np.uint8)
        return nulls + out[: _texts(sealed(self.values.data), spans, out)].tobytes()


def _maps(maps: Maps) -> bytes:
    """Ends of the maps among all their items, then all names, then all values."""
    spans = zip(maps.spans["at"].tolist(), maps.spans["size"].tolist(), strict=True)
    found = [decode_map(maps.data[at : at + size].tobytes()) for at, size in spans]
    ends = np.cumsum([len(items) for items in found], dtype=np.uint64)
    values = np.array([value for items in found for value in items.values()], np.float64)
    return ends.tobytes() + b"".join(_text(name) for items in found for name in items) + values.tobytes()


@kernel
def _texts(data: Bytes, spans: Ints, out: Bytes) -> Int:
    """Write each text after its length; bytes written."""
    at: Int = 0
    for row in range(len(spans)):
        size = max(span_size(spans[row]), 0)
        rest = size
        while rest > 127:
            out[U(at)] = (rest & 127) | 128
            rest >>= 7
            at += 1
        out[U(at)] = rest
        at = write_bytes(out, at + 1, data, span_at(spans[row]), size)
    return at


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Rows for a table.

    Attributes:
        count: how many.
        columns: by name.
        places: int[n], where each row's record stands in the batch that the chunk came from.
    """

    count: int
    columns: Mapping[str, Column]
    places: Places
    _made: list[bytes] = field(default_factory=list, repr=False)

    def take(self, places: Places) -> "Chunk":
        """Some of its rows."""
        columns = {name: column.take(places) for name, column in self.columns.items()}
        return Chunk(len(places), columns, self.places[places])

    def with_column(self, name: str, column: Column) -> "Chunk":
        """The same rows with one more column, or with another one of that name."""
        return Chunk(self.count, {**self.columns, name: column}, self.places)

    def block(self) -> bytes:
        """The rows as one Native block, made at the first call."""
        if not self._made:
            parts = [_length(len(self.columns)), _length(self.count)]
            for name, column in self.columns.items():
                parts += [_text(name), _text(column.type), column.encoded()]
            self._made.append(b"".join(parts))
        return self._made[0]


def _text(text: str) -> bytes:
    data = text.encode()
    return _length(len(data)) + data


def _length(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
