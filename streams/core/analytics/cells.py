"""The cells of indicator records in Avro, of many symbols in one pass; what ``Chain.cells`` gives for one."""

import numpy as np

from schemas.columns import Bytes
from schemas.jit import inlined, kernel
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.rows import Floats, Ints

_LONGEST = 5  # bytes of a count


def most_bytes(program: Program) -> int:
    """Most bytes of both cells of a bar."""
    names = len(program.names)
    return 2 * (int(program.ends[-1]) + _LONGEST + 1) + 8 * names


@inlined
def write_count(data: Bytes, at: int, count: int) -> int:
    """The count that begins a block; where it ends."""
    rest = count << 1  # zigzag of a number that is not negative
    while rest > 0x7F:
        data[at] = rest & 0x7F | 0x80
        rest >>= 7
        at += 1
    data[at] = rest
    return at + 1


@inlined
def write_text(data: Bytes, at: int, texts: Bytes, first: int, end: int) -> int:
    """Some bytes of ``texts``; where they end."""
    for place in range(first, end):
        data[at] = texts[place]
        at += 1
    return at


@inlined
def write_double(data: Bytes, at: int, bits: int) -> int:
    """A number by its bits; where it ends."""
    for _ in range(8):
        data[at] = bits & 0xFF
        bits >>= 8
        at += 1
    return at


@kernel
def write_cells(
    values: Floats, bits: Ints, unseen: Floats, lanes: Ints, firsts: Ints, texts: Bytes, ends: Ints,
    data: Bytes, starts: Ints, spans: Ints,
) -> None:  # fmt: skip
    """Write the values of bars that are ready, and the names of those that have converged.

    Args:
        values: float64[symbols, ...].
        bits: int64[symbols, ...], the same numbers.
        unseen: float64[symbols, ...], weight of unseen history.
        lanes: int64[n], the symbol of each bar.
        firsts: int64[n], where its values begin.
        texts: names of the values one after the other, each as Avro has it.
        ends: int64[values + 1], where each ends; the first is 0.
        data: uint8, receives the cells.
        starts: int64[n], where those of a bar may begin.
        spans: int64[n, 3], receives where the values begin, the names begin, and where they end.
    """
    count = len(ends) - 1
    for i in range(len(lanes)):
        lane, first, at = lanes[i], firsts[i], starts[i]
        ready, converged = 0, 0
        for number in range(count):
            is_ready = np.isfinite(values[lane, first + number])
            ready += is_ready
            converged += is_ready and unseen[lane, first + number] < CONVERGED
        spans[i, 0] = at
        at = write_count(data, at, ready)
        for number in range(count):
            if np.isfinite(values[lane, first + number]):
                at = write_text(data, at, texts, ends[number], ends[number + 1])
                at = write_double(data, at, bits[lane, first + number])
        if ready > 0:
            data[at] = 0
            at += 1
        spans[i, 1] = at
        at = write_count(data, at, converged)
        for number in range(count):
            is_ready = np.isfinite(values[lane, first + number])
            if is_ready and unseen[lane, first + number] < CONVERGED:
                at = write_text(data, at, texts, ends[number], ends[number + 1])
        if converged > 0:
            data[at] = 0
            at += 1
        spans[i, 2] = at
