"""The two kinds of cell that keep their Avro encoding: a map of doubles and an array of strings.

Avro writes either as blocks, each a count and so many items, ended by a count of 0; a negative count is
followed by the size of its block in bytes. What is written here is one block in the order given, so equal
contents are equal bytes.
"""

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache

from schemas.errors import SchemaError

_DOUBLE = struct.Struct("<d")


def map_key(name: str) -> bytes:
    """The name of an item of a map; ``pack_double`` of its value follows."""
    return _text(name)


def pack_double(value: float) -> bytes:
    """The value of an item of a map."""
    return _DOUBLE.pack(value)


def encode_items(items: Sequence[bytes]) -> bytes:
    """A map or an array of items that are encoded already."""
    return _block(len(items), b"".join(items))


def decode_map(data: bytes) -> dict[str, float]:
    """The map in a cell, in the order written.

    Raises:
        SchemaError: the bytes are no such map.
    """
    values: dict[str, float] = {}
    try:
        reader = _Reader(data)
        for _ in reader.items():
            name = reader.text()
            values[name] = reader.double()
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise SchemaError(f"map of doubles must be Avro, was {data[:40]!r}") from error
    return values


def encode_texts(texts: Sequence[str]) -> bytes:
    """An array of strings."""
    return _block(len(texts), b"".join(_text(text) for text in texts))


def decode_texts(data: bytes) -> list[str]:
    """The strings in a cell.

    Raises:
        SchemaError: the bytes are no such array.
    """
    try:
        reader = _Reader(data)
        return [reader.text() for _ in reader.items()]
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise SchemaError(f"array of strings must be Avro, was {data[:40]!r}") from error


def _block(count: int, items: bytes) -> bytes:
    return _long(count) + items + b"\x00" if count else b"\x00"


@lru_cache(1_024)  # the names of indicators come again with every bar
def _text(text: str) -> bytes:
    data = text.encode()
    return _long(len(data)) + data


def _long(value: int) -> bytes:
    rest = value << 1  # zigzag of a number that is not negative
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


class _Reader:
    """Reads from the front; an end that comes too early is an IndexError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def items(self) -> Iterator[None]:
        while count := self._long():
            if count < 0:
                self._long()
            for _ in range(abs(count)):
                yield

    def text(self) -> str:
        return self._take(self._long()).decode()

    def double(self) -> float:
        return float(_DOUBLE.unpack(self._take(8))[0])

    def _long(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7

    def _take(self, size: int) -> bytes:
        if size < 0 or self._at + size > len(self._data):
            raise IndexError(size)
        self._at += size
        return self._data[self._at - size : self._at]
