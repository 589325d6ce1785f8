"""One change of a symbol carried through: minute, derived bars, indicators.

Order: a change gives its 1m bar, the derived bars around it by interval, then for every bar that has other
indicator values, by close and interval, its values and its ``ready``.
"""

from typing import Final, TypeAlias

import numpy as np

from schemas.jit import kernel
from streams.core.analytics.derive import PUBLISHED, derive_around
from streams.core.analytics.rows import FLAT, NONE, Rows
from streams.core.analytics.state import SymbolState
from streams.core.analytics.windowed.runner import Calls

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
    put(state.bars, place, bars, row, state.before)
    state.touched[place] = True
    state.reach_to(place + 1)
    return [(0, place), *_derived(state, place, watermark)]


@kernel
def put(bars: Rows, place: int, incoming: Rows, row: int, before: Rows) -> None:
    """Put a bar that comes in into a place; ``before[0]`` receives what was there."""
    held, bar = bars[place], incoming[row]
    before[0] = held
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
    state.before[0] = held
    held["cause"], held["unfilled"] = cause, not filled and not there
    state.touched[place] = True
    state.reach_to(place + 1)
    return _derived(state, place, watermark)


def close_through(state: SymbolState, watermark: int) -> Places:
    """Publish the derived bars that are due; them, by close and interval."""
    due = sorted(one for one in state.waiting if one[0] <= watermark)
    for one in due:
        state.waiting.discard(one)
        _, number, place = one
        bars = state.interval_bars(number)
        bars["revision"][place], bars["waits"][place] = 0, 0
        state.touch(number, [place])
    return [(number, place) for _, number, place in due]


def next_due(state: SymbolState) -> int:
    """Close of the first derived bar that waits for the watermark, NEVER where there is none."""
    return min(state.waiting)[0] if state.waiting else NEVER


def revise_values(state: SymbolState, changed: Places) -> Places:
    """Move the indicators on by bars that are new or changed; all bars whose values are new or changed."""
    if len(changed) == 1:
        number, place = changed[0]
        return [(number, one) for one in _revised(state, number, [place])]
    revised: list[tuple[int, int, int]] = []
    for number in sorted({number for number, _ in changed}):
        places = _revised(state, number, sorted(place for own, place in changed if own == number))
        closes = state.interval_bars(number)["ts_close"]
        revised += [(int(closes[place]), number, place) for place in places]
    return [(number, place) for _, number, place in sorted(revised)]


def catch_up(state: SymbolState, calls: Calls, *, final: bool) -> Places:
    """Count a heartbeat for the functions of a symbol, and compute what is due; those bars, by close."""
    found: list[tuple[int, int, int]] = []
    for number, kept in enumerate(state.kept):
        if not kept.owes:
            continue
        bars = state.interval_bars(number)
        state.touch(number, [int(place) for place in np.flatnonzero(bars["due"] > 0)])
        places = kept.due(final=final)
        kept.compute(places, f"{state.name.decode()} {state.plan.layout.intervals[number].name}", calls)
        kept.begin(calls)
        bars["values_revision"][places] += 1
        found += [(int(bars["ts_close"][place]), number, place) for place in places]
    return [(number, place) for _, number, place in sorted(found)]


def warm_up(state: SymbolState, interval: int, data: bytes) -> Places:
    """Take up history of an interval (ns); the bars that have other values by it."""
    shown = [chain.shown() for chain in state.chains]
    state.warm(interval, data)
    found: Places = []
    for number, chain in enumerate(state.chains):
        bars = state.interval_bars(number)
        places = np.flatnonzero(chain.changed(shown[number]) & (bars["revision"] >= 0)).tolist()
        bars["values_revision"][places] += 1
        state.touch(number, places)
        found += [(number, place) for place in places]
    return found


def _revised(state: SymbolState, number: int, places: list[int]) -> list[int]:
    if not state.chains[number].names:
        return places
    bars = state.interval_bars(number)
    changed = places
    places = [int(place) for place in state.chains[number].revise(bars, places)]
    if state.functions:
        state.touch(number, state.kept[number].note(changed))
    revisions = bars["values_revision"]
    for place in places:
        revisions[place] += 1
    state.touch(number, places)
    return places


def _derived(state: SymbolState, minute: int, watermark: int) -> Places:
    window = state.window
    told = derive_around(
        state.bars, minute, window.slot_of, state.before, window.firsts, window.counts,
        state.plan.coverage_limit, watermark, state.touched, state.found,
    )  # fmt: skip
    return _told(state, minute) if told else []


def _told(state: SymbolState, minute: int) -> Places:
    """The derived bars around a minute that are published; those that wait now are noted."""
    window, changed = state.window, []
    for number, found in enumerate(state.found.tolist()):
        if not found:
            continue
        slot = int(window.slot_of[number, minute])
        place = slot - window.starts[number]
        waiting = (int(state.bars["ts_close"][slot]), number, place)
        if found == PUBLISHED:
            state.waiting.discard(waiting)
            changed.append((number, place))
        else:
            state.waiting.add(waiting)
    return changed
