"""What changed since the last checkpoint, found without looking at what did not, and packed at once.

Keys and states are put one behind the other into one buffer, key before state.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import Bytes, read_word, span, span_at, span_size, write_bytes, write_word
from schemas.jit import inlined, kernel
from schemas.prefetch import ask
from streams.core.slots import HEADER_SIZE
from streams.core.ticks.identity import clear_forgotten
from streams.core.ticks.rows import (
    FOLD_ROW,
    FOLD_SIZE,
    FOLD_WORDS,
    HASHES,
    LINE,
    LISTED,
    MET,
    PAIR_ROW,
    PAIR_SIZE,
    PAIR_WORDS,
    PRICES,
    PRICES_AT,
    WINDOWS,
    Int,
    Ints,
)
from streams.core.ticks.state import State, fold_of, fold_place, is_noted, ring_of
from streams.core.watermark import NEVER

_AHEAD: Final = 4
"""What is packed so many later is asked for."""
_BETWEEN: Final = 124
"""``|``, between the parts of a key."""


@inlined
def _ask_lines(data: Bytes, at: Int, size: Int) -> None:
    """Ask for bytes from a place on."""
    for line in range(0, size, LINE):
        ask(data, at + line)


@inlined
def enlist(state: State, owner: Any, pair: Int) -> None:
    """Note that something of a pair changed: its row, a minute or a second."""
    if owner["listed"] == 0:
        owner["listed"] = 1
        state.listed[state.used[LISTED]] = pair
        state.used[LISTED] += 1


@inlined
def _may_be_dirty(state: State, owner: Any, slot: Int) -> bool:
    """Whether a minute or second may have changed since the last checkpoint."""
    ring = ring_of(state, slot)
    return is_noted(owner["in_use"][ring] | owner["let_go"][ring], slot)


@kernel
def enlist_dirty(state: State) -> None:
    """Note every pair of which something is dirty, of a state that was made anew."""
    state.used[LISTED] = 0
    for pair in range(state.used[MET]):
        owner = state.pairs[pair]
        owner["listed"] = 0
        found = owner["dirty"]
        for slot in range(state.minutes + state.seconds):
            if _may_be_dirty(state, owner, slot):
                found |= fold_of(state, pair, slot)["dirty"]
        if found != 0:
            enlist(state, owner, pair)


class Labels(NamedTuple):
    """What keys are made of."""

    texts: Bytes  # symbols and sources of pairs,
    names: Ints  # packed spans of both in turn, by number of the pair
    rings: Bytes  # what stands behind them for each minute and second of the rings,
    places: Ints  # and packed spans of it, by slot


class Room(NamedTuple):
    """Where states are packed to."""

    data: Bytes
    keys: Ints  # packed spans in it, by state,
    states: Ints  # and those of the states


@inlined
def _name_size(labels: Labels, owner: Any) -> Int:
    """Bytes of the key of a pair."""
    place = 2 * owner["number"]
    return span_size(labels.names[place]) + 1 + span_size(labels.names[place + 1])


@inlined
def _write_text(out: Bytes, at: Int, data: Bytes, text: Int) -> Int:
    return write_bytes(out, at, data, span_at(text), span_size(text))


@inlined
def _write_name(out: Bytes, at: Int, labels: Labels, owner: Any) -> Int:
    """Write the key of a pair; position after it."""
    place = 2 * owner["number"]
    at = _write_text(out, at, labels.texts, labels.names[place])
    out[at] = _BETWEEN
    return _write_text(out, at + 1, labels.texts, labels.names[place + 1])


@kernel
def take_folds(state: State, listed: Ints, labels: Labels, found: Ints) -> tuple[Int, Int]:
    """Numbers of the dirty minutes and seconds of some pairs, both from the last to the first; clean then.

    Returns:
        How many there are, and the bytes of their keys and states.
    """
    count, size, width = np.int64(0), np.int64(0), state.minutes + state.seconds
    for pair in listed[::-1]:
        owner = state.pairs[pair]
        for slot in range(width - 1, -1, -1):
            if not _may_be_dirty(state, owner, slot):
                continue
            row = fold_of(state, pair, slot)
            if row["dirty"] != 0:
                row["dirty"] = 0
                found[count] = pair * width + slot
                count += 1
                size += _name_size(labels, owner) + span_size(labels.places[slot]) + HEADER_SIZE + FOLD_SIZE
        owner["let_go"][:] = 0
    return count, size


@inlined
def _packed_size(owner: Any) -> Int:
    size = HEADER_SIZE + PAIR_SIZE + 8 * (min(owner["hashes"], HASHES) + min(owner["priced"], PRICES))
    for window in range(WINDOWS):
        if owner["tops"][window] != NEVER:
            size += 8 * owner["words"]
    return np.int64(size)


@inlined
def _write_head(out: Bytes, at: Int, head: Bytes, offset: Int, own: Int) -> Int:
    """Write the header of a state; what was restored may reflect more than the offset in it."""
    if own > offset:
        write_word(out, write_bytes(out, at, head, 0, HEADER_SIZE - 8), own)
        return at + HEADER_SIZE
    return write_bytes(out, at, head, 0, HEADER_SIZE)


@kernel
def pack_folds(
    state: State, rows: Bytes, found: Ints, labels: Labels, head: Bytes, room: Room, first: Int, at: Int
) -> Int:
    """Pack minutes and seconds: a header, then the row as far as it is saved.

    Args:
        state: has them.
        rows: uint8, the same as bytes.
        found: int64[k], which: pair * (minutes + seconds) + slot.
        labels: what their keys are made of.
        head: the header.
        room: has room for all of them,
        first: of its states from this one on,
        at: of its bytes from here on.

    Returns:
        Position after the last of its bytes.
    """
    offset, width, out = read_word(head, HEADER_SIZE - 8), state.minutes + state.seconds, room.data
    for number in range(len(found)):
        if number + _AHEAD < len(found):
            later = found[number + _AHEAD]
            _ask_lines(rows, fold_place(state, later // width, later % width) * FOLD_ROW, FOLD_ROW)
        pair, slot = found[number] // width, found[number] % width
        begin, start = at, fold_place(state, pair, slot) * FOLD_ROW
        at = _write_name(out, at, labels, state.pairs[pair])
        at = _write_text(out, at, labels.rings, labels.places[slot])
        room.keys[first + number] = span(begin, at - begin)
        room.states[first + number] = span(at, HEADER_SIZE + FOLD_SIZE)
        at = _write_head(out, at, head, offset, fold_of(state, pair, slot)["offset"])
        for word in FOLD_WORDS:
            at = write_bytes(out, at, rows, start + word, 8)
    return at


@kernel
def take_pairs(state: State, listed: Ints, labels: Labels, found: Ints) -> tuple[Int, Int]:
    """Dirty ones of some pairs, clean then; none is listed then.

    Returns:
        How many there are, and the bytes of their keys and states.
    """
    count, size = np.int64(0), np.int64(0)
    for pair in listed:
        owner = state.pairs[pair]
        owner["listed"] = 0
        if owner["dirty"] != 0:
            owner["dirty"] = 0
            size += _name_size(labels, owner) + _packed_size(owner)
            found[count] = pair
            count += 1
    state.used[LISTED] = 0
    return count, size


@kernel
def clear_all_forgotten(state: State) -> None:
    """Clear all bits of all pairs that count for nothing."""
    for pair in range(state.used[MET]):
        clear_forgotten(state.bits, state.pairs[pair])


@inlined
def _ask_pair(state: State, rows: Bytes, bits: Bytes, pair: Int) -> None:
    """Ask for a pair and the windows it uses."""
    owner = state.pairs[pair]
    _ask_lines(rows, pair * PAIR_ROW, PAIR_ROW)
    for window in range(WINDOWS):
        if owner["tops"][window] != NEVER:
            _ask_lines(bits, 8 * (owner["bits_at"] + window * owner["words"]), 8 * owner["words"])


@kernel
def pack_pairs(
    state: State,
    rows: Bytes,
    bits: Bytes,
    recent: Bytes,
    found: Ints,
    labels: Labels,
    head: Bytes,
    rest: Bytes,
    rests: Ints,
    room: Room,
    first: Int,
    at: Int,
) -> None:
    """Pack pairs: a header, the row as far as it is saved, windows in use, hashes, prices, the rest.

    Args:
        state: has the pairs.
        rows: uint8, the same rows as bytes.
        bits: uint8, its windows as bytes.
        recent: uint8, its hashes as bytes.
        found: int64[k], which pairs.
        labels: what their keys are made of.
        head: the header.
        rest: uint8, what kernels know nothing of,
        rests: int64[k + 1], and the borders between what is of each pair.
        room: has room for all of them,
        first: of its states from this one on,
        at: of its bytes from here on.
    """
    offset, out = read_word(head, HEADER_SIZE - 8), room.data
    for number in range(len(found)):
        if number + _AHEAD < len(found):
            _ask_pair(state, rows, bits, found[number + _AHEAD])
        pair = found[number]
        owner, start = state.pairs[pair], pair * PAIR_ROW
        clear_forgotten(state.bits, owner)
        begin, at = at, _write_name(out, at, labels, owner)
        room.keys[first + number] = span(begin, at - begin)
        begin, at = at, _write_head(out, at, head, offset, owner["offset"])
        for word in PAIR_WORDS:
            at = write_bytes(out, at, rows, start + word, 8)
        for window in range(WINDOWS):
            if owner["tops"][window] != NEVER:
                size = 8 * owner["words"]
                at = write_bytes(out, at, bits, 8 * owner["bits_at"] + window * size, size)
        at = write_bytes(out, at, recent, 8 * HASHES * pair, 8 * min(owner["hashes"], HASHES))
        at = write_bytes(out, at, rows, start + PRICES_AT, 8 * min(owner["priced"], PRICES))
        at = write_bytes(out, at, rest, rests[number], rests[number + 1] - rests[number])
        room.states[first + number] = span(begin, at - begin)


def as_bytes(rows: NDArray[np.void] | Ints | NDArray[np.uint64]) -> Bytes:
    """An array as its bytes; a view."""
    return rows.reshape(-1).view(np.uint8)
