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

from schemas.flags import DISAGREES, LARGE_VOLUME, STUCK, VWAP_RANGE
from schemas.jit import kernel
from schemas.rules import AssetRules
from streams.core.bars.state import REAL, Print, Rows

Floats = NDArray[np.float64]

CODES: Final = {VWAP_RANGE: "V07", LARGE_VOLUME: "V14", STUCK: "V15", DISAGREES: "V19"}
"""Codes of the flags that this stage sets, for metrics."""


@kernel
def _is_large(volumes: Floats, volume: float, factor: float) -> bool:
    count = len(volumes)
    ordered = np.sort(volumes)
    return bool(volume > factor * ((ordered[(count - 1) // 2] + ordered[count // 2]) / 2))


@kernel
def around(
    rows: Rows,
    place: int,
    close: float,
    volume: float,
    volume_bars: int,
    volume_factor: float,
    stuck_bars: int,
) -> int:
    """V14 and V15 of a bar that becomes that of a minute.

    Args:
        rows: ``MINUTE`` rows of its trade date.
        place: its minute.
        close: of the bar.
        volume: of the bar.
        volume_bars: so many real bars before it say what a volume is like; 0: nothing is too large.
        volume_factor: by how much.
        stuck_bars: so many identical closes, its own among them, are too many; below 2: any number is fine.
    """
    volumes, count, same = np.empty(max(volume_bars, 0)), 0, 0
    wanted = max(volume_bars, stuck_bars - 1)
    while place > 0 and count < wanted:
        place -= 1
        if rows[place]["kind"] == REAL:
            if count < volume_bars:
                volumes[count] = rows[place]["volume"]
            same += count < stuck_bars - 1 and rows[place]["close"] == close
            count += 1
    found = 0
    if 0 < volume_bars <= count and _is_large(volumes, volume, volume_factor):
        found |= LARGE_VOLUME
    if stuck_bars > 1 and same == stuck_bars - 1:
        found |= STUCK
    return found


def doubts(rows: NDArray[np.void], place: int, bar: Print, others: Iterable[float], rules: AssetRules) -> int:
    """Flags of a bar that becomes that of a minute.

    Args:
        rows: ``MINUTE`` rows of its trade date.
        place: its minute.
        bar: the bar.
        others: closes of other sources' bars for the minute.
        rules: those of its symbol.
    """
    stuck_bars = 0 if bar.fill else rules.stuck_bars
    found = around(rows, place, bar.close, bar.volume, rules.volume_bars, rules.volume_factor, stuck_bars)
    if any(differs(bar.close, other, rules) for other in others):
        found |= DISAGREES
    return found


def differs(close: float, other: float, rules: AssetRules) -> bool:
    """V19: whether the close of another source's bar differs by more than the limit."""
    return rules.disagreement > 0 and abs(close - other) > rules.disagreement * abs(close)
