"""CRC-32C (Castagnoli) of a record batch: by the processor's own instruction, elsewhere by eight tables.

Both take eight bytes a step. The instruction can begin anew each cycle and ends after three, so three blocks
are read side by side, and their remainders joined: that of the first, moved on over as many zeros as the next
block has bytes, and so on. Measured on one core: 24 GB/s so, 7.4 one after the other, 1.4 by tables.
"""

import platform
from typing import Any, Final

import numba
import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]  # it has no stubs
from numba.core import cgutils, types
from numba.extending import intrinsic

from schemas.batches.wire import Bytes, Int, Ints, U, read_word
from schemas.jit import inlined, kernel

_POLYNOMIAL: Final = 0x82F6_3B78
_INSTRUCTION: Final = "llvm.x86.sse42.crc32.64.64"


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


def has_instruction() -> bool:
    """Whether the processor has the instruction and kernels are compiled."""
    return (
        platform.machine() in {"x86_64", "AMD64"}
        and bool(binding.get_host_cpu_features().get("sse4.2"))
        and not numba.config.DISABLE_JIT
    )


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def _step(_context: Any, crc: Any, word: Any) -> Any:
    """The remainder after eight more bytes, by the processor."""
    del crc, word

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        long = ir.IntType(64)
        function = ir.FunctionType(long, [long, long])
        return builder.call(cgutils.get_or_insert_function(builder.module, function, _INSTRUCTION), arguments)

    return types.int64(types.int64, types.int64), generate


@inlined
def _over_block(crc: Int) -> Int:
    """The remainder after a block of zeros."""
    found: Int = _OVER[U(0), U(crc & 255)] ^ _OVER[U(1), U((crc >> 8) & 255)]
    found ^= _OVER[U(2), U((crc >> 16) & 255)] ^ _OVER[U(3), U((crc >> 24) & 255)]
    return found


@kernel
def by_instruction(data: Bytes, start: Int, end: Int, tables: Ints) -> Int:
    """As ``crc32c``; only where ``has_instruction``."""
    crc: Int = np.int64(0xFFFF_FFFF)
    at = start
    while end - at >= 3 * _BLOCK:
        second: Int = np.int64(0)
        third: Int = np.int64(0)
        for place in range(at, at + _BLOCK, 8):
            crc = _step(crc, read_word(data, place))
            second = _step(second, read_word(data, place + _BLOCK))
            third = _step(third, read_word(data, place + 2 * _BLOCK))
        crc = _over_block(_over_block(crc) ^ second) ^ third
        at += 3 * _BLOCK
    while end - at >= 8:
        crc = _step(crc, read_word(data, at))
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
    return int(_FASTEST(data, start, end, TABLES))


_FASTEST: Final = by_instruction if has_instruction() else by_tables
