"""One change of a symbol carried through: minute, derived bars, indicators.

Order: a change gives its 1m bar, the derived bars around it by interval, then for every bar that has other
indicator values, by close and interval, its values and its ``ready``.
"""

from typing import Final, TypeAlias

import numpy as np

from schemas.jit import kernel
from streams.core.analytics.derive import CHANGED, FILLED, PRESENT, derive_around
from streams.core.analytics.rows import BAR, FLAT, NONE, Rows
from streams.core.analytics.state import SymbolState

Places: TypeAlias = list[tuple[int, int]]
"""(interval number, place in that interval), in the order they go out."""

NEVER: Final = 2**63 - 1


def set_bar(state: SymbolState, place: int, bars: Rows, row: int, watermark: int) -> Places:
    """Put a 1m bar into its place; the bars that are new or changed, the 1m bar first.

    Args:
        state: the symbol.
        place: place of the minute.
        bars: BAR rows as they come in.
        row: which of them.
        watermark: through which every minute is decided, ns.
    """
    _put(state.bars, place, bars, row)
    state.touched[place] = True
    return [(0, place), *_derived(state, place, watermark)]


@kernel
def _put(bars: Rows, place: int, incoming: Rows, row: int) -> None:
    held, bar = bars[place], incoming[row]
    held["open"], held["high"] = bar["open"], bar["high"]
    held["low"], held["close"] = bar["low"], bar["close"]
    held["volume"], held["notional"], held["trades"] = bar["volume"], bar["notional"], bar["trades"]
    held["ts_first"], held["ts_last"], held["flags"] = bar["ts_first"], bar["ts_last"], bar["flags"]
    held["fill"], held["source"], held["revision"] = bar["fill"], bar["source"], bar["revision"]
    held["unfilled"] = 0
    if bar["fill"] != FLAT:
        held["cause"] = NONE


def set_cause(state: SymbolState, place: int, cause: int, watermark: int, *, filled: bool) -> Places:
    """Note why a minute has no real bar; the derived bars that changed by it."""
    held = state.bars[place]
    there = held["revision"] >= 0
    if there and held["fill"] != FLAT:
        return []
    held["cause"], held["unfilled"] = cause, not filled and not there
    state.touched[place] = True
    return _derived(state, place, watermark)


def close_through(state: SymbolState, watermark: int) -> Places:
    """Publish the derived bars that are due; them, by close and interval."""
    due = sorted(one for one in state.waiting if one[0] <= watermark)
    for one in due:
        _publish(state, *one)
    return [(number, place) for _, number, place in due]


def next_due(state: SymbolState) -> int:
    """Close of the first derived bar that waits for the watermark, NEVER where there is none."""
    return min(state.waiting)[0] if state.waiting else NEVER


def revise_values(state: SymbolState, changed: Places) -> Places:
    """Move the indicators on by bars that are new or changed; all bars whose values are new or changed."""
    revised: list[tuple[int, int, int]] = []
    for number in sorted({number for number, _ in changed}):
        bars = state.interval_bars(number)
        places = sorted(place for own, place in changed if own == number)
        if state.plan.indicators[number]:
            places = state.chains[number].revise(bars, places).tolist()
            for place in places:
                bars[place]["values_revision"] += 1
            state.touch(number, places)
        closes = bars["ts_close"]
        revised += [(int(closes[place]), number, place) for place in places]
    return [(number, place) for _, number, place in sorted(revised)]


def _derived(state: SymbolState, minute: int, watermark: int) -> Places:
    window = state.window
    found = np.zeros(len(window.slot_of), np.int64)
    derive_around(
        state.bars, minute, window.slot_of, window.firsts, window.counts, state.plan.coverage_limit,
        np.zeros(1, BAR), found,
    )  # fmt: skip
    changed = []
    for number in range(1, len(found)):
        slot, bits = int(window.slot_of[number, minute]), int(found[number])
        if bits and _settle(state, number, slot, bits, watermark):
            changed.append((number, slot - int(window.begins[number])))
    return changed


def _settle(state: SymbolState, number: int, slot: int, bits: int, watermark: int) -> bool:
    """Publish a derived slot that was computed anew, where it is due or changed; whether it was."""
    bar = state.bars[slot]
    ts_close, place = int(bar["ts_close"]), slot - int(state.window.begins[number])
    if bar["revision"] >= 0:
        bar["revision"] += bits & CHANGED
        state.touched[slot] |= bool(bits & CHANGED)
        return bool(bits & CHANGED)
    if not bits & FILLED:
        return False
    if bits & PRESENT or ts_close <= watermark:
        _publish(state, ts_close, number, place)
        return True
    state.waiting.add((ts_close, number, place))
    return False


def _publish(state: SymbolState, ts_close: int, number: int, place: int) -> None:
    state.waiting.discard((ts_close, number, place))
    state.interval_bars(number)[place]["revision"] = 0
    state.touch(number, [place])
