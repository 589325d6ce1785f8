"""V16: whether a record was seen before.

Its identity within (symbol, source) is the trade_id, else the seq; without either it has none. Numbers that
grow are remembered in a window of bits below the newest, as long as the class says::

    ... forgotten | 0 1 1 0 1 1 1 1 | newest      below the window: late, nobody knows
                    <-  [4,096]   ->

After a leap over the whole window its bits are not cleared but count for nothing below ``lows``: with many
symbols that share one sequence every record leaps, and clearing would cost more than all the rest of it.

A trade_id that is no plain decimal number is remembered by its hash, the last 512 of them.
"""

from typing import Any

import numpy as np

from schemas.batches.wire import Bytes
from schemas.jit import inlined
from streams.core.ticks.rows import (
    ADMITTED,
    BELOW_WINDOW,
    HASHED,
    HASHES,
    NO_IDENTITY,
    V16,
    WINDOWS,
    Int,
)
from streams.core.watermark import NEVER

_DIGITS = 18  # a decimal of so many digits fits
_ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


@inlined
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


@inlined
def digest(data: Bytes, at: Int, size: Int) -> Int:
    """A hash of a text; shifts alone, so that nothing overflows where nothing is compiled."""
    word = np.int64(size + 1)
    for place in range(at, at + size):
        word ^= np.int64(data[place])
        word ^= word << 13
        word ^= (word >> 7) & 0x01FF_FFFF_FFFF_FFFF
        word ^= word << 17
    return word


@inlined
def _forget(bits: Any, at: Int, words: Int, top: Int, number: Int) -> None:
    """Clear the bits of the numbers above one up to another, a word at a time."""
    passed = top + 1
    while passed <= number:
        low = passed & 63
        count = min(64 - low, number - passed + 1)
        mask = (_ALL >> np.uint64(64 - count)) << np.uint64(low)
        bits[at + ((passed >> 6) & (words - 1))] &= ~mask
        passed += count


@inlined
def _move(bits: Any, owner: Any, window: Int, at: Int, number: Int) -> None:
    """Make a number the newest."""
    top, words = owner["tops"][window], owner["words"]
    if number - top >= words * 64:
        owner["lows"][window] = number
        _forget(bits, at, words, number - 1, number)
    else:
        _forget(bits, at, words, top, number)
    owner["tops"][window] = number


@inlined
def _in_window(bits: Any, owner: Any, window: Int, number: Int) -> Int:
    top, words = owner["tops"][window], owner["words"]
    at = owner["bits_at"] + window * words
    if number > top:
        _move(bits, owner, window, at, number)
    elif top - number >= owner["window"]:
        return BELOW_WINDOW
    elif number < owner["lows"][window]:
        _forget(bits, at, words, number - 1, owner["lows"][window] - 1)
        owner["lows"][window] = number
    place = at + ((number >> 6) & (words - 1))
    bit = np.uint64(1) << np.uint64(number & 63)
    if bits[place] & bit:
        return V16
    bits[place] |= bit
    return ADMITTED


@inlined
def clear_forgotten(bits: Any, owner: Any) -> None:
    """Clear all bits that count for nothing, so that the windows say the same by themselves."""
    words = owner["words"]
    for window in range(WINDOWS):
        oldest = owner["tops"][window] - words * 64 + 1
        if owner["tops"][window] != NEVER and owner["lows"][window] > oldest:
            low = owner["lows"][window]
            _forget(bits, owner["bits_at"] + window * words, words, oldest - 1, low - 1)
        owner["lows"][window] = NEVER


@inlined
def _in_hashes(owner: Any, number: Int) -> Int:
    recent, seen = owner["recent"], owner["hashes"]
    found = False
    for place in range(min(seen, HASHES)):  # no way out in between: it is compiled to wide compares
        found |= recent[place] == number
    if found:
        return V16
    recent[seen & (HASHES - 1)] = number
    owner["hashes"] = seen + 1
    return ADMITTED


@inlined
def identify(bits: Any, owner: Any, window: Int, number: Int) -> Int:
    """Remember an identity in a PAIR row; ADMITTED where it is new or none, else V16 or BELOW_WINDOW."""
    if window == NO_IDENTITY:
        return ADMITTED
    if window == HASHED:
        return _in_hashes(owner, number)
    return _in_window(bits, owner, window, number)
