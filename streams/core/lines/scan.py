"""The kernel over the lines of a batch: the common shapes straight into columns, all else left to ``parse``.

A line is taken when it is one flat object whose keys and texts are printable ASCII without escapes, with
mode, timestamp and value once each, no type, and a value of one flat item or a list of them, each with its t.
What it gives is what ``parse`` gives; a test compares the two on generated lines. A number of more than 15
digits is left as it stands (``HARD``): up to there a product or quotient of two exact doubles is the nearest.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.cells import (
    NULL,
    NUMBER,
    TEXT,
    behind,
    blank,
    cell,
    equal,
    instant_at,
    is_text,
    key_of,
    line_key,
)
from schemas.batches.wire import BROKEN, Bytes, Int, Ints, U, span, span_at, span_size
from schemas.jit import inlined, kernel
from schemas.jsnl import TEXT_LIMIT

EQUITY, OTHER, HARD = 0, 1, 2

_LIMIT: Final = TEXT_LIMIT
_SMALLEST: Final = 9  # bytes of an item and its comma, at least


@inlined
def _item(  # noqa: C901, PLR0911, PLR0912 (cut further, each cell would go through an array)
    data: Bytes, at: Int, end: Int, number: Int, position: Int, kinds: Ints, values: NDArray[np.float64],
    texts: Ints, spans: Ints, positions: Ints,
) -> Int:  # fmt: skip
    """Read one item; position behind it."""
    begin = at
    if at >= end or data[U(at)] != 123:
        return BROKEN
    at = blank(data, at + 1, end)
    item_type: Int = np.int64(-1)
    broker: Int = np.int64(0)
    amount: Int = np.int64(0)
    found, value, hard, amounts, brokers, is_number, is_broker = 0, 0.0, False, 0, 0, False, True
    done = False
    while not done:
        at, key = key_of(data, at, end)
        if at == BROKEN:
            return BROKEN
        at, kind, text, read, long = cell(data, at, end)
        if at == BROKEN:
            return BROKEN
        if is_text(data, key, 116, 0, 0):
            if kind != TEXT:
                return BROKEN
            found, item_type = found + 1, text
        elif is_text(data, key, 98, 0, 0):
            brokers, is_broker, broker = brokers + 1, kind in (TEXT, NULL), text
        elif _is_equity(data, key):
            amounts, is_number, amount, value, hard = amounts + 1, kind == NUMBER, text, read, long
        at, done = behind(data, at, end, 125)
        if at == BROKEN:
            return BROKEN
    if found != 1 or amounts > 1 or brokers > 1 or not 0 < span_size(item_type) <= _LIMIT:
        return BROKEN
    positions[U(number)] = position
    if is_text(data, item_type, 101, 0, 0):
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
def _items(
    data: Bytes, at: Int, end: Int, number: Int, kinds: Ints, values: NDArray[np.float64], texts: Ints,
    spans: Ints, positions: Ints,
) -> tuple[Int, Int]:  # fmt: skip
    """Read the value of a line, an item or a list of some; position behind it and number of the next item."""
    first = number
    if data[U(at)] != 91:
        at = _item(data, at, end, number, 0, kinds, values, texts, spans, positions)
        return at, number + 1
    at, done = blank(data, at + 1, end), False
    while not done:
        at = _item(data, at, end, number, number - first, kinds, values, texts, spans, positions)
        number += 1
        if at == BROKEN:
            return BROKEN, first
        at, done = behind(data, at, end, 93)
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
    at = blank(data, at, end)
    if at >= end or data[U(at)] != 123 or not 0 < span_size(mode) <= _LIMIT:
        return BROKEN, first
    at, done = blank(data, at + 1, end), False
    seen: Int = 0
    while not done:
        at, key = key_of(data, at, end)
        if at == BROKEN:
            return BROKEN, first
        which = line_key(data, key)
        if which == 4 or (which and seen & (1 << which)):
            return BROKEN, first
        seen |= 1 << which
        if which == 3:
            at, number = _items(data, at, end, number, kinds, values, texts, spans, positions)
        else:
            at, kind, text, _, _ = cell(data, at, end)
            if which == 1 and (kind != TEXT or not equal(data, text, mode)):
                return BROKEN, first
            if which == 2:
                good = kind in (TEXT, NUMBER)
                ts = instant_at(data, text) if good and at != BROKEN else np.int64(BROKEN)
                if ts == BROKEN:
                    return BROKEN, first
        if at == BROKEN:
            return BROKEN, first
        at, done = behind(data, at, end, 125)
        if at == BROKEN:
            return BROKEN, first
    if seen & 14 != 14 or blank(data, at, end) != end:
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
