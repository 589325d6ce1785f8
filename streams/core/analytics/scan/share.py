"""A part of a program: some of its conditions, and what has to be computed for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streams.core.analytics.rows import Ints
from streams.core.analytics.scan.program import Op, Program

_OF_NONE = {Op.LOAD, Op.CONST}
_OF_ONE = {Op.NEGATE, Op.ABS, Op.NOT, Op.RANK, Op.PERCENTILE}


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """Some conditions; all numbers are those of the program, ascending.

    Attributes:
        conditions: int64[n], which.
        registers: int64[n], what is to be computed.
        columns: int64[n], what is to be read.
    """

    conditions: Ints
    registers: Ints
    columns: Ints


def share(program: Program, conditions: Sequence[int]) -> Share:
    """What some conditions of a program need."""
    ops, needed = program.ops.tolist(), set[int]()
    waiting = [int(program.roots[number]) for number in conditions]
    waiting += [at for number in conditions for at in program.conditions[number].told.values()]
    while waiting:
        register = waiting.pop()
        if register in needed:
            continue
        needed.add(register)
        op, one, other = ops[register]
        if op not in _OF_NONE:
            waiting += [one] if op in _OF_ONE else [one, other]
    columns = {ops[register][1] for register in needed if ops[register][0] == Op.LOAD}
    return Share(*(np.array(sorted(one), np.int64) for one in (conditions, needed, columns)))


def of_minutes(program: Program, intervals: int) -> Share:
    """The conditions that read minutes, or the quality, which moves with each of them."""
    moving = {0, intervals}
    return share(program, [number for number, one in enumerate(program.conditions) if one.reads & moving])


def everything(program: Program) -> Share:
    """All conditions."""
    return share(program, range(len(program.conditions)))


def rest_of(program: Program, of: Share) -> Ints:
    """int64[n], the conditions that are not in a share."""
    return np.setdiff1d(np.arange(len(program.conditions)), of.conditions)
