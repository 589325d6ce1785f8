"""Varints, doubles and blocks as they stand on the wire: the smallest kernels, inlined by the others.

Every reader takes ``at`` and ``end`` and never looks at or beyond ``end``; a position of ``BROKEN`` says that
the bytes are not what they must be. Integers are int64 throughout: mixing signed and unsigned turns into
floating point in numba.
"""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.batches.instructions import gather, has_gather, zeros_below
from schemas.jit import inlined
from schemas.records import SPAN

Bytes: TypeAlias = NDArray[np.uint8]
Ints: TypeAlias = NDArray[np.int64]
Int: TypeAlias = int | np.int64
"""A number inside a kernel: plain where nothing is compiled, int64 where it is."""

BROKEN: Final = -1
"""Position after something that could not be read."""

U: Final = np.uint64
"""Kernels index with ``U(place)``: a signed index makes numba look for negative ones at every access, which
keeps LLVM from joining eight byte loads into one (7.4 against 0.8 ns)."""

_LOW: Final = 0x7FFF_FFFF_FFFF_FFFF
_AT: Final = 0xFFFF_FFFF
_CELL: Final = 8  # bytes
_SEVENS: Final = 0x7F7F_7F7F_7F7F_7F7F
_ODD: Final = 0x0100_0100_0100_0100


def packed(spans: NDArray[np.void]) -> Ints:
    """Spans as the kernels take them: one int64 each, ``at`` below and ``size`` above.

    Of rows of several cells, which must stand side by side, all cells in order.
    """
    if spans.flags.c_contiguous:
        return np.ndarray(spans.nbytes // _CELL, np.int64, spans)
    return np.ascontiguousarray(spans.view(np.int64))  # as numbers: numpy copies structures slowly


def unpacked(spans: Ints) -> NDArray[np.void]:
    """Spans as everyone else takes them."""
    if spans.flags.c_contiguous:
        return np.ndarray(len(spans), SPAN, spans)  # a view of structures would look at each of their fields
    return spans.view(SPAN)


def sealed(data: Any) -> Bytes:
    """Bytes as a read-only array, so that a kernel sees one type of buffer whatever it came from."""
    view = np.frombuffer(data, np.uint8) if not isinstance(data, np.ndarray) else data.view()
    view.setflags(write=False)
    return view


@inlined
def span(at: Int, size: Int) -> Int:
    """A packed span."""
    return (np.int64(size) << 32) | np.int64(at)


@inlined
def span_at(packed_span: Int) -> Int:
    """Start of a packed span."""
    return packed_span & _AT


@inlined
def span_size(packed_span: Int) -> Int:
    """Length of a packed span; -1 is null."""
    return packed_span >> 32


@inlined
def read_word(data: Bytes, at: Int) -> Int:
    """Eight bytes, the lowest first; the caller has made sure that they are there."""
    low = np.int64(data[U(at)]) | np.int64(data[U(at + 1)]) << 8
    low |= np.int64(data[U(at + 2)]) << 16 | np.int64(data[U(at + 3)]) << 24
    high = np.int64(data[U(at + 4)]) | np.int64(data[U(at + 5)]) << 8
    high |= np.int64(data[U(at + 6)]) << 16 | np.int64(data[U(at + 7)]) << 24
    return low | high << 32


@inlined
def joined_by_shifts(word: Int) -> Int:
    """Eight groups of seven bits, one in each byte, as 56 bits."""
    word &= _SEVENS
    word = (word & 0x007F_007F_007F_007F) | ((word & 0x7F00_7F00_7F00_7F00) >> 1)
    word = (word & 0x0000_3FFF_0000_3FFF) | ((word & 0x3FFF_0000_3FFF_0000) >> 2)
    return (word & 0x0FFF_FFFF) | ((word & 0x0FFF_FFFF_0000_0000) >> 4)


@inlined
def joined_by_instruction(word: Int) -> Int:
    """The same in one instruction instead of twelve; only where ``has_gather``."""
    found: Int = gather(word, _SEVENS)
    return found


@inlined
def front_by_shifts(word: Int, last: Int) -> tuple[Int, Int]:
    """Bits and size of a varint at the front of a word, given a bit for each byte that ends one."""
    last &= -last
    size = 1 + 4 * (last >> 32 != 0) + 2 * (last & 0x0101_0000_0101_0000 != 0) + (last & _ODD != 0)
    return joined_by_shifts(word & (((last - 1) << 7) | 127)), size


@inlined
def front_by_instruction(word: Int, last: Int) -> tuple[Int, Int]:
    """The same; only where ``has_gather``."""
    before = zeros_below(last)
    return joined_by_instruction(word & ~(np.int64(-1) << (before + 7))), (before >> 3) + 1


joined: Final = joined_by_instruction if has_gather() else joined_by_shifts
front: Final = front_by_instruction if has_gather() else front_by_shifts


@inlined
def unzigzag(bits: Int) -> Int:
    """The number that the bits of a varint stand for."""
    return ((bits >> 1) & _LOW) ^ -(bits & 1)


@inlined
def _read_bytes(data: Bytes, at: Int, end: Int, bits: Int, shift: Int) -> tuple[Int, Int]:
    """The rest of a varint byte by byte, given what was read of it."""
    for place in range(at, min(at + (70 - shift) // 7, end)):
        byte = np.int64(data[U(place)])
        bits |= (byte & 127) << shift
        if byte < 128:
            if shift == 63 and byte > 1:
                break
            return unzigzag(bits), place + 1
        shift += 7
    return np.int64(0), BROKEN


@inlined
def read_long(data: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """A zigzag varint of at most 64 bits and the position after it.

    Most have one byte or two. Of longer ones eight bytes are taken at once: an instant in ns has nine of
    them, which one by one took a third of the time of a tick.
    """
    if at < end and data[U(at)] < 128:
        return unzigzag(np.int64(data[U(at)])), at + 1
    if end - at >= 2 and data[U(at + 1)] < 128:
        return unzigzag(np.int64(data[U(at)]) & 127 | np.int64(data[U(at + 1)]) << 7), at + 2
    if end - at < 8:
        return _read_bytes(data, at, end, np.int64(0), 0)
    word = read_word(data, at)
    last = (~word >> 7) & 0x0101_0101_0101_0101  # a bit for each byte that ends a varint
    if last == 0 and end - at > 8 and data[U(at + 8)] < 128:  # nine bytes, as instants in ns have
        return unzigzag(joined(word) | np.int64(data[U(at + 8)]) << 56), at + 9
    if last == 0:
        return _read_bytes(data, at + 8, end, joined(word), 56)
    bits, size = front(word, last)
    return unzigzag(bits), at + size


@inlined
def skip_text(data: Bytes, at: Int, end: Int) -> Int:
    """Position after a text."""
    size, at = read_long(data, at, end)
    if at == BROKEN or size < 0 or size > end - at:
        return BROKEN
    return at + size


@inlined
def skip_blocks(data: Bytes, at: Int, end: Int, tail: Int) -> Int:
    """Position after blocks of texts, each with ``tail`` bytes behind: a map of double has 8, an array 0."""
    while True:
        count, at = read_long(data, at, end)
        if at == BROKEN or count == 0:
            return at
        if count < 0:  # the size of the block in bytes follows
            count = -count
            _, at = read_long(data, at, end)
        if at == BROKEN or count < 0 or count > end - at:
            return BROKEN
        for _ in range(count):
            at = skip_text(data, at, end)
            if at == BROKEN or tail > end - at:
                return BROKEN
            at += tail


@inlined
def write_long(out: Bytes, at: Int, value: Int) -> Int:
    """Write a zigzag varint; position after it."""
    rest = (np.int64(value) << 1) ^ (np.int64(value) >> 63)
    while rest & ~127:
        out[U(at)] = (rest & 127) | 128
        rest = (rest >> 7) & (_LOW >> 6)
        at += 1
    out[U(at)] = rest
    return at + 1


@inlined
def write_word(out: Bytes, at: Int, word: Int) -> Int:
    """Write eight bytes, the lowest first; position after them."""
    for place in range(8):
        out[U(at + place)] = (word >> (8 * place)) & 255
    return at + 8


@inlined
def write_bytes(out: Bytes, at: Int, data: Bytes, start: Int, size: Int) -> Int:
    """Copy bytes; position after them."""
    for place in range(size):
        out[U(at + place)] = data[U(start + place)]
    return at + size
