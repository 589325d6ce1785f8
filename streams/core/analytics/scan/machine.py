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

BLOCK: Final = 256
"""Rows that are run at a time, so that all registers stay in the cache."""
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
        until[i] = expires[i]
        out[i] = values[i] if expires[i] > marks[i] and np.isfinite(values[i]) else np.nan


@kernel
def _one(op: int, a: Floats, until_a: Ints, out: Floats, until: Ints) -> None:
    for i in range(len(out)):
        until[i] = until_a[i]
        if op == _NEGATE:
            out[i] = -a[i]
        elif op == _ABS:
            out[i] = abs(a[i])
        else:
            out[i] = 1.0 - a[i]


@kernel
def _number(op: int, a: float, b: float) -> float:
    """One number from two; what is not finite is unknown."""
    if op == _ADD:
        value = a + b
    elif op == _SUBTRACT:
        value = a - b
    elif op == _MULTIPLY:
        value = a * b
    elif op == _MIN:
        value = a if a < b or np.isnan(a) else (np.nan if np.isnan(b) else b)
    elif op == _MAX:
        value = a if a > b or np.isnan(a) else (np.nan if np.isnan(b) else b)
    elif b == 0.0:
        value = np.nan
    else:
        value = a / b if op == _DIVIDE else 100.0 * (a - b) / b
    return value if np.isfinite(value) else np.nan


@kernel
def _truth(op: int, a: float, b: float) -> float:
    if np.isnan(a) or np.isnan(b):
        return np.nan
    if op == _LESS:
        return 1.0 if a < b else 0.0
    if op == _LESS_EQUAL:
        return 1.0 if a <= b else 0.0
    return 1.0 if (a == b) == (op == _EQUAL) else 0.0


@kernel
def _two(op: int, a: Floats, b: Floats, until_a: Ints, until_b: Ints, out: Floats, until: Ints) -> None:
    for i in range(len(out)):
        until[i] = min(until_a[i], until_b[i])
    if op < _LESS:
        for i in range(len(out)):
            out[i] = _number(op, a[i], b[i])
    else:
        for i in range(len(out)):
            out[i] = _truth(op, a[i], b[i])


@kernel
def _join(
    a: Floats, b: Floats, until_a: Ints, until_b: Ints, decides: float, out: Floats, until: Ints
) -> None:
    """``and``, which one false part decides, or ``or``, which one true part decides."""
    for i in range(len(out)):
        left, right = a[i] == decides, b[i] == decides
        if left and right:
            out[i], until[i] = decides, max(until_a[i], until_b[i])
        elif left or right:
            out[i], until[i] = decides, until_a[i] if left else until_b[i]
        else:
            out[i] = np.nan if np.isnan(a[i]) or np.isnan(b[i]) else 1.0 - decides
            until[i] = min(until_a[i], until_b[i])


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
    values: Floats,
    expires: Ints,
    marks: Ints,
    among: Bools,
    registers: Floats,
    until: Ints,
) -> None:
    """Run a program over some rows.

    Args:
        ops: int64[registers, 3], see ``Program``.
        constants: float64[registers].
        values: float64[columns, n].
        expires: int64[intervals + 1, n], until when values of each interval are fresh, ns.
        marks: int64[n], the watermark of each row.
        among: bool[universes, n], which rows belong to each set that ranks are taken among.
        registers: float64[registers, n], overwritten.
        until: int64[registers, n], overwritten.
    """
    for number in range(len(ops)):
        op, one, other = ops[number, 0], ops[number, 1], ops[number, 2]
        out, holds = registers[number], until[number]
        if op == _LOAD:
            _load(values[one], expires[other], marks, out, holds)
        elif op == _CONST:
            out[:] = constants[number]
            holds[:] = UNBOUND
        elif op in (_NEGATE, _ABS, _NOT):
            _one(op, registers[one], until[one], out, holds)
        elif op in (_AND, _OR):
            decides = 0.0 if op == _AND else 1.0
            _join(registers[one], registers[other], until[one], until[other], decides, out, holds)
        elif op in (_RANK, _PERCENTILE):
            _rank(op, registers[one], until[one], among[other], out, holds)
        else:
            _two(op, registers[one], registers[other], until[one], until[other], out, holds)


@kernel
def evaluate(
    ops: Ints,
    constants: Floats,
    roots: Ints,
    values: Floats,
    expires: Ints,
    marks: Ints,
    block: int,
    truth: Floats,
    until: Ints,
) -> None:
    """Evaluate conditions over single symbols, block by block.

    Args:
        ops: see ``run``, constants, values, expires and marks as well.
        constants: as above.
        roots: int64[conditions], register of each.
        values: as above.
        expires: as above.
        marks: as above.
        block: rows at a time.
        truth: float64[conditions, n], receives 1, 0 or NaN.
        until: int64[conditions, n], receives until when that holds.
    """
    count = len(marks)
    width = min(block, count)
    registers, holds = np.empty((len(ops), width)), np.empty((len(ops), width), np.int64)
    among = np.ones((1, width), np.bool_)
    for first in range(0, count, width):
        end = min(first + width, count)
        part, size = slice(first, end), end - first
        run(
            ops, constants, values[:, part], expires[:, part], marks[part], among,
            registers[:, :size], holds[:, :size],
        )  # fmt: skip
        for number in range(len(roots)):
            truth[number, part] = registers[roots[number], :size]
            until[number, part] = holds[roots[number], :size]
