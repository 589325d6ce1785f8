"""Indicator values computed anew over stored bars, outside any stage: for a range of the past."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.market.grid import Grid
from schemas.market.intervals import Interval
from streams.core.analytics.chain import Chain
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.rows import Floats, Ints, Rows
from streams.core.analytics.warmup import bars_of
from streams.core.analytics.windowed.kept import Kept
from streams.core.analytics.windowed.runner import Calls


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
    bars = bars_of(rows)
    chain = Chain(program, len(bars))
    chain.restart(bars, [b""] * len(program.keys))
    if program.windowed:
        Kept(chain, bars, 0, 0, {}).compute(range(lead, len(bars)), where, calls or Calls())
    values = chain.values[:, lead:]
    return Computed(program.names, values, (chain.unseen[:, lead:] < CONVERGED) & np.isfinite(values))


def expires(grid: Grid, interval: Interval, opens: Ints, closes: Ints, expiry: int) -> Ints:
    """Until when the values of bars are fresh: ``expiry`` ns after the close of the next expected bar."""
    following = np.asarray(grid.minute_at(grid.count_before(closes)))
    ends = np.asarray(grid.bounds(interval, following)[1])
    return np.asarray(np.where(following >= 0, ends, closes + closes - opens) + expiry)
