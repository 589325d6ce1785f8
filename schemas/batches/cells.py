"""The cells of a flat JSON object, read where they stand: texts without escapes, numbers, words.

A position of ``BROKEN`` says that it is none of these, or not JSON. A number of more than 15 digits is read
as too long: up to there a product or quotient of two exact doubles is the nearest.
"""

from typing import Final

import numpy as np

from schemas.batches.wire import BROKEN, Bytes, Int, U, span, span_at, span_size
from schemas.jit import inlined

TEXT, NUMBER, WORD, NULL = 1, 2, 3, 4

_POWERS: Final = np.array([10.0**power for power in range(23)])
_EXACT: Final = 15
_DIGITS: Final = 40
_LAST_SECOND: Final = 9_223_372_035
_DEPTH: Final = 60


@inlined
def blank(data: Bytes, at: Int, end: Int) -> Int:
    """Position behind white space."""
    while at < end and (data[U(at)] == 32 or data[U(at)] == 9 or data[U(at)] == 10 or data[U(at)] == 13):
        at += 1
    return at


@inlined
def text_end(data: Bytes, at: Int, end: Int) -> Int:
    """Position of the quote that ends a text; of texts with escapes or other than printable ASCII, none."""
    while at < end:
        byte = data[U(at)]
        if byte == 34:
            return at
        if byte < 32 or byte == 92 or byte > 126:
            return BROKEN
        at += 1
    return BROKEN


@inlined
def is_text(data: Bytes, text: Int, a: Int, b: Int, c: Int) -> bool:
    """Whether a text of three bytes at most is this one; zeros pad."""
    at, size = span_at(text), span_size(text)
    if size < 1 or size > 3 or data[U(at)] != a:
        return False
    return (b == 0 if size < 2 else data[U(at + 1)] == b) and (c == 0 if size < 3 else data[U(at + 2)] == c)


@inlined
def equal(data: Bytes, one: Int, other: Int) -> bool:
    """Whether two texts are the same."""
    size = span_size(one)
    if size != span_size(other):
        return False
    for place in range(size):  # noqa: SIM110  (numba compiles no generators)
        if data[U(span_at(one) + place)] != data[U(span_at(other) + place)]:
            return False
    return True


@inlined
def digits_at(data: Bytes, at: Int, end: Int, value: Int) -> tuple[Int, Int]:
    """Position behind the digits, and them appended to a value as far as 18 fit."""
    while at < end and 48 <= data[U(at)] <= 57:
        if value < 100_000_000_000_000_000:
            value = value * 10 + np.int64(data[U(at)]) - 48
        at += 1
    return at, value


@inlined
def number_at(data: Bytes, at: Int, end: Int) -> tuple[Int, float, bool]:
    """Position behind a JSON number, its value, and whether it is too long for that to be exact."""
    begin, negative = at, data[U(at)] == 45
    at += 1 if negative else 0
    first = at
    at, mantissa = digits_at(data, at, end, np.int64(0))
    if at == first or (data[U(first)] == 48 and at > first + 1):
        return BROKEN, 0.0, False
    count = at - first
    power: Int = np.int64(0)
    if at < end and data[U(at)] == 46:
        first = at + 1
        at, mantissa = digits_at(data, first, end, mantissa)
        power = first - at
        count -= power
        if power == 0:
            return BROKEN, 0.0, False
    if at < end and (data[U(at)] | 32) == 101:
        at += 1
        down = at < end and data[U(at)] == 45
        at += 1 if at < end and (data[U(at)] == 45 or data[U(at)] == 43) else 0
        first = at
        at, exponent = digits_at(data, at, end, np.int64(0))
        if not 1 <= at - first <= 2:
            return BROKEN, 0.0, False
        power += -exponent if down else exponent
    if at - begin > _DIGITS:
        return BROKEN, 0.0, False
    value = np.float64(mantissa)
    if count > _EXACT or not -22 <= power <= 22:
        return at, 0.0, True
    value = value / _POWERS[U(-power)] if power < 0 else value * _POWERS[U(power)]
    return at, 0.0 - value if negative else value, False


@inlined
def word_at(data: Bytes, at: Int, end: Int) -> Int:
    """Position behind true, false or null."""
    first = data[U(at)]
    if end - at >= 4 and first == 116 and data[U(at + 1)] == 114 and data[U(at + 2)] == 117:
        return at + 4 if data[U(at + 3)] == 101 else BROKEN
    if end - at >= 4 and first == 110 and data[U(at + 1)] == 117 and data[U(at + 2)] == 108:
        return at + 4 if data[U(at + 3)] == 108 else BROKEN
    if end - at >= 5 and first == 102 and data[U(at + 1)] == 97 and data[U(at + 2)] == 108:
        return at + 5 if data[U(at + 3)] == 115 and data[U(at + 4)] == 101 else BROKEN
    return BROKEN


@inlined
def cell(data: Bytes, at: Int, end: Int) -> tuple[Int, Int, Int, float, bool]:
    """Position behind a text, number or word, which it is, its span, value and whether that is too long."""
    first = data[U(at)]
    if first == 34:
        close = text_end(data, at + 1, end)
        if close == BROKEN:
            return BROKEN, 0, 0, 0.0, False
        return close + 1, TEXT, span(at + 1, close - at - 1), 0.0, False
    if first == 45 or 48 <= first <= 57:
        after, value, hard = number_at(data, at, end)
        return after, NUMBER, span(at, max(after - at, 0)), value, hard
    return word_at(data, at, end), NULL if first == 110 else WORD, 0, 0.0, False


@inlined
def key_of(data: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """Position of the value behind a key and its colon, and the key."""
    if at >= end or data[U(at)] != 34:
        return BROKEN, 0
    close = text_end(data, at + 1, end)
    if close == BROKEN:
        return BROKEN, 0
    key = span(at + 1, close - at - 1)
    at = blank(data, close + 1, end)
    if at >= end or data[U(at)] != 58:
        return BROKEN, 0
    at = blank(data, at + 1, end)
    return (at, key) if at < end else (BROKEN, 0)


@inlined
def behind(data: Bytes, at: Int, end: Int, close: Int) -> tuple[Int, bool]:
    """Position behind a comma, or behind the bracket that closes, and which of them it was."""
    at = blank(data, at, end)
    if at >= end:
        return BROKEN, False
    if data[U(at)] == close:
        return at + 1, True
    if data[U(at)] != 44:
        return BROKEN, False
    return blank(data, at + 1, end), False


@inlined
def line_key(data: Bytes, key: Int) -> Int:
    """1 for mode, 2 for timestamp, 3 for value, 4 for type, 0 for any other key."""
    at, size = span_at(key), span_size(key)
    if size == 4 and data[U(at + 3)] == 101:
        if data[U(at)] == 109 and data[U(at + 1)] == 111 and data[U(at + 2)] == 100:
            return 1
        if data[U(at)] == 116 and data[U(at + 1)] == 121 and data[U(at + 2)] == 112:
            return 4
    if size == 5 and data[U(at)] == 118 and data[U(at + 1)] == 97 and data[U(at + 2)] == 108:
        return 3 if data[U(at + 3)] == 117 and data[U(at + 4)] == 101 else 0
    if size == 9 and data[U(at)] == 116 and data[U(at + 1)] == 105 and data[U(at + 2)] == 109:
        first = data[U(at + 3)] == 101 and data[U(at + 4)] == 115 and data[U(at + 5)] == 116
        return (
            2 if first and data[U(at + 6)] == 97 and data[U(at + 7)] == 109 and data[U(at + 8)] == 112 else 0
        )
    return 0


@inlined
def instant_at(data: Bytes, text: Int) -> Int:
    """Nanoseconds of ten digits and up to 18 decimals; ``BROKEN`` for times written otherwise."""
    at, size = span_at(text), span_size(text)
    if size < 10 or size > 29 or size == 11:
        return BROKEN
    after, seconds = digits_at(data, at, at + 10, np.int64(0))
    if after != at + 10 or seconds > _LAST_SECOND or (size > 10 and data[U(after)] != 46):
        return BROKEN
    if size == 10:
        return seconds * 1_000_000_000
    last, _ = digits_at(data, after + 1, at + size, np.int64(0))
    shown = min(size - 11, 9)
    _, decimals = digits_at(data, after + 1, after + 1 + shown, np.int64(0))
    for _ in range(9 - shown):
        decimals *= 10
    return seconds * 1_000_000_000 + decimals if last == at + size else BROKEN


@inlined
def nested_end(data: Bytes, at: Int, end: Int) -> Int:  # noqa: C901, PLR0912 (one loop over all levels)
    """Position behind an object or an array, whatever is in it; ``BROKEN`` also where it nests too deep."""
    depth, objects = np.int64(0), np.int64(0)  # a bit for each level: whether it is an object
    while True:
        byte = data[U(at)]
        if byte in (123, 91):
            if depth == _DEPTH:
                return BROKEN
            depth, objects = depth + 1, (objects << 1) | (byte == 123)
            at = blank(data, at + 1, end)
            if at >= end:
                return BROKEN
            empty = data[U(at)] == (125 if byte == 123 else 93)
            if not empty:
                if byte == 123:
                    at, _ = key_of(data, at, end)
                if at == BROKEN:
                    return BROKEN
                continue
            at, depth, objects = at + 1, depth - 1, objects >> 1
        else:
            at, _, _, _, _ = cell(data, at, end)
        while depth > 0:
            if at == BROKEN:
                return BROKEN
            at, done = behind(data, at, end, 125 if objects & 1 else 93)
            if not done:
                break
            depth, objects = depth - 1, objects >> 1
        if at == BROKEN or depth == 0:
            return at
        if objects & 1:
            at, _ = key_of(data, at, end)
        if at == BROKEN or at >= end:
            return BROKEN
