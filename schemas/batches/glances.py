"""Mode and time of many lines at once, as ``jsnl.glance`` gives them one by one; the rare is left to it."""

from typing import Final

import numpy as np

from schemas.batches.cells import (
    NUMBER,
    TEXT,
    behind,
    blank,
    cell,
    instant_at,
    key_of,
    line_key,
    nested_end,
)
from schemas.batches.wire import BROKEN, Bytes, Int, Ints, U, span_at, span_size
from schemas.jit import inlined, kernel
from schemas.jsnl import TEXT_LIMIT

_LIMIT: Final = TEXT_LIMIT


@inlined
def _glance(  # noqa: C901, PLR0911, PLR0912 (one way out for each way in which a line is not taken)
    data: Bytes, line: Int
) -> tuple[Int, Int]:
    """Span of the mode and the time; ``BROKEN`` where the line is left out."""
    at, end = span_at(line), span_at(line) + span_size(line)
    mode: Int = np.int64(0)
    ts: Int = np.int64(0)
    seen: Int = np.int64(0)
    at = blank(data, at, end)
    if at >= end or data[U(at)] != 123:
        return 0, BROKEN
    at, done = blank(data, at + 1, end), False
    while not done:
        at, key = key_of(data, at, end)
        if at == BROKEN:
            return 0, BROKEN
        which = line_key(data, key)
        if which == 4 or (which and seen & (1 << which)):
            return 0, BROKEN
        seen |= 1 << which
        if data[U(at)] == 123 or data[U(at)] == 91:
            if which in (1, 2):
                return 0, BROKEN
            at = nested_end(data, at, end)
        else:
            at, kind, text, _, _ = cell(data, at, end)
            if at != BROKEN and which == 1:
                mode = text
                if kind != TEXT:
                    return 0, BROKEN
            if at != BROKEN and which == 2:
                ts = instant_at(data, text) if kind in (TEXT, NUMBER) else np.int64(BROKEN)
        if BROKEN in (at, ts):
            return 0, BROKEN
        at, done = behind(data, at, end, 125)
        if at == BROKEN:
            return 0, BROKEN
    if seen & 6 != 6 or not 0 < span_size(mode) <= _LIMIT or blank(data, at, end) != end:
        return 0, BROKEN
    return mode, ts


@kernel
def glances(data: Bytes, lines: Ints, modes: Ints, instants: Ints) -> None:
    """Read lines that are objects of the common shape, without a type.

    Args:
        data: what the spans point into.
        lines: bytes of each line.
        modes: takes the bytes of the mode of each.
        instants: takes its time in nanoseconds, ``BROKEN`` where it is left out.
    """
    for row in range(len(lines)):
        modes[U(row)], instants[U(row)] = _glance(data, lines[U(row)])
