"""The kernels that run a program: column after column, for many symbols or many updates at once.

Three values: 1 is true, 0 is false, NaN is unknown. What is false whatever the unknown is, is false, and what
is true so, is true; everything else with an unknown in it is unknown. A value that is stale, not ready or not
finite is unknown.

Beside each column stands until when it holds while nothing comes: a number as long as all it is made of is
fresh, a conjunction that is true as long as the first of its parts, one that is false as long as the last of
those that are false.
"""

from typing import Final

import numpy as np

from schemas.jit import kernel
from streams.core.analytics.rows import Bools, Floats, Ints
from streams.core.analytics.scan.program import Op

UNBOUND: Final = 2**62
"""Until when a number holds that stands in the text."""

_LOAD, _CONST, _NEGATE, _ABS, _ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _MIN, _MAX, _CHANGE = (
    int(op) for op in list(Op)[:11]
)
_LESS, _LESS_EQUAL, _EQUAL, _NOT_EQUAL, _NOT, _AND, _OR, _RANK, _PERCENTILE = (
    int(op) for op in list(Op)[11:]
)


@kernel
def _load(values: Floats, expires: Ints, marks: Ints, out: Floats, until: Ints) -> None:
    for i in range(len(out)):
        # A value less itself is 0 when it is finite: without a branch, so several are loaded at a time.
        known = (expires[i] > marks[i]) & (values[i] - values[i] == 0.0)
        out[i] = values[i] if known else np.nan
        until[i] = expires[i]


@kernel
def _one(op: int, a: Floats, until_a: Ints, out: Floats, until: Ints) -> None:
    until[:] = until_a
    if op == _NEGATE:
        for i in range(len(out)):
            out[i] = -a[i]
    elif op == _ABS:
        for i in range(len(out)):
            out[i] = abs(a[i])
    else:
        for i in range(len(out)):
            out[i] = 1.0 - a[i]


@kernel
def _sum(op: int, a: Floats, b: Floats, out: Floats) -> None:
    if op == _ADD:
        for i in range(len(out)):
            out[i] = a[i] + b[i]
    elif op == _SUBTRACT:
        for i in range(len(out)):
            out[i] = a[i] - b[i]
    else:
        for i in range(len(out)):
            out[i] = a[i] * b[i]


@kernel
def _less_or_more(op: int, a: Floats, b: Floats, out: Floats) -> None:
    sign = 1.0 if op == _MIN else -1.0
    for i in range(len(out)):
        least = a[i] if sign * a[i] < sign * b[i] else b[i]
        out[i] = least if (a[i] == a[i]) & (b[i] == b[i]) else np.nan


@kernel
def _share(op: int, a: Floats, b: Floats, out: Floats) -> None:
    """A quotient, or a change in percent; by 0 it is unknown."""
    if op == _DIVIDE:
        np.divide(a, b, out)
        return
    for i in range(len(out)):
        out[i] = 100.0 * (a[i] - b[i])
    np.divide(out, b, out)


@kernel
def _number(op: int, a: Floats, b: Floats, out: Floats) -> None:
    """Numbers from two columns of them; what is not finite is unknown."""
    if op in (_ADD, _SUBTRACT, _MULTIPLY):
        _sum(op, a, b, out)
    elif op in (_MIN, _MAX):
        _less_or_more(op, a, b, out)
    else:
        _share(op, a, b, out)
    for i in range(len(out)):
        out[i] = out[i] if out[i] - out[i] == 0.0 else np.nan


@kernel
def _truth(op: int, a: Floats, b: Floats, out: Floats) -> None:
    if op == _LESS:
        for i in range(len(out)):
            out[i] = 1.0 if a[i] < b[i] else 0.0
    elif op == _LESS_EQUAL:
        for i in range(len(out)):
            out[i] = 1.0 if a[i] <= b[i] else 0.0
    else:
        equal, other = (1.0, 0.0) if op == _EQUAL else (0.0, 1.0)
        for i in range(len(out)):
            out[i] = equal if a[i] == b[i] else other
    for i in range(len(out)):
        out[i] = out[i] if (a[i] == a[i]) & (b[i] == b[i]) else np.nan


@kernel
def _two(op: int, a: Floats, b: Floats, until_a: Ints, until_b: Ints, out: Floats, until: Ints) -> None:
    for i in range(len(out)):
        until[i] = min(until_a[i], until_b[i])
    if op < _LESS:
        _number(op, a, b, out)
    else:
        _truth(op, a, b, out)


@kernel
def _join(op: int, a: Floats, b: Floats, until_a: Ints, until_b: Ints, out: Floats, until: Ints) -> None:
    """``and``, which one false part decides, or ``or``, which one true part decides."""
    decides = 0.0 if op == _AND else 1.0
    for i in range(len(out)):
        joined = 1.0 - decides if (a[i] == a[i]) & (b[i] == b[i]) else np.nan
        out[i] = decides if (a[i] == decides) | (b[i] == decides) else joined
    for i in range(len(out)):
        left, right = a[i] == decides, b[i] == decides
        first, last = min(until_a[i], until_b[i]), max(until_a[i], until_b[i])
        alone = until_a[i] if left else until_b[i]
        until[i] = (last if left & right else alone) if left | right else first


@kernel
def _rank(op: int, a: Floats, until_a: Ints, among: Bools, out: Floats, until: Ints) -> None:
    """Place among the known values of all rows, the largest first; ties share the better place.

    As a percentile, the share of the others that are smaller.
    """
    known = np.empty(len(a))
    count = 0
    for i in range(len(a)):
        if among[i] and not np.isnan(a[i]):
            known[count] = a[i]
            count += 1
    ordered = np.sort(known[:count])
    for i in range(len(out)):
        out[i], until[i] = np.nan, until_a[i]
        if not among[i] or np.isnan(a[i]):
            continue
        if op == _RANK:
            out[i] = 1.0 + count - np.searchsorted(ordered, a[i], "right")
        elif count > 1:
            out[i] = 100.0 * np.searchsorted(ordered, a[i]) / (count - 1)


@kernel
def run(
    ops: Ints,
    constants: Floats,
    wanted: Ints,
    values: Floats,
    expires: Ints,
    marks: Ints,
    among: Bools,
    first: int,
    end: int,
    registers: Floats,
    until: Ints,
) -> None:
    """Run a program over rows [first, end).

    Args:
        ops: int64[registers, 3], see ``Program``.
        constants: float64[registers].
        wanted: int64[n], the registers to compute, ascending, with all that they are computed from.
        values: float64[columns, n].
        expires: int64[intervals + 1, n], until when values of each interval are fresh, ns.
        marks: int64[n], the watermark of each row.
        among: bool[universes, n], which rows belong to each set that ranks are taken among.
        first: as above.
        end: as above.
        registers: float64[registers, >= end - first], of which as many columns are overwritten.
        until: int64[registers, >= end - first], as well.
    """
    size = end - first
    for at in range(len(wanted)):
        number = wanted[at]
        op, one, other = ops[number, 0], ops[number, 1], ops[number, 2]
        out, holds = registers[number, :size], until[number, :size]
        if op == _LOAD:
            _load(values[one, first:end], expires[other, first:end], marks[first:end], out, holds)
        elif op == _CONST:
            out[:] = constants[number]
            holds[:] = UNBOUND
        elif op in (_NEGATE, _ABS, _NOT):
            _one(op, registers[one, :size], until[one, :size], out, holds)
        elif op in (_RANK, _PERCENTILE):
            _rank(op, registers[one, :size], until[one, :size], among[other, first:end], out, holds)
        else:
            a, b = registers[one, :size], registers[other, :size]
            until_a, until_b = until[one, :size], until[other, :size]
            if op in (_AND, _OR):
                _join(op, a, b, until_a, until_b, out, holds)
            else:
                _two(op, a, b, until_a, until_b, out, holds)
