"""Indicator values computed anew over stored bars, outside any stage: for a range of the past."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.market.grid import Grid
from schemas.market.intervals import Interval
from streams.core.analytics.chain import Chain
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.rows import Floats, Ints, Rows
from streams.core.analytics.warmup import bars_of
from streams.core.analytics.windowed.bars import history_of
from streams.core.analytics.windowed.kept import OLDER, Kept
from streams.core.analytics.windowed.runner import Calls

_BLOCK: Final = 4_096
"""Bars that are computed together; the states kept along them may be large."""


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """Values of some bars.

    Attributes:
        names: of the values.
        values: float64[names, bars], NaN where not ready.
        converged: bool[names, bars].
    """

    names: tuple[str, ...]
    values: Floats
    converged: NDArray[np.bool_]


def computed(
    program: Program, rows: Rows, lead: int, where: str = "", calls: Calls | None = None
) -> Computed:
    """All indicators of an interval over bars.

    Args:
        program: what is computed.
        rows: HISTORY rows, or rows that have its fields, of one symbol, ascending.
        lead: so many of them only warm up; nothing is given for these.
        where: what a watch is told.
        calls: who runs functions, and looks on.
    """
    bars, own = bars_of(rows), calls or Calls()
    state = np.zeros(program.width)
    program.move(state, bars[:lead])
    values = np.zeros((len(program.names), len(bars) - lead))
    unseen = np.zeros(values.shape)
    for first in range(lead, len(bars), _BLOCK):
        part = slice(first, min(first + _BLOCK, len(bars)))
        chain = _chain_over(program, state, bars[part])
        if program.windowed:
            older = history_of(bars[max(first - program.longest, 0) : first]).tobytes()
            kept = Kept(chain, bars[part], 0, 0, {OLDER: older})
            kept.compute(range(part.stop - part.start), where, own)
        place = slice(part.start - lead, part.stop - lead)
        values[:, place], unseen[:, place] = chain.values, chain.unseen
    return Computed(program.names, values, (unseen < CONVERGED) & np.isfinite(values))


def _chain_over(program: Program, state: Floats, bars: Rows) -> Chain:
    """The values along some bars; the state moves on to that after them."""
    chain = Chain(program, len(bars))
    chain.restart(bars, [state[part].tobytes() for part in program.slices])
    state[:] = np.frombuffer(b"".join(chain.start_at(bars, len(bars))))
    return chain


def expires(grid: Grid, interval: Interval, opens: Ints, closes: Ints, expiry: int) -> Ints:
    """Until when the values of bars are fresh: ``expiry`` ns after the close of the next expected bar."""
    following = np.asarray(grid.minute_at(grid.count_before(closes)))
    ends = np.asarray(grid.bounds(interval, following)[1])
    return np.asarray(np.where(following >= 0, ends, closes + closes - opens) + expiry)
