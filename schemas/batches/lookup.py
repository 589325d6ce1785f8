"""Names to numbers for whole columns: an open-addressing table over the bytes of the names."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import Bytes, Int, Ints, U, packed, read_word, sealed, span, span_at, span_size
from schemas.jit import inlined, kernel
from schemas.prefetch import ask

_EMPTY: Final = -1
_LOW: Final = 0x7FFF_FFFF


@inlined
def _tail(data: Bytes, at: Int, size: Int) -> Int:
    """At most seven bytes as a number."""
    if at + 8 <= len(data):
        return read_word(data, at) & ((np.int64(1) << (8 * size)) - 1)
    word: Int = np.int64(0)
    for place in range(size):
        word |= np.int64(data[U(at + place)]) << (8 * place)
    return word


@inlined
def _mixed(value: Int, word: Int) -> Int:
    # 31 bits times 30 never overflow, so the same code runs without the compiler, too
    value ^= word
    low, high = value & _LOW, (value >> 31) & _LOW
    value = (low * 0x2545_F491) ^ (high * 0x1B87_3593) ^ ((value >> 62) & 3)
    return value ^ (value >> 29)


@inlined
def text_hash(data: Bytes, at: Int, size: Int) -> Int:
    """Hash of some bytes, eight a step: byte by byte it took half of the time of a search."""
    value: Int = np.int64(size)
    place, end = at, at + size
    while end - place >= 8:
        value = _mixed(value, read_word(data, place))
        place += 8
    return _mixed(value, _tail(data, place, end - place))


@inlined
def same_text(data: Bytes, at: Int, names: Bytes, start: Int, size: Int) -> bool:
    """Whether as many bytes are the same in two places."""
    place = np.int64(0)
    while size - place >= 8:
        if read_word(data, at + place) != read_word(names, start + place):
            return False
        place += 8
    rest = size - place
    return bool(_tail(data, at + place, rest) == _tail(names, start + place, rest))


@inlined
def seek(data: Bytes, wanted: Int, names: Bytes, spans: Ints, table: NDArray[np.int32]) -> Int:
    """Slot of a name, or the empty slot where it would stand."""
    at, size, mask = span_at(wanted), span_size(wanted), len(table) - 1
    slot = text_hash(data, at, size) & mask
    while table[U(slot)] != _EMPTY:
        known = spans[U(table[U(slot)])]
        if span_size(known) == size and same_text(data, at, names, span_at(known), size):
            break
        slot = (slot + 1) & mask
    return slot


class Names(NamedTuple):
    """A list of names as kernels search it: whatever is needed of a short name stands in 16 bytes."""

    data: Bytes
    spans: Ints  # of the names, packed
    entries: Ints  # int64[slots, 2]: first eight bytes; number and size of a name as a packed span, or -1


@inlined
def _first(data: Bytes, at: Int, size: Int) -> Int:
    """The first eight bytes of a text, zeros behind its end."""
    return read_word(data, at) if size >= 8 else _tail(data, at, size)


@inlined
def slot_of(data: Bytes, wanted: Int, known: Names) -> Int:
    """Where the search for a text that is not null begins."""
    return text_hash(data, span_at(wanted), span_size(wanted)) & (len(known.entries) - 1)


@inlined
def ask_slot(known: Names, slot: Int) -> None:
    """Ask for the memory in which a search begins."""
    ask(known.entries, 16 * slot)


@inlined
def number_from(data: Bytes, wanted: Int, known: Names, slot: Int) -> Int:
    """Position of a text that is not null in a list of names, given where its search begins; -1 for none."""
    at, size, entries = span_at(wanted), span_size(wanted), known.entries
    word = _first(data, at, size)
    found = entries[U(slot), U(1)]
    while found != _EMPTY:
        if entries[U(slot), U(0)] == word and span_size(found) == size:
            if size <= 8:
                break
            start = span_at(known.spans[U(span_at(found))])
            if same_text(data, at + 8, known.data, start + 8, size - 8):
                break
        slot = (slot + 1) & (len(entries) - 1)
        found = entries[U(slot), U(1)]
    return np.int64(_EMPTY) if found == _EMPTY else np.int64(span_at(found))


@inlined
def number_of(data: Bytes, wanted: Int, known: Names) -> Int:
    """Position of a text in a list of names, -1 where it is not there or null."""
    if span_size(wanted) < 0:
        return np.int64(_EMPTY)
    return number_from(data, wanted, known, slot_of(data, wanted, known))


@kernel
def _build(known: Names) -> None:
    """Enter the names; of equal ones the first."""
    for number in range(len(known.spans)):
        one = known.spans[number]
        if number_of(known.data, one, known) != _EMPTY:
            continue
        slot = slot_of(known.data, one, known)
        while known.entries[slot, 1] != _EMPTY:
            slot = (slot + 1) & (len(known.entries) - 1)
        known.entries[slot, 0] = _first(known.data, span_at(one), span_size(one))
        known.entries[slot, 1] = span(number, span_size(one))


@kernel
def _find(data: Bytes, wanted: Ints, known: Names, found: NDArray[np.int32]) -> None:
    for row in range(len(wanted)):
        found[row] = number_of(data, wanted[row], known)


class Lookup:
    """Positions of texts in a list of names.

    Attributes:
        names: the names, for kernels that search them by themselves.

    Example:
        >>> lookup = Lookup([b"SPY", b"AIG"])
        >>> data = np.frombuffer(b"AIGXSPY", np.uint8)
        >>> lookup.find(data, np.array([(4, 3), (0, 3), (0, 2)], [("at", "<i4"), ("size", "<i4")])).tolist()
        [0, 1, -1]
    """

    def __init__(self, names: Sequence[bytes]) -> None:
        starts = np.cumsum([0, *(len(name) for name in names)])
        spans = [span(int(at), len(name)) for at, name in zip(starts[:-1], names, strict=True)]
        entries = np.full((1 << max(3, (2 * len(names)).bit_length()), 2), _EMPTY, np.int64)
        self.names = Names(sealed(b"".join(names)), np.array(spans, np.int64), entries)
        _build(self.names)

    def find(self, data: Bytes, spans: NDArray[np.void]) -> NDArray[np.int32]:
        """Position in the names of each text, -1 for one that is not there; of equal names the first.

        Args:
            data: the bytes the spans point into.
            spans: span[n]; a size of -1 is null and never found.

        Returns:
            int32[n].
        """
        found = np.empty(len(spans), np.int32)
        _find(sealed(data), packed(spans), self.names, found)
        return found


@kernel
def _number(data: Bytes, spans: Ints, table: NDArray[np.int32], firsts: Ints, numbers: Ints) -> Int:
    """Number the texts; how many different ones there are."""
    count: Int = 0
    for row in range(len(spans)):
        slot = U(seek(data, spans[row], data, spans, table))
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
