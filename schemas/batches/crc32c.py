"""CRC-32C (Castagnoli) of a record batch, eight bytes a step through eight tables."""

from typing import Final

import numpy as np

from schemas.batches.wire import Bytes, Int, Ints, U, read_word
from schemas.jit import kernel

_POLYNOMIAL: Final = 0x82F6_3B78


def _tables() -> Ints:
    tables = np.zeros((8, 256), np.int64)
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        tables[0, byte] = value
    for step in range(1, 8):
        before = tables[step - 1]
        tables[step] = (before >> 8) ^ tables[0][before & 255]
    return tables


TABLES: Final = _tables()
"""int64[8, 256]; entry [k, b] is the remainder of byte b followed by k zero bytes."""


@kernel
def crc32c(data: Bytes, start: Int, end: Int, tables: Ints) -> Int:
    """CRC-32C of ``data[start:end]``, 0 to 2**32 - 1.

    Args:
        data: read-only bytes.
        start: first byte.
        end: position after the last byte.
        tables: ``TABLES``.
    """
    crc: Int = np.int64(0xFFFF_FFFF)
    at = start
    while end - at >= 8:
        word = read_word(data, at) ^ crc
        crc = tables[U(7), U(word & 255)] ^ tables[U(6), U((word >> 8) & 255)]
        crc ^= tables[U(5), U((word >> 16) & 255)] ^ tables[U(4), U((word >> 24) & 255)]
        crc ^= tables[U(3), U((word >> 32) & 255)] ^ tables[U(2), U((word >> 40) & 255)]
        crc ^= tables[U(1), U((word >> 48) & 255)] ^ tables[U(0), U((word >> 56) & 255)]
        at += 8
    for place in range(at, end):
        crc = (crc >> 8) ^ tables[U(0), U((np.int64(data[U(place)]) ^ crc) & 255)]
    return crc ^ 0xFFFF_FFFF
