"""Which trade dates of a calendar may be revised while a watermark moves on."""

from bisect import bisect_right

import numpy as np

from schemas.market.grid import Grid
from streams.core.bars.state import SLOTS
from streams.core.watermark import FOREVER, NEVER


class Window:
    """The trade dates that may be revised, as a watermark moves on: the current one and some before it.

    They lie with the next one within ``SLOTS`` days, so that each has a slot of its own. What a long holiday
    cuts off is no longer kept, but the current trade date always is.

    Args:
        grid: the trade dates.
        trailing: how many before the current one are kept.

    Attributes:
        oldest: the first that may be revised, in days.
        wanted: the first that would be without a limit, in days.
    """

    def __init__(self, grid: Grid, trailing: int) -> None:
        self._trailing = trailing
        first = np.searchsorted(grid.session_dates, grid.sessions)
        self._opens: list[int] = grid.opens[first].tolist()
        self._dates: list[int] = grid.sessions.tolist()
        self._due = NEVER
        self._current: int | None = None
        self.oldest: int = self._dates[0]
        self.wanted: int = self._dates[0]

    def advance(self, through: int) -> bool:
        """Move on to an instant; whether another trade date is the current one, or the first is awaited."""
        if through < self._due or through == NEVER:
            return False
        before, current = self._current, bisect_right(self._opens, through) - 1
        self._current = current
        self._reach(max(current, 0))
        self._due = self._opens[current + 1] if current + 1 < len(self._opens) else FOREVER
        return before != current

    def _reach(self, current: int) -> None:
        first = max(current - self._trailing, 0)
        following = self._dates[min(current + 1, len(self._dates) - 1)]
        within = min(bisect_right(self._dates, following - SLOTS), current)
        self.wanted, self.oldest = self._dates[first], self._dates[max(first, within)]

    @property
    def current(self) -> int:
        """The trade date that has begun last, in days, -1 where none has."""
        return self._dates[self._current] if self._current is not None and self._current >= 0 else -1

    @property
    def following(self) -> int:
        """The trade date that begins next, in days, -1 where it is not known."""
        if self._current is None or self._current + 1 == len(self._dates):
            return -1
        return self._dates[self._current + 1]
