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

from schemas.batches.wire import Bytes, U
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
    Ints,
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
    if number <= top:
        return
    first, last = (top + 1) >> 6, number >> 6
    kept = (np.uint64(1) << np.uint64((top + 1) & 63)) - np.uint64(1)  # those below, in the first word
    beyond = _ALL << np.uint64(number & 63) << np.uint64(1)  # and those above, in the last
    place = U(at + (first & (words - 1)))
    if first == last:
        bits[place] &= kept | beyond
        return
    bits[place] &= kept
    for word in range(first + 1, last):
        bits[U(at + (word & (words - 1)))] = np.uint64(0)
    bits[U(at + (last & (words - 1)))] &= beyond


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
def _in_window(bits: Any, owner: Any, rule: Any, window: Int, number: Int) -> Int:
    top, words = owner["tops"][window], owner["words"]
    at = owner["bits_at"] + window * words
    if number > top:
        _move(bits, owner, window, at, number)
    elif top - number >= rule["window"]:
        return BELOW_WINDOW
    elif number < owner["lows"][window]:
        _forget(bits, at, words, number - 1, owner["lows"][window] - 1)
        owner["lows"][window] = number
    place = U(at + ((number >> 6) & (words - 1)))
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
def _in_hashes(recent: Ints, pair: Int, owner: Any, number: Int) -> Int:
    seen = owner["hashes"]
    found = False
    for place in range(min(seen, HASHES)):  # no way out in between: it is compiled to wide compares
        found |= recent[U(pair), U(place)] == number
    if found:
        return V16
    recent[U(pair), U(seen & (HASHES - 1))] = number
    owner["hashes"] = seen + 1
    return ADMITTED


@inlined
def identify(bits: Any, recent: Ints, pair: Int, owner: Any, rule: Any, window: Int, number: Int) -> Int:
    """Remember an identity of a pair; ADMITTED where it is new or none, else V16 or BELOW_WINDOW.

    Args:
        bits: ``State.bits``.
        recent: ``State.recent``.
        pair: number of the pair.
        owner: its PAIR row.
        rule: a row that has its ``window``.
        window: kind of the identity.
        number: its number or hash.
    """
    if window == NO_IDENTITY:
        return ADMITTED
    if window == HASHED:
        return _in_hashes(recent, pair, owner, number)
    return _in_window(bits, owner, rule, window, number)
