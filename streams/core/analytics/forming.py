"""Indicators of a bar that is not closed yet: what they would be if it closed as it stands.

::

    closed bars ──close──► state        closed minutes of the bar, and the forming one ──compose──► bar
                             └──────────────────────── peek ◄───────────────────────────────────────┘
                                                        values; the state stays as it is
"""

from collections.abc import Sequence

import numpy as np

from schemas.config import IndicatorConfig
from schemas.history import HISTORY
from schemas.indicators import is_windowed
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.rows import Rows
from streams.core.analytics.warmup import bars_of


class Forming:
    """Indicators of one symbol and interval, over its closed bars and one that is forming.

    Args:
        indicators: what is computed; those by functions are left out.
        closed: HISTORY rows, ascending: as many as the indicators need to converge.
    """

    def __init__(self, indicators: Sequence[IndicatorConfig], closed: Rows) -> None:
        self._program = Program([one for one in indicators if not is_windowed(one)])
        self._state = np.zeros(self._program.width)
        self._last = np.zeros(0, HISTORY)
        self.close(closed)

    def close(self, bars: Rows) -> None:
        """Move on by closed bars, HISTORY rows that follow those before."""
        if not len(bars):
            return
        self._program.move(self._state, self._dated(bars))
        self._last = _history(bars[-1:])

    def peek(self, bar: Rows) -> dict[str, float]:
        """The values that a bar would give, by name, those that are ready; nothing moves on.

        Args:
            bar: one HISTORY row that follows the closed ones, such as ``composed`` gives.
        """
        values = self._program.peek(self._state, self._dated(bar)).tolist()
        return {
            name: value for name, value in zip(self._program.names, values, strict=True) if np.isfinite(value)
        }

    def _dated(self, bars: Rows) -> Rows:
        """BAR rows that know which of them begins a trade date."""
        rows = np.concatenate([self._last, _history(bars)])
        return bars_of(rows)[len(self._last) :]


def composed(minutes: Rows) -> Rows:
    """One bar of minutes, as long as it forms: HISTORY rows, ascending, the forming one last."""
    bar = _history(minutes[:1])
    bar["high"], bar["low"] = minutes["high"].max(), minutes["low"].min()
    bar["close"] = minutes["close"][-1]
    for name in ("volume", "notional"):
        bar[name] = minutes[name].sum()
    return bar


def _history(rows: Rows) -> Rows:
    found = np.zeros(len(rows), HISTORY)
    for name in HISTORY.names or ():
        found[name] = rows[name]
    return found
