"""What was read of symbols last, a row for each."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.core.analytics.rows import NONE

_Number = TypeVar("_Number", np.int64, np.float64)


class Latest:
    """Rows that ``Reader`` fills.

    Args:
        columns: that are read.
        intervals: 1m first; one more stands for the session's quality.
        rows: symbols that there is room for.

    Attributes:
        values: float64[rows, columns], NaN where there is none.
        closes: int64[rows, intervals + 1], close of the newest bar of each interval, ns.
        expires: int64[rows, intervals + 1], until when it is fresh, ns.
        newest: int64[rows, intervals + 1], its place.
        tallies: int64[rows, 2], known and expected minutes of the session.
        changed: int64[rows], a bit for each interval that the last reading found changed.
        begun: int64[rows], ``Room.begun`` of the symbol when it was read; NONE where it is to be read anew.
    """

    def __init__(self, columns: int, intervals: int, rows: int) -> None:
        self.values = np.full((rows, columns), np.nan)
        self.closes, self.expires, self.newest = np.zeros((3, rows, intervals + 1), np.int64)
        self.tallies = np.zeros((rows, 2), np.int64)
        self.begun = np.full(rows, NONE, np.int64)
        self.changed = np.zeros(rows, np.int64)

    def __len__(self) -> int:
        return len(self.begun)

    def forget(self, row: int) -> None:
        """A symbol is to be read anew."""
        self.begun[row] = NONE

    def grow(self) -> None:
        """Make room for twice as many."""
        self.values = _doubled(self.values)
        self.closes, self.expires = _doubled(self.closes), _doubled(self.expires)
        self.newest = _doubled(self.newest)
        self.tallies = _doubled(self.tallies)
        self.changed = _doubled(self.changed)
        self.begun = _doubled(self.begun)
        self.begun[len(self.begun) // 2 :] = NONE


def _doubled(rows: NDArray[_Number]) -> NDArray[_Number]:
    return np.concatenate([rows, np.zeros_like(rows)])
