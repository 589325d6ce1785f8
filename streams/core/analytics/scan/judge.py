"""The kernel that judges conditions over single symbols: rows become columns, truths, edges and signals.

All of it happens a block of rows at a time, so that nothing leaves the cache in between.
"""

from typing import Final

import numpy as np

from schemas.jit import kernel
from streams.core.analytics.rows import Bools, Floats, Ints, Rows
from streams.core.analytics.scan.edges import AWAY, rise
from streams.core.analytics.scan.machine import UNBOUND, run

BLOCK: Final = 256
"""Rows that are judged at a time."""
WIDTH: Final = BLOCK + 8
"""Of what they are worked in: columns a power of two apart would push each other out of the cache."""


@kernel
def tell(registers: Floats, told: Ints, fired: Ints, count: int, values: Floats) -> None:
    """What signals tell.

    Args:
        registers: float64[registers, n].
        told: int64[conditions, most], register of each value that a signal tells; NONE beyond the last.
        fired: int64[>= count, 5], see ``rise``.
        count: of the signals.
        values: float64[>= count, most], receives them; NaN for what is unknown.
    """
    for i in range(count):
        row, number = fired[i, 0], fired[i, 1]
        for place in range(told.shape[1]):
            register = told[number, place]
            values[i, place] = registers[register, row] if register >= 0 else np.nan


@kernel
def _hush(edges: Rows, slots: Ints, rest: Ints, quiet: Ints) -> None:
    """Note until when some conditions need not be judged if nothing comes that they read.

    What is false or unknown does not become true by time alone, and what is true holds as long as it says.
    """
    for slot in slots:
        first = UNBOUND
        for number in rest:
            holds = edges[slot, number]["holds"]
            first = min(first, holds if holds != AWAY else UNBOUND)
        quiet[slot] = first


@kernel
def judge(
    ops: Ints, constants: Floats, roots: Ints, told: Ints, reads: Bools, debounce: Ints,
    values: Floats, expires: Ints, closes: Ints, rows: Ints,
    marks: Ints, before: Ints, slots: Ints, awake: Bools, allowed: Bools, edges: Rows, dirty: Bools,
    wanted: Ints, loads: Ints, conditions: Ints, rest: Ints, quiet: Ints,
    registers: Floats, holds: Ints, columns: Floats, times: Ints, first: int, fired: Ints, tells: Floats,
) -> tuple[int, int, int]:  # fmt: skip
    """Judge updates in order, as many as there is room for signals.

    Args:
        ops: see ``machine.run``, constants as well.
        constants: as above.
        roots: int64[conditions], register of each.
        told: see ``tell``.
        reads: see ``edges.rise``, debounce as well.
        debounce: as above.
        values: float64[m, columns].
        expires: int64[m, intervals + 1], until when values of each interval are fresh, ns.
        closes: int64[m, intervals + 1], close of the newest bar of each, ns.
        rows: int64[n], the row of ``values``, ``expires`` and ``closes`` of each update.
        marks: int64[n], the watermark of each.
        before: int64[n], the one before it.
        slots: int64[n], its symbol.
        awake: bool[n], updates that count.
        allowed: see ``edges.rise``, edges and dirty as well.
        edges: as above.
        dirty: as above.
        wanted: see ``share.Share.registers``.
        loads: see ``share.Share.columns``.
        conditions: int64[n], those to be judged, ascending.
        rest: int64[n], those that no minute changes.
        quiet: int64[symbols], receives, where all are judged, until when the true ones of the rest hold.
        registers: float64[registers, WIDTH], to work in.
        holds: int64[registers, WIDTH], as well.
        columns: float64[columns, WIDTH], as well.
        times: int64[2, intervals + 1, WIDTH], as well.
        first: the update to begin with.
        fired: int64[>= BLOCK * conditions, 5], receives signals, see ``edges.rise``.
        tells: float64[as many, most], receives what they tell.

    Returns:
        The update to go on with, signals, and how many were swallowed.
    """
    count, swallowed = 0, 0
    among = np.ones((1, 1), np.bool_)
    while first < len(rows) and count + BLOCK * len(roots) <= len(fired):
        size = min(BLOCK, len(rows) - first)
        for i in range(size):
            row = rows[first + i]
            for column in loads:
                columns[column, i] = values[row, column]
            for interval in range(times.shape[1]):
                times[0, interval, i], times[1, interval, i] = expires[row, interval], closes[row, interval]
        part = slice(first, first + size)
        run(ops, constants, wanted, columns, times[0], marks[part], among, 0, size, registers, holds)
        found, missed = rise(
            registers, holds, roots, conditions, before[part], times[1], reads, slots[part], awake[part],
            allowed, debounce, edges, dirty, fired[count:],
        )  # fmt: skip
        tell(registers, told, fired[count:], found, tells[count:])
        fired[count : count + found, 0] += first
        if len(conditions) == len(roots):
            _hush(edges, slots[part], rest, quiet)
        first, count, swallowed = first + size, count + found, swallowed + missed
    return first, count, swallowed
