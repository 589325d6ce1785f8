"""CRC-32C (Castagnoli) of a record batch, eight bytes a step through eight tables."""

from typing import Final

import numpy as np

from schemas.batches.wire import Bytes, Int, Ints
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
        value = tables[4, np.int64(data[at + 3]) ^ (crc >> 24)]
        value ^= tables[5, np.int64(data[at + 2]) ^ ((crc >> 16) & 255)]
        value ^= tables[6, np.int64(data[at + 1]) ^ ((crc >> 8) & 255)]
        value ^= tables[7, np.int64(data[at]) ^ (crc & 255)]
        value ^= tables[3, data[at + 4]] ^ tables[2, data[at + 5]]
        value ^= tables[1, data[at + 6]] ^ tables[0, data[at + 7]]
        crc, at = value, at + 8
    for place in range(at, end):
        crc = (crc >> 8) ^ tables[0, np.int64(data[place]) ^ (crc & 255)]
    return crc ^ 0xFFFF_FFFF
