"""V16: whether a record was seen before.

Its identity within (symbol, source) is the trade_id, else the seq; without either it has none. Numbers that
grow are remembered in a window of bits below the newest, as long as the class says::

    ... forgotten | 0 1 1 0 1 1 1 1 | newest      below the window: late, nobody knows
                    <-  [4,096]   ->

The word of the newest number stands in the pair's row (``newest``), and in the window only when that is to be
saved: numbers that follow each other need no other memory.

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
def _above(number: Int) -> Any:
    """Bits of the numbers above one in its word."""
    return _ALL << U(number & 63) << U(1)


@inlined
def _forget(bits: Any, at: Int, words: Int, top: Int, number: Int) -> None:
    """Clear the bits of the numbers above one up to another, a word at a time."""
    if number <= top:
        return
    first, last = (top + 1) >> 6, number >> 6
    kept = (np.uint64(1) << np.uint64((top + 1) & 63)) - np.uint64(1)  # those below, in the first word
    beyond = _above(number)  # and those above, in the last
    place = U(at + (first & (words - 1)))
    if first == last:
        bits[place] &= kept | beyond
        return
    bits[place] &= kept
    for word in range(first + 1, last):
        bits[U(at + (word & (words - 1)))] = np.uint64(0)
    bits[U(at + (last & (words - 1)))] &= beyond


@inlined
def _place(owner: Any, window: Int, number: Int) -> Any:
    """Where the word of a number stands among all windows."""
    words = owner["words"]
    return U(owner["bits_at"] + window * words + ((number >> 6) & (words - 1)))


@inlined
def _put_newest(bits: Any, owner: Any, window: Int) -> None:
    """Put the newest word of a window where it belongs."""
    bits[_place(owner, window, owner["tops"][window])] = owner["newest"][window]


@inlined
def take_newest(bits: Any, owner: Any, window: Int) -> None:
    """Take the newest word of a window into the row."""
    owner["newest"][window] = bits[_place(owner, window, owner["tops"][window])]


@inlined
def _move(bits: Any, owner: Any, window: Int, number: Int) -> None:
    """Make a number the newest."""
    top, words = owner["tops"][window], owner["words"]
    owner["tops"][window] = number
    if number - top >= words * 64:
        owner["lows"][window] = number
        owner["newest"][window] = 0
    elif number >> 6 == top >> 6:  # numbers in between have no bits: those that had are a window older
        owner["newest"][window] &= ~(((U(1) << U(number - top)) - U(1)) << U((top & 63) + 1))
    else:
        at = owner["bits_at"] + window * words
        bits[U(at + ((top >> 6) & (words - 1)))] = owner["newest"][window] & ~_above(top)
        for word in range((top >> 6) + 1, number >> 6):
            bits[U(at + (word & (words - 1)))] = U(0)
        owner["newest"][window] = bits[U(at + ((number >> 6) & (words - 1)))] & _above(number)


@inlined
def _reach_down(bits: Any, owner: Any, window: Int, number: Int) -> None:
    """Let bits count from a lower number on."""
    words = owner["words"]
    _put_newest(bits, owner, window)
    at = owner["bits_at"] + window * words
    _forget(bits, at, words, number - 1, owner["lows"][window] - 1)
    take_newest(bits, owner, window)
    owner["lows"][window] = number


@inlined
def _in_window(bits: Any, owner: Any, rule: Any, window: Int, number: Int) -> Int:
    top, bit = owner["tops"][window], U(1) << U(number & 63)
    if number > top:
        _move(bits, owner, window, number)
        owner["newest"][window] |= bit
        return ADMITTED
    if top - number >= rule["window"]:
        return BELOW_WINDOW
    if number < owner["lows"][window]:
        _reach_down(bits, owner, window, number)
    if ((number ^ top) >> 6) & (owner["words"] - 1) == 0:
        if owner["newest"][window] & bit:
            return V16
        owner["newest"][window] |= bit
        return ADMITTED
    place = _place(owner, window, number)
    if bits[place] & bit:
        return V16
    bits[place] |= bit
    return ADMITTED


@inlined
def clear_forgotten(bits: Any, owner: Any) -> None:
    """Clear all bits that count for nothing, so that the windows say the same by themselves."""
    words = owner["words"]
    for window in range(WINDOWS):
        if owner["tops"][window] == NEVER:
            continue
        _put_newest(bits, owner, window)
        oldest = owner["tops"][window] - words * 64 + 1
        if owner["lows"][window] > oldest:
            low = owner["lows"][window]
            _forget(bits, owner["bits_at"] + window * words, words, oldest - 1, low - 1)
            take_newest(bits, owner, window)
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
