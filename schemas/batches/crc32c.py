"""CRC-32C (Castagnoli) of a record batch: by the processor's own instruction, elsewhere by eight tables.

Both take eight bytes a step. The instruction can begin anew each cycle and ends after three, so three blocks
are read side by side, and their remainders joined: that of the first, moved on over as many zeros as the next
block has bytes, and so on. Measured on one core: 24 GB/s so, 7.4 one after the other, 1.4 by tables.
"""

from typing import Final

import numpy as np

from schemas.batches.instructions import crc_step, has_crc
from schemas.batches.wire import Bytes, Int, Ints, U, read_word
from schemas.jit import inlined, kernel

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


_BLOCK: Final = 1_024  # bytes of each of three blocks


def _moved_on(steps: Ints) -> Ints:
    """What a remainder becomes over a block of zeros: int64[4, 256], by each of its bytes."""
    bits = np.int64(1) << np.arange(32, dtype=np.int64)
    for _ in range(_BLOCK):
        bits = (bits >> 8) ^ steps[bits & 255]
    found = np.zeros((4, 256), np.int64)
    for bit in range(32):
        found[bit // 8] ^= np.where(np.arange(256) >> (bit % 8) & 1, bits[bit], 0)
    return found


TABLES: Final = _tables()
"""int64[8, 256]; entry [k, b] is the remainder of byte b followed by k zero bytes."""

_OVER: Final = _moved_on(TABLES[0])


@inlined
def _over_block(crc: Int) -> Int:
    """The remainder after a block of zeros."""
    found: Int = _OVER[U(0), U(crc & 255)] ^ _OVER[U(1), U((crc >> 8) & 255)]
    found ^= _OVER[U(2), U((crc >> 16) & 255)] ^ _OVER[U(3), U((crc >> 24) & 255)]
    return found


@kernel
def by_instruction(data: Bytes, start: Int, end: Int, tables: Ints) -> Int:
    """As ``crc32c``; only where ``has_crc``."""
    crc: Int = np.int64(0xFFFF_FFFF)
    at = start
    while end - at >= 3 * _BLOCK:
        second: Int = np.int64(0)
        third: Int = np.int64(0)
        for place in range(at, at + _BLOCK, 8):
            crc = crc_step(crc, read_word(data, place))
            second = crc_step(second, read_word(data, place + _BLOCK))
            third = crc_step(third, read_word(data, place + 2 * _BLOCK))
        crc = _over_block(_over_block(crc) ^ second) ^ third
        at += 3 * _BLOCK
    while end - at >= 8:
        crc = crc_step(crc, read_word(data, at))
        at += 8
    for place in range(at, end):
        crc = (crc >> 8) ^ tables[U(0), U((np.int64(data[U(place)]) ^ crc) & 255)]
    return crc ^ 0xFFFF_FFFF


@kernel
def by_tables(data: Bytes, start: Int, end: Int, tables: Ints) -> Int:
    """As ``crc32c``, everywhere."""
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


def crc32c(data: Bytes, start: int, end: int) -> int:
    """CRC-32C of ``data[start:end]``, 0 to 2**32 - 1.

    Args:
        data: read-only bytes.
        start: first byte.
        end: position after the last byte.
    """
    return int(fastest(data, start, end, TABLES))


fastest: Final = by_instruction if has_crc() else by_tables
"""``crc32c`` for other kernels, ``TABLES`` given."""
