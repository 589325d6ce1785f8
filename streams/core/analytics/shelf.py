"""Where the values and states along the bars of one symbol and interval stand."""

from typing import NamedTuple

import numpy as np

from streams.core.analytics.indicators.program import Program
from streams.core.analytics.indicators.steps import STRIDE
from streams.core.analytics.rows import Floats, Ints


class Shelf(NamedTuple):
    """Arrays of one symbol, its own or its part of those of many.

    Attributes:
        values: float64[places * names], NaN while not ready.
        unseen: float64[places * names], weight of unseen history, 1 at first.
        kept: float64[(places / STRIDE + 1) * numbers], the states before every STRIDE-th place.
        state: float64[numbers], before the place after the newest; need not be in one piece.
        newest: int64[1], last place that has a bar, -1 for none.
    """

    values: Floats
    unseen: Floats
    kept: Floats
    state: Floats
    newest: Ints

    @staticmethod
    def alone(program: Program, places: int) -> "Shelf":
        """Room for one symbol alone."""
        cells, width = places * len(program.names), program.width
        kept = np.zeros((places // STRIDE + 1) * width)
        return Shelf(np.full(cells, np.nan), np.ones(cells), kept, np.zeros(width), np.full(1, -1, np.int64))
