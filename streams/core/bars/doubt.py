"""Flags of a bar that need the bars around it: V14, V15 and V19.

They follow from what is known when the bar becomes that of its minute, and are not reckoned again when a bar
before it changes. Only bars of the same trade date are looked at: the volume of an open is always far above
that of the evening before, and a session that begins at the price of the last close is not stuck.

====  ==================================================================================================
V14   its volume is more than ``volume_factor`` times the median of the last ``volume_bars`` real bars
V15   it is real and its close is that of the last ``stuck_bars`` - 1 real bars, too
V19   another source's bar for the minute differs in its close by more than ``disagreement``, as a share
      of the close of the bar that counts
====  ==================================================================================================
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.config import AssetRules
from schemas.flags import DISAGREES, LARGE_VOLUME, STUCK, VWAP_RANGE
from streams.core.bars.state import REAL, Print

CODES: Final = {VWAP_RANGE: "V07", LARGE_VOLUME: "V14", STUCK: "V15", DISAGREES: "V19"}
"""Codes of the flags that this stage sets, for metrics."""


def doubts(rows: NDArray[np.void], place: int, bar: Print, others: Iterable[float], rules: AssetRules) -> int:
    """Flags of a bar that becomes that of a minute.

    Args:
        rows: ``MINUTE`` rows of its trade date.
        place: its minute.
        bar: the bar.
        others: closes of other sources' bars for the minute.
        rules: those of its symbol.
    """
    wanted = max(rules.volume_bars, rules.stuck_bars - 1)
    before = np.flatnonzero(rows["kind"][:place] == REAL)[-wanted:] if wanted > 0 else np.zeros(0, np.intp)
    found = 0
    if _is_large(rows["volume"][before[-rules.volume_bars :]], bar.volume, rules):
        found |= LARGE_VOLUME
    if not bar.fill and _is_stuck(rows["close"][before], bar.close, rules.stuck_bars):
        found |= STUCK
    if any(differs(bar.close, other, rules) for other in others):
        found |= DISAGREES
    return found


def differs(close: float, other: float, rules: AssetRules) -> bool:
    """V19: whether the close of another source's bar differs by more than the limit."""
    return rules.disagreement > 0 and abs(close - other) > rules.disagreement * abs(close)


def _is_large(volumes: NDArray[np.float64], volume: float, rules: AssetRules) -> bool:
    count = rules.volume_bars
    if count < 1 or len(volumes) < count:
        return False
    ordered = sorted(volumes.tolist())
    median = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    return bool(volume > rules.volume_factor * median)


def _is_stuck(closes: NDArray[np.float64], close: float, count: int) -> bool:
    same = closes[-(count - 1) :] if count > 1 else closes[:0]
    return count > 1 and len(same) == count - 1 and bool((same == close).all())
