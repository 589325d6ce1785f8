"""V16: whether a record was seen before.

Its identity within (symbol, source) is the trade_id, else the seq; without either it has none. Numbers that
grow are remembered in a window of bits below the newest::

    ... forgotten | 0 1 1 0 1 1 1 1 | newest      below the window: late, nobody knows
                    <-  4,096     ->

A trade_id that is no plain decimal number is remembered by its hash, the last 512 of them.
"""

import numpy as np

from schemas.batches.wire import Bytes
from schemas.jit import kernel
from streams.core.ticks.rows import (
    ADMITTED,
    BELOW_WINDOW,
    HASHED,
    HASHES,
    NO_IDENTITY,
    V16,
    WINDOW,
    Int,
    State,
    Words,
)

_DIGITS = 18  # a decimal of so many digits fits
_WORDS = WINDOW // 64


@kernel
def decimal(data: Bytes, at: Int, size: Int) -> Int:
    """The number a text says in decimal without a leading zero, -1 where it says none."""
    if not 0 < size <= _DIGITS or (size > 1 and data[at] == 48):
        return np.int64(-1)
    number = np.int64(0)
    for place in range(at, at + size):
        digit = np.int64(data[place]) - 48
        if not 0 <= digit <= 9:
            return np.int64(-1)
        number = number * 10 + digit
    return number


@kernel
def digest(data: Bytes, at: Int, size: Int) -> Int:
    """A hash of a text; shifts alone, so that nothing overflows where nothing is compiled."""
    word = np.int64(size + 1)
    for place in range(at, at + size):
        word ^= np.int64(data[place])
        word ^= word << 13
        word ^= (word >> 7) & 0x01FF_FFFF_FFFF_FFFF
        word ^= word << 17
    return word


@kernel
def _forget(bits: Words, top: Int, number: Int) -> None:
    """Clear the bits of the numbers above the newest up to the next newest."""
    if number - top >= WINDOW:
        for word in range(_WORDS):
            bits[word] = np.uint64(0)
        return
    for passed in range(top + 1, number + 1):
        place = passed & (WINDOW - 1)
        bits[place >> 6] &= ~(np.uint64(1) << np.uint64(place & 63))


@kernel
def _in_window(state: State, pair: Int, window: Int, number: Int) -> Int:
    top, bits = state.tops[pair, window], state.bits[pair, window]
    if number > top:
        _forget(bits, top, number)
        state.tops[pair, window] = number
    elif top - number >= WINDOW:
        return BELOW_WINDOW
    place = number & (WINDOW - 1)
    bit = np.uint64(1) << np.uint64(place & 63)
    if bits[place >> 6] & bit:
        return V16
    bits[place >> 6] |= bit
    return ADMITTED


@kernel
def _in_hashes(state: State, pair: Int, number: Int) -> Int:
    hashes, seen = state.hashes[pair], state.pairs[pair]["hashes"]
    found = False
    for place in range(min(seen, HASHES)):  # no way out in between: it is compiled to wide compares
        found |= hashes[place] == number
    if found:
        return V16
    hashes[seen & (HASHES - 1)] = number
    state.pairs[pair]["hashes"] = seen + 1
    return ADMITTED


@kernel
def identify(state: State, pair: Int, window: Int, number: Int) -> Int:
    """Remember an identity; ADMITTED where it is new or none, else V16 or BELOW_WINDOW."""
    if window == NO_IDENTITY:
        return ADMITTED
    if window == HASHED:
        return _in_hashes(state, pair, number)
    return _in_window(state, pair, window, number)
