"""Sale conditions of a tick: what their codes mean, by the table of its symbol.

A table is 256 bytes, for each code the bits below. A code is a byte of the text, a decimal number in it, or
the number of a bit of the hexadecimal number that it is.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import Bytes, Int
from schemas.errors import ConfigurationError
from schemas.jit import inlined, kernel
from schemas.rules import ConditionTable

FOR_VOLUME, IGNORED, AUCTION = 1, 2, 4
"""Bits of a code."""

SPELLINGS: Final = ("letters", "numbers", "bits")
_LETTERS, _NUMBERS = 0, 1
_CODES: Final = 256


@inlined
def _digit(byte: Int) -> Int:
    """Value of a hexadecimal digit, -1 for none."""
    if 48 <= byte <= 57:
        return byte - 48
    low = byte | 32
    return low - 87 if 97 <= low <= 102 else np.int64(-1)


@inlined
def _by_letter(data: Bytes, at: Int, size: Int, table: Any) -> Int:
    meaning = np.int64(0)
    for place in range(at, at + size):
        meaning |= np.int64(table[data[place]])
    return meaning


@inlined
def _by_number(data: Bytes, at: Int, size: Int, table: Any) -> Int:
    meaning: Int = np.int64(0)
    number: Int = np.int64(-1)
    for place in range(at, at + size):
        digit = np.int64(data[place]) - 48
        if 0 <= digit <= 9:
            number = digit if number < 0 else number * 10 + digit
            if number > _CODES:
                number = np.int64(_CODES)
        elif number >= 0:
            meaning |= np.int64(table[number]) if number < _CODES else np.int64(0)
            number = np.int64(-1)
    return meaning | (np.int64(table[number]) if 0 <= number < _CODES else np.int64(0))


@inlined
def _by_bit(data: Bytes, at: Int, size: Int, table: Any) -> Int:
    meaning, code = np.int64(0), np.int64(0)
    for place in range(at + size - 1, at - 1, -1):
        digit = _digit(np.int64(data[place]))
        for bit in range(4):
            if digit > 0 and (digit >> bit) & 1 and code + bit < 64:
                meaning |= np.int64(table[code + bit])
        code += 4
    return meaning


@kernel
def meaning_of(data: Bytes, at: Int, size: Int, tables: NDArray[np.uint8], rule: Any) -> Int:
    """Bits of the codes in a text, by the table of a rule."""
    table = tables[rule["conditions"]]
    if rule["spelling"] == _LETTERS:
        return _by_letter(data, at, size, table)
    if rule["spelling"] == _NUMBERS:
        return _by_number(data, at, size, table)
    return _by_bit(data, at, size, table)


def compiled(table: ConditionTable) -> NDArray[np.uint8]:
    """A table as kernels take it, uint8[256].

    Raises:
        ConfigurationError: a code is none of its spelling.
    """
    codes = np.zeros(_CODES, np.uint8)
    listed = ((FOR_VOLUME, table.volume_only), (IGNORED, table.ignored), (AUCTION, table.auction))
    for bit, names in listed:
        for name in names:
            codes[_code(table.spelling, name)] |= bit
    return codes


def _code(spelling: str, name: str) -> int:
    if spelling == "letters":
        if len(name.encode()) != 1:
            raise ConfigurationError(f"a condition must be one ASCII character, was {name!r}")
        return name.encode()[0]
    most = 64 if spelling == "bits" else _CODES
    if not (name.isascii() and name.isdigit() and int(name) < most):
        raise ConfigurationError(f"a condition must be a number below {most}, was {name!r}")
    return int(name)
