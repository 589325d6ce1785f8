"""Rows as they are saved, copied out of the places of a window: one pass instead of one for each field."""

import numpy as np

from schemas.jit import kernel
from streams.core.analytics.rows import Ints, Rows
from streams.core.analytics.saved import MINUTE, SLOT


@kernel
def _copy_bar(bars: Rows, place: int, out: Rows, at: int) -> None:
    bar, row = bars[place], out[at]
    row["ts_open"], row["trades"], row["flags"] = bar["ts_open"], bar["trades"], bar["flags"]
    row["open"], row["high"], row["low"], row["close"] = bar["open"], bar["high"], bar["low"], bar["close"]
    row["volume"], row["notional"] = bar["volume"], bar["notional"]
    row["ts_first"], row["ts_last"] = bar["ts_first"], bar["ts_last"]


@kernel
def _copy_minutes(bars: Rows, places: Ints, out: Rows) -> int:
    """Copy those of some minutes of which anything is known; how many they are."""
    count = 0
    for place in places:
        bar = bars[place]
        if bar["revision"] < 0 and bar["cause"] < 0 and bar["unfilled"] <= 0:
            continue
        _copy_bar(bars, place, out, count)
        row = out[count]
        row["revision"], row["values_revision"] = bar["revision"], bar["values_revision"]
        row["source"], row["fill"], row["cause"] = bar["source"], bar["fill"], bar["cause"]
        row["unfilled"], row["due"] = bar["unfilled"], bar["due"]
        count += 1
    return count


@kernel
def _copy_slots(bars: Rows, places: Ints, begins: Ints, lengths: Ints, out: Rows) -> int:
    """Copy those of some derived bars that are published; how many they are."""
    count = 0
    for place in places:
        bar = bars[place]
        if bar["revision"] < 0:
            continue
        number = 0
        while number + 1 < len(lengths) and begins[number + 1] <= place:
            number += 1
        row = out[count]
        row["interval"], row["ts_open"], row["due"] = lengths[number], bar["ts_open"], bar["due"]
        row["revision"], row["values_revision"] = bar["revision"], bar["values_revision"]
        count += 1
    return count


def minutes_of(bars: Rows, places: Ints) -> Rows:
    """MINUTE rows of the minutes at some places."""
    out = np.empty(len(places), MINUTE)
    return out[: _copy_minutes(bars, places, out)]


def slots_of(bars: Rows, places: Ints, begins: Ints, lengths: Ints) -> Rows:
    """SLOT rows of the derived bars at some places.

    Args:
        bars: all places of a window.
        places: of derived bars.
        begins: place of the first bar of each interval.
        lengths: of each interval, in ns.
    """
    out = np.empty(len(places), SLOT)
    return out[: _copy_slots(bars, places, begins, lengths, out)]
