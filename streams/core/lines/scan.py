"""The kernel over the lines of a batch: the common shapes straight into columns, all else left to ``parse``.

A line is taken when it is one flat object whose keys and texts are printable ASCII without escapes, with
mode, timestamp and value once each, no type, and a value of one flat item or a list of them, each with its t.
What it gives is what ``parse`` gives; a test compares the two on generated lines. A number of more than 15
digits is left as it stands (``HARD``): up to there a product or quotient of two exact doubles is the nearest.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import BROKEN, Bytes, Int, Ints, U, span, span_at, span_size
from schemas.jit import inlined, kernel
from schemas.jsnl import TEXT_LIMIT

EQUITY, OTHER, HARD = 0, 1, 2

_LIMIT: Final = TEXT_LIMIT
_POWERS: Final = np.array([10.0**power for power in range(23)])
_EXACT: Final = 15
_DIGITS: Final = 40
_LAST_SECOND: Final = 9_223_372_035
_TEXT, _NUMBER, _WORD, _NULL = 1, 2, 3, 4
_SMALLEST: Final = 9  # bytes of an item and its comma, at least


@inlined
def _blank(data: Bytes, at: Int, end: Int) -> Int:
    while at < end and (data[U(at)] == 32 or data[U(at)] == 9 or data[U(at)] == 10 or data[U(at)] == 13):
        at += 1
    return at


@inlined
def _text_end(data: Bytes, at: Int, end: Int) -> Int:
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
def _is(data: Bytes, text: Int, a: Int, b: Int, c: Int) -> bool:
    """Whether a text of three bytes at most is this one; zeros pad."""
    at, size = span_at(text), span_size(text)
    if size < 1 or size > 3 or data[U(at)] != a:
        return False
    return (b == 0 if size < 2 else data[U(at + 1)] == b) and (c == 0 if size < 3 else data[U(at + 2)] == c)


@inlined
def _equal(data: Bytes, one: Int, other: Int) -> bool:
    size = span_size(one)
    if size != span_size(other):
        return False
    for place in range(size):  # noqa: SIM110  (numba compiles no generators)
        if data[U(span_at(one) + place)] != data[U(span_at(other) + place)]:
            return False
    return True


@inlined
def _digits(data: Bytes, at: Int, end: Int, value: Int) -> tuple[Int, Int]:
    """Position behind the digits, and them appended to a value as far as 18 fit."""
    while at < end and 48 <= data[U(at)] <= 57:
        if value < 100_000_000_000_000_000:
            value = value * 10 + np.int64(data[U(at)]) - 48
        at += 1
    return at, value


@inlined
def _number(data: Bytes, at: Int, end: Int) -> tuple[Int, float, bool]:
    """Position behind a JSON number, its value, and whether it is too long for that to be exact."""
    begin, negative = at, data[U(at)] == 45
    at += 1 if negative else 0
    first = at
    at, mantissa = _digits(data, at, end, np.int64(0))
    if at == first or (data[U(first)] == 48 and at > first + 1):
        return BROKEN, 0.0, False
    count = at - first
    power: Int = np.int64(0)
    if at < end and data[U(at)] == 46:
        first = at + 1
        at, mantissa = _digits(data, first, end, mantissa)
        power = first - at
        count -= power
        if power == 0:
            return BROKEN, 0.0, False
    if at < end and (data[U(at)] | 32) == 101:
        at += 1
        down = at < end and data[U(at)] == 45
        at += 1 if at < end and (data[U(at)] == 45 or data[U(at)] == 43) else 0
        first = at
        at, exponent = _digits(data, at, end, np.int64(0))
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
def _word(data: Bytes, at: Int, end: Int) -> Int:
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
def _scalar(data: Bytes, at: Int, end: Int) -> tuple[Int, Int, Int, float, bool]:
    """Position behind a text, number or word, which of them it is, its span, value and ``HARD``."""
    first = data[U(at)]
    if first == 34:
        close = _text_end(data, at + 1, end)
        if close == BROKEN:
            return BROKEN, 0, 0, 0.0, False
        return close + 1, _TEXT, span(at + 1, close - at - 1), 0.0, False
    if first == 45 or 48 <= first <= 57:
        after, value, hard = _number(data, at, end)
        return after, _NUMBER, span(at, max(after - at, 0)), value, hard
    return _word(data, at, end), _NULL if first == 110 else _WORD, 0, 0.0, False


@inlined
def _key(data: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """Position of the value behind a key and its colon, and the key."""
    if at >= end or data[U(at)] != 34:
        return BROKEN, 0
    close = _text_end(data, at + 1, end)
    if close == BROKEN:
        return BROKEN, 0
    key = span(at + 1, close - at - 1)
    at = _blank(data, close + 1, end)
    if at >= end or data[U(at)] != 58:
        return BROKEN, 0
    at = _blank(data, at + 1, end)
    return (at, key) if at < end else (BROKEN, 0)


@inlined
def _next(data: Bytes, at: Int, end: Int, close: Int) -> tuple[Int, bool]:
    """Position behind a comma, or behind the bracket that closes, and which of them it was."""
    at = _blank(data, at, end)
    if at >= end:
        return BROKEN, False
    if data[U(at)] == close:
        return at + 1, True
    if data[U(at)] != 44:
        return BROKEN, False
    return _blank(data, at + 1, end), False


@inlined
def _item(  # noqa: C901, PLR0911, PLR0912 (cut further, each cell would go through an array)
    data: Bytes, at: Int, end: Int, number: Int, position: Int, kinds: Ints, values: NDArray[np.float64],
    texts: Ints, spans: Ints, positions: Ints,
) -> Int:  # fmt: skip
    """Read one item; position behind it."""
    begin = at
    if at >= end or data[U(at)] != 123:
        return BROKEN
    at = _blank(data, at + 1, end)
    item_type: Int = np.int64(-1)
    broker: Int = np.int64(0)
    amount: Int = np.int64(0)
    found, value, hard, amounts, brokers, is_number, is_broker = 0, 0.0, False, 0, 0, False, True
    done = False
    while not done:
        at, key = _key(data, at, end)
        if at == BROKEN:
            return BROKEN
        at, kind, text, read, long = _scalar(data, at, end)
        if at == BROKEN:
            return BROKEN
        if _is(data, key, 116, 0, 0):
            if kind != _TEXT:
                return BROKEN
            found, item_type = found + 1, text
        elif _is(data, key, 98, 0, 0):
            brokers, is_broker, broker = brokers + 1, kind in (_TEXT, _NULL), text
        elif _is_equity(data, key):
            amounts, is_number, amount, value, hard = amounts + 1, kind == _NUMBER, text, read, long
        at, done = _next(data, at, end, 125)
        if at == BROKEN:
            return BROKEN
    if found != 1 or amounts > 1 or brokers > 1 or not 0 < span_size(item_type) <= _LIMIT:
        return BROKEN
    positions[U(number)] = position
    if _is(data, item_type, 101, 0, 0):
        if not is_number or not is_broker or span_size(broker) > _LIMIT:
            return BROKEN
        kinds[U(number)], texts[U(number)] = HARD if hard else EQUITY, broker
        values[U(number)], spans[U(number)] = value + 0.0, amount
    else:
        kinds[U(number)], texts[U(number)] = OTHER, item_type
        values[U(number)], spans[U(number)] = 0.0, span(begin, at - begin)
    return at


@inlined
def _is_equity(data: Bytes, key: Int) -> bool:
    at = span_at(key)
    return (
        span_size(key) == 6
        and data[U(at)] == 101 and data[U(at + 1)] == 113 and data[U(at + 2)] == 117
        and data[U(at + 3)] == 105 and data[U(at + 4)] == 116 and data[U(at + 5)] == 121
    )  # fmt: skip


@inlined
def _top_key(data: Bytes, key: Int) -> Int:
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
def _instant(data: Bytes, text: Int) -> Int:
    """Nanoseconds of ten digits and up to 18 decimals; ``BROKEN`` for times written otherwise."""
    at, size = span_at(text), span_size(text)
    if size < 10 or size > 29 or size == 11:
        return BROKEN
    after, seconds = _digits(data, at, at + 10, np.int64(0))
    if after != at + 10 or seconds > _LAST_SECOND or (size > 10 and data[U(after)] != 46):
        return BROKEN
    if size == 10:
        return seconds * 1_000_000_000
    last, _ = _digits(data, after + 1, at + size, np.int64(0))
    shown = min(size - 11, 9)
    _, decimals = _digits(data, after + 1, after + 1 + shown, np.int64(0))
    for _ in range(9 - shown):
        decimals *= 10
    return seconds * 1_000_000_000 + decimals if last == at + size else BROKEN


@inlined
def _items(
    data: Bytes, at: Int, end: Int, number: Int, kinds: Ints, values: NDArray[np.float64], texts: Ints,
    spans: Ints, positions: Ints,
) -> tuple[Int, Int]:  # fmt: skip
    """Read the value of a line, an item or a list of some; position behind it and number of the next item."""
    first = number
    if data[U(at)] != 91:
        at = _item(data, at, end, number, 0, kinds, values, texts, spans, positions)
        return at, number + 1
    at, done = _blank(data, at + 1, end), False
    while not done:
        at = _item(data, at, end, number, number - first, kinds, values, texts, spans, positions)
        number += 1
        if at == BROKEN:
            return BROKEN, first
        at, done = _next(data, at, end, 93)
        if at == BROKEN:
            return BROKEN, first
    return at, number


@inlined
def _line(  # noqa: C901, PLR0911 (one way out for each way in which a line is not taken)
    data: Bytes, line: Int, mode: Int, number: Int, kinds: Ints, values: NDArray[np.float64], texts: Ints,
    spans: Ints, positions: Ints,
) -> tuple[Int, Int]:  # fmt: skip
    """Read one line; its instant, ``BROKEN`` where it is not taken, and the number of the next item."""
    first, at, end = number, span_at(line), span_at(line) + span_size(line)
    ts: Int = np.int64(BROKEN)
    at = _blank(data, at, end)
    if at >= end or data[U(at)] != 123 or not 0 < span_size(mode) <= _LIMIT:
        return BROKEN, first
    at, done = _blank(data, at + 1, end), False
    seen: Int = 0
    while not done:
        at, key = _key(data, at, end)
        if at == BROKEN:
            return BROKEN, first
        which = _top_key(data, key)
        if which == 4 or (which and seen & (1 << which)):
            return BROKEN, first
        seen |= 1 << which
        if which == 3:
            at, number = _items(data, at, end, number, kinds, values, texts, spans, positions)
        else:
            at, kind, text, _, _ = _scalar(data, at, end)
            if which == 1 and (kind != _TEXT or not _equal(data, text, mode)):
                return BROKEN, first
            if which == 2:
                good = kind in (_TEXT, _NUMBER)
                ts = _instant(data, text) if good and at != BROKEN else np.int64(BROKEN)
                if ts == BROKEN:
                    return BROKEN, first
        if at == BROKEN:
            return BROKEN, first
        at, done = _next(data, at, end, 125)
        if at == BROKEN:
            return BROKEN, first
    if seen & 14 != 14 or _blank(data, at, end) != end:
        return BROKEN, first
    return ts, number


@kernel
def scan(
    data: Bytes, lines: Ints, modes: Ints, details: Ints, instants: Ints, starts: Ints, kinds: Ints,
    values: NDArray[np.float64], texts: Ints, spans: Ints, positions: Ints,
) -> Int:  # fmt: skip
    """Read all lines; how many items they have.

    Args:
        data: what the spans point into.
        lines: bytes of each line.
        modes: mode each is keyed by.
        details: why a source could not read it; empty otherwise.
        instants: takes the time of each, ``BROKEN`` where it is left to ``parse``.
        starts: takes the number of its first item.
        kinds: takes ``EQUITY``, ``HARD`` (equity whose number stands in ``spans``) or ``OTHER`` of each item.
        values: takes its equity.
        texts: takes its broker, or its type.
        spans: takes its bytes.
        positions: takes its place in its line.
    """
    number: Int = np.int64(0)
    for row in range(len(lines)):
        starts[U(row)] = number
        instants[U(row)] = BROKEN
        if span_size(details[U(row)]) <= 0:
            instants[U(row)], number = _line(
                data, lines[U(row)], modes[U(row)], number, kinds, values, texts, spans, positions
            )
    return number


def room(lines: Ints) -> int:
    """Items that lines can hold at most."""
    return int((lines >> 32).sum()) // _SMALLEST + len(lines) + 1
