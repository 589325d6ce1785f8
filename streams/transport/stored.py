"""The states of one partition in memory, without a Python object for any of them.

Key and state stand one behind the other in one buffer, the *slab*. A new state takes the place of the old
one, or goes to the end where it does not fit there; a state that grew has room to grow by half, so that what
is left behind takes at most twice as much as what is in use. Keys are found by an open-addressing table of
their hashes.
"""

from typing import Final, NamedTuple

import numpy as np

from schemas.batches.encode import Encoded
from schemas.batches.frames import Frames
from schemas.batches.lookup import same_text, text_hash
from schemas.batches.wire import (
    Bytes,
    Int,
    Ints,
    U,
    packed,
    read_word,
    sealed,
    span,
    span_at,
    span_size,
    write_bytes,
)
from schemas.errors import StateError
from schemas.jit import inlined, kernel
from schemas.prefetch import ask
from streams.core.slots import HEADER_SIZE, pack

_EMPTY: Final = -1
_TAG: Final = ~0xFFFF_FFFF
"""Of an entry the part that is of the hash; the other one is the row."""
_FIRST_SLOTS: Final = 1 << 6
_FIRST_BYTES: Final = 1 << 14
"""What is there at first; it grows."""
_OFFSET_AT: Final = HEADER_SIZE - 8
_AT, _KEY, _SIZE, _ROOM = range(4)
_ROWS, _BYTES, _THERE = range(3)
_AHEAD: Final = 8
"""The entry of what comes so many later is asked for."""


class _Memory(NamedTuple):
    """What the kernels change."""

    entries: Ints  # int64[slots]: half of the hash of a key, and its row; -1 for none
    rows: Ints  # int64[slots / 2, 4]: where the key begins, its size, that of the state (-1: gone), its room
    slab: Bytes
    used: Ints  # rows and bytes in use, states that are there


@inlined
def _seek(memory: _Memory, data: Bytes, key: Int, code: Int) -> Int:
    """Slot of a key, or the empty one where it would stand."""
    at, size, mask = span_at(key), max(span_size(key), 0), len(memory.entries) - 1
    slot = code & mask
    while memory.entries[U(slot)] != _EMPTY:
        entry = memory.entries[U(slot)]
        if (entry ^ code) & _TAG == 0:
            row = span_at(entry)
            start = memory.rows[U(row), U(_AT)]
            if memory.rows[U(row), U(_KEY)] == size and same_text(data, at, memory.slab, start, size):
                break
        slot = (slot + 1) & mask
    return slot


@inlined
def _hash(data: Bytes, at: Int, size: Int) -> Int:
    """Hash of a key, never as an empty entry begins."""
    return text_hash(data, at, size) & 0x7FFF_FFFF_FFFF_FFFF


@inlined
def _code(data: Bytes, key: Int) -> Int:
    """The same, given its span."""
    return _hash(data, span_at(key), max(span_size(key), 0))


@inlined
def _move(memory: _Memory, row: Int, data: Bytes, key: Int, room: Int) -> None:
    """Give a row a new place for its key and a state."""
    at, size = memory.used[_BYTES], max(span_size(key), 0)
    memory.rows[row, _AT], memory.rows[row, _KEY], memory.rows[row, _ROOM] = at, size, room
    memory.used[_BYTES] = write_bytes(memory.slab, at, data, span_at(key), size) + room


@inlined
def _is_older(memory: _Memory, row: Int, data: Bytes, state: Int) -> bool:
    """Whether a state reflects less of the input than the one that is there."""
    at = memory.rows[row, _AT] + memory.rows[row, _KEY] + _OFFSET_AT
    return bool(read_word(data, span_at(state) + _OFFSET_AT) < read_word(memory.slab, at))


@kernel
def _put(memory: _Memory, data: Bytes, keys: Ints, states: Ints, first: Int, newer: bool) -> Int:
    """Take up states from one on; a null one takes the key away.

    Args:
        memory: what is changed.
        data: what the spans point into.
        keys: int64[n], packed spans.
        states: int64[n], packed spans.
        first: where to begin.
        newer: whether one that reflects less of the input than what is there is passed over.

    Returns:
        The first for which there is no room, n where there was enough.
    """
    codes, mask = np.empty(_AHEAD, np.int64), len(memory.entries) - 1
    for number in range(first, min(first + _AHEAD, len(keys))):
        codes[number % _AHEAD] = _code(data, keys[number])
    for number in range(first, len(keys)):
        key, state, code = keys[number], states[number], codes[number % _AHEAD]
        if number + _AHEAD < len(keys):
            codes[number % _AHEAD] = _code(data, keys[number + _AHEAD])
            ask(memory.entries, 8 * (codes[number % _AHEAD] & mask))
        slot, size = _seek(memory, data, key, code), span_size(state)
        entry = memory.entries[slot]
        row: Int = memory.used[_ROWS]
        known: Int = np.int64(-1)
        room: Int = np.int64(-1)
        if entry != _EMPTY:
            row = span_at(entry)
            known, room = memory.rows[row, _SIZE], memory.rows[row, _ROOM]
        elif size < 0:
            continue
        if newer and known >= 0 and size >= 0 and _is_older(memory, row, data, state):
            continue
        if size > room:
            room = max(size, room + room // 2)
            is_full = row == len(memory.rows)
            if is_full or memory.used[_BYTES] + max(span_size(key), 0) + room > len(memory.slab):
                return np.int64(number)
            _move(memory, row, data, key, room)
        if entry == _EMPTY:
            memory.entries[slot] = (code & _TAG) | row
            memory.used[_ROWS] += 1
        at = memory.rows[row, _AT] + memory.rows[row, _KEY]
        write_bytes(memory.slab, at, data, span_at(state), max(size, 0))
        memory.rows[row, _SIZE] = size
        memory.used[_THERE] += np.int64(size >= 0) - np.int64(known >= 0)
    return np.int64(len(keys))


@kernel
def _enter(memory: _Memory) -> None:
    """Enter all rows into an empty table; a place in the slab may be further on than a span can say."""
    for row in range(memory.used[_ROWS]):
        code = _hash(memory.slab, memory.rows[row, _AT], memory.rows[row, _KEY])
        slot = code & (len(memory.entries) - 1)
        while memory.entries[slot] != _EMPTY:
            slot = (slot + 1) & (len(memory.entries) - 1)
        memory.entries[slot] = (code & _TAG) | row


@kernel
def _has(memory: _Memory, data: Bytes) -> bool:
    key = span(0, len(data))
    entry = memory.entries[_seek(memory, data, key, _code(data, key))]
    return bool(entry != _EMPTY and memory.rows[span_at(entry), _SIZE] >= 0)


class Stored:
    """States by key.

    Example:
        >>> stored = Stored()
        >>> stored.put(Encoded.of([b"SPY", b"AIG"], [pack(1, 7, b"a"), pack(1, 8, b"b")], np.arange(2)))
        >>> len(stored), b"SPY" in stored, b"IBM" in stored, stored.states()[b"AIG"][HEADER_SIZE:]
        (2, True, False, b'b')
    """

    def __init__(self) -> None:
        self._memory = _Memory(
            _no_entries(_FIRST_SLOTS),
            _rows(_FIRST_SLOTS),
            np.empty(_FIRST_BYTES, np.uint8),
            np.zeros(3, np.int64),
        )

    def put(self, records: Encoded) -> None:
        """Take up states in order, whatever is there.

        Raises:
            StateError: one has no header.
        """
        self._take(records.data, packed(records.keys), packed(records.values), newer=False)

    def recover(self, frames: Frames) -> None:
        """Take up records of the changelog in log order: of each key the one with the newest offset (R12).

        A worker that was frozen may write an old state after a newer one. A record without a state takes
        the key away.

        Raises:
            StateError: a state has no header.
        """
        self._take(frames.data, packed(frames.keys), packed(frames.values), newer=True)

    def states(self) -> dict[bytes, bytes]:
        """All of them, copied, in the order in which their keys came first."""
        rows = self._memory.rows[: self._memory.used[_ROWS]]
        rows = rows[rows[:, _SIZE] >= 0]
        starts = rows[:, _AT] + rows[:, _KEY]
        data = self._memory.slab[: self._memory.used[_BYTES]].tobytes()
        places = zip(rows[:, _AT].tolist(), starts.tolist(), (starts + rows[:, _SIZE]).tolist(), strict=True)
        return {data[at:start]: data[start:end] for at, start, end in places}

    def __len__(self) -> int:
        return int(self._memory.used[_THERE])

    def __contains__(self, key: bytes) -> bool:
        return bool(_has(self._memory, sealed(key)))

    def _take(self, data: Bytes, keys: Ints, states: Ints, *, newer: bool) -> None:
        sizes = states >> 32
        if ((sizes >= 0) & (sizes < HEADER_SIZE)).any():
            raise StateError(f"state must have {HEADER_SIZE} bytes, was less")
        at = 0
        while (at := int(_put(self._memory, data, keys, states, at, newer))) < len(keys):
            self._grow(int(sizes[at] + max(keys[at] >> 32, 0)))

    def _grow(self, size: int) -> None:
        """Find room for one more state, with its key of so many bytes."""
        old = self._memory
        rows, used = (int(old.used[place]) for place in (_ROWS, _BYTES))
        if used + 2 * size > len(old.slab):  # in place, where the C library can
            old.slab.resize(used + max(2 * size, used // 2), refcheck=False)
        if rows == len(old.rows):
            new = old._replace(entries=_no_entries(4 * rows), rows=_rows(4 * rows))
            new.rows[:rows] = old.rows
            _enter(new)
            self._memory = new


def _no_entries(slots: int) -> Ints:
    return np.full(slots, _EMPTY, np.int64)


def _rows(slots: int) -> Ints:
    return np.empty((slots // 2, 4), np.int64)


def warm() -> None:
    """Compile the kernels; they are kept for later processes."""
    stored, keys = Stored(), [b"%d" % number for number in range(_FIRST_SLOTS)]
    stored.put(Encoded.of(keys, [pack(0, 0, b"")] * len(keys), np.zeros(len(keys), np.int64)))
    if keys[0] not in stored:
        raise StateError("a state that was put must be there, was missing")
