"""Names to numbers for whole columns: an open-addressing table over the bytes of the names."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import Bytes, Int, Ints, U, packed, sealed, span, span_at, span_size
from schemas.jit import inlined, kernel

_EMPTY: Final = -1


@inlined
def _hash(data: Bytes, at: Int, size: Int) -> Int:
    # 31 bits times 25 never overflow, so the same code runs without the compiler, too
    value = np.int64(size)
    for place in range(at, at + size):
        value = ((value ^ np.int64(data[U(place)])) * 0x0100_0193) & 0x7FFF_FFFF
    return value ^ (value >> 15)


@inlined
def _same(data: Bytes, at: Int, names: Bytes, start: Int, size: Int) -> bool:
    for place in range(size):  # noqa: SIM110  (numba compiles no generators)
        if data[U(at + place)] != names[U(start + place)]:
            return False
    return True


@inlined
def _seek(data: Bytes, wanted: Int, names: Bytes, spans: Ints, table: NDArray[np.int32]) -> Int:
    """Slot of a name, or the empty slot where it would stand."""
    at, size, mask = span_at(wanted), span_size(wanted), len(table) - 1
    slot = _hash(data, at, size) & mask
    while table[U(slot)] != _EMPTY:
        known = spans[U(table[U(slot)])]
        if span_size(known) == size and _same(data, at, names, span_at(known), size):
            break
        slot = (slot + 1) & mask
    return slot


@kernel
def _build(names: Bytes, spans: Ints, table: NDArray[np.int32]) -> None:
    for number in range(len(spans)):
        slot = _seek(names, spans[number], names, spans, table)
        if table[slot] == _EMPTY:
            table[slot] = number


@kernel
def _find(
    data: Bytes,
    wanted: Ints,
    names: Bytes,
    spans: Ints,
    table: NDArray[np.int32],
    found: NDArray[np.int32],
) -> None:
    for row in range(len(wanted)):
        if span_size(wanted[row]) < 0:
            found[row] = _EMPTY
        else:
            found[row] = table[U(_seek(data, wanted[row], names, spans, table))]


class Lookup:
    """Positions of texts in a list of names.

    Example:
        >>> lookup = Lookup([b"SPY", b"AIG"])
        >>> data = np.frombuffer(b"AIGXSPY", np.uint8)
        >>> lookup.find(data, np.array([(4, 3), (0, 3), (0, 2)], [("at", "<i4"), ("size", "<i4")])).tolist()
        [0, 1, -1]
    """

    def __init__(self, names: Sequence[bytes]) -> None:
        starts = np.cumsum([0, *(len(name) for name in names)])
        self._names = sealed(b"".join(names))
        self._spans = np.array(
            [span(int(at), len(name)) for at, name in zip(starts[:-1], names, strict=True)], np.int64
        )
        self._table = np.full(1 << max(3, (2 * len(names)).bit_length()), _EMPTY, np.int32)
        _build(self._names, self._spans, self._table)

    def find(self, data: Bytes, spans: NDArray[np.void]) -> NDArray[np.int32]:
        """Position in the names of each text, -1 for one that is not there; of equal names the first.

        Args:
            data: the bytes the spans point into.
            spans: span[n]; a size of -1 is null and never found.

        Returns:
            int32[n].
        """
        found = np.empty(len(spans), np.int32)
        _find(sealed(data), packed(spans), self._names, self._spans, self._table, found)
        return found


@kernel
def _number(data: Bytes, spans: Ints, table: NDArray[np.int32], firsts: Ints, numbers: Ints) -> Int:
    """Number the texts; how many different ones there are."""
    count: Int = 0
    for row in range(len(spans)):
        slot = U(_seek(data, spans[row], data, spans, table))
        if table[slot] == _EMPTY:
            table[slot] = row
            firsts[count] = row
            numbers[row] = count
            count += 1
        else:
            numbers[row] = numbers[table[slot]]
    return count


def distinct(data: Bytes, spans: NDArray[np.void]) -> tuple[Ints, Ints]:
    """Number different texts in the order in which they come.

    Args:
        data: the bytes the spans point into.
        spans: span[n], none of them null.

    Returns:
        int64[n], the number of each text, and int64[k], the row where each number comes first.
    """
    table = np.full(1 << max(3, (2 * len(spans)).bit_length()), _EMPTY, np.int32)
    firsts, numbers = np.empty(len(spans), np.int64), np.empty(len(spans), np.int64)
    count = _number(sealed(data), packed(spans), table, firsts, numbers)
    return numbers, firsts[:count]
