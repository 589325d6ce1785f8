"""Rows as they are saved, copied out of the places of a window and back: one pass, not one for each field."""

import numpy as np

from schemas.jit import inlined, kernel
from streams.core.analytics.rows import NONE, Ints, Rows
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


@inlined
def _place_of(bars: Rows, ts_open: int, begin: int, end: int, likely: int) -> int:
    """Place in [begin, end) of the bar that starts at an instant, NONE where there is none."""
    if begin <= likely < end and bars[likely]["ts_open"] == ts_open:
        return likely
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if bars[middle]["ts_open"] < ts_open:
            low = middle + 1
        else:
            high = middle
    return low if low < end and bars[low]["ts_open"] == ts_open else NONE


@kernel
def place_minutes(minutes: Rows, bars: Rows, end: int) -> int:
    """Copy MINUTE rows to their places; what has none is left out.

    Args:
        minutes: the rows.
        bars: all places of a window.
        end: of the places of minutes.

    Returns:
        The place after the last one of which anything is known, 0 for none.
    """
    place, reach = NONE, 0
    for at in range(len(minutes)):
        row = minutes[at]
        found = _place_of(bars, row["ts_open"], 0, end, place + 1)
        if found < 0:
            continue
        place = found
        _copy_bar(minutes, at, bars, place)
        bar = bars[place]
        bar["revision"], bar["values_revision"] = row["revision"], row["values_revision"]
        bar["source"], bar["fill"], bar["cause"] = row["source"], row["fill"], row["cause"]
        bar["unfilled"], bar["due"] = row["unfilled"], row["due"]
        if bar["revision"] >= 0 or bar["cause"] >= 0 or bar["unfilled"] > 0:
            reach = max(reach, place + 1)
    return reach


@kernel
def place_slots(slots: Rows, bars: Rows, begins: Ints, lengths: Ints) -> None:
    """Copy SLOT rows to their places; what has none is left out.

    Args:
        slots: the rows.
        bars: all places of a window.
        begins: see ``slots_of``.
        lengths: see ``slots_of``.
    """
    place = NONE
    for at in range(len(slots)):
        row = slots[at]
        for number in range(len(lengths)):
            if lengths[number] != row["interval"]:
                continue
            found = _place_of(bars, row["ts_open"], begins[number], begins[number + 1], place + 1)
            if found >= 0:
                place, bar = found, bars[found]
                bar["revision"], bar["values_revision"] = row["revision"], row["values_revision"]
                bar["due"] = row["due"]
