"""V13: a price far from the last ones waits until two further prints confirm it.

The median and the deviation of the last prices are worked out only for a price that could be too far. Any
median of prices between ``lowest`` and ``highest`` is between them, too, so a price within the share of both
is calm::

    lowest ......... highest        no price remembered is outside
      |-- share --> calm_until      further up than this may be too far from a median at ``lowest``
    calm_from <-- share --|         and the other way round

A print that is too far is held. When the next two prints in log order are near it, all that are held count;
the first that is not near refuses it, and so does the close of its minute.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE
from streams.core.ticks.close import refuse_held, tell
from streams.core.ticks.fold import fold_in
from streams.core.ticks.rows import (
    ADMITTED,
    CONFIRMED,
    DUE_MINUTE,
    HELD,
    MOST_HELD,
    MOST_RECORD,
    PRICES,
    V13,
    Int,
)
from streams.core.ticks.state import State

Floats = NDArray[np.float64]

_MAD = 1.4826  # of a normal distribution: deviations to one sigma
_SAFE = 1e-9  # rounding must not make a price calm that is not
_CONFIRMING = 2


@inlined
def is_calm(owner: Any, price: float) -> bool:
    """Whether a price needs no closer look."""
    return bool(owner["held"] == 0 and owner["calm_from"] <= price <= owner["calm_until"])


@inlined
def set_calm(owner: Any) -> None:
    """Work out which prices are calm."""
    lowest, highest, share = owner["lowest"], owner["highest"], owner["share"]
    if owner["median_of"] == 0:
        owner["calm_from"], owner["calm_until"] = -np.inf, np.inf
    elif 0.0 < lowest <= highest:
        floor = max(lowest * (1.0 - share), highest * (1.0 - share))
        owner["calm_from"] = floor + abs(floor) * _SAFE
        owner["calm_until"] = lowest * (1.0 + share) * (1.0 - _SAFE)
    else:
        owner["calm_from"], owner["calm_until"] = np.inf, -np.inf


@inlined
def remember(owner: Any, price: float) -> None:
    """Take an admitted price up among the last ones."""
    owner["prices"][owner["priced"] & (PRICES - 1)] = price
    owner["priced"] += 1
    if price < owner["lowest"] or price > owner["highest"]:
        owner["lowest"] = min(owner["lowest"], price)
        owner["highest"] = max(owner["highest"], price)
        set_calm(owner)


@inlined
def recall(owner: Any) -> None:
    """Work out which prices of a pair are calm from those that are remembered."""
    owner["lowest"], owner["highest"] = np.inf, -np.inf
    for place in range(min(owner["priced"], PRICES)):
        owner["lowest"] = min(owner["lowest"], owner["prices"][place])
        owner["highest"] = max(owner["highest"], owner["prices"][place])
    set_calm(owner)


@kernel
def _middle(values: Floats) -> float:
    """Median; sorts the values."""
    for place in range(1, len(values)):  # few and mostly in order
        value, before = values[place], place - 1
        while before >= 0 and values[before] > value:
            values[before + 1] = values[before]
            before -= 1
        values[before + 1] = value
    half = len(values) // 2
    return float(values[half]) if len(values) % 2 else float((values[half - 1] + values[half]) / 2.0)


@kernel
def _reach(owner: Any, price: float, scratch: Floats) -> tuple[bool, float]:
    """Whether a price is too far from the median, and how many units the sigmas are."""
    count = min(owner["priced"], owner["median_of"])
    if count == 0:
        return False, 0.0
    last = scratch[:count]
    for number in range(count):
        last[number] = owner["prices"][(owner["priced"] - 1 - number) & (PRICES - 1)]
    median = _middle(last)
    owner["lowest"], owner["highest"] = last[0], last[-1]
    set_calm(owner)
    for number in range(count):
        last[number] = abs(last[number] - median)
    spread = owner["sigmas"] * (_MAD * _middle(last))
    distance = abs(price - median)
    return distance > spread and distance > owner["share"] * abs(median), spread


@kernel
def _hold(state: State, offset: Int, pair: Int, one: Any, spread: float) -> None:
    """Keep a print until it is confirmed or refused."""
    owner = state.pairs[pair]
    source, kept = state.sources[owner["source"]], owner["waiting"][owner["held"]]
    kept["ts_event"], kept["ts_bar"] = one["ts_event"], one["ts_bar"]
    kept["price"], kept["size"], kept["seq"] = one["price"], one["size"], one["seq"]
    kept["flags"], kept["folds"], kept["offset"] = one["flags"], one["folds"], offset
    kept["near"] = max(spread, owner["share"] * abs(one["price"]))
    kept["confirmed"] = 0
    owner["held"] += 1
    due = one["ts_bar"] - one["ts_bar"] % MINUTE + MINUTE + owner["disorder"]
    state.dues[pair, DUE_MINUTE] = min(state.dues[pair, DUE_MINUTE], due)
    source["due"] = min(source["due"], due)


@kernel
def settle(state: State, at: Int, offset: Int, pair: Int, price: float) -> bool:
    """Hold a price against the prints that are held; whether it confirms them, so that all of them count."""
    owner = state.pairs[pair]
    first = owner["waiting"][0]
    while owner["held"] > 0:
        if abs(price - first["price"]) <= first["near"]:
            first["confirmed"] += 1
            break
        refuse_held(state, at, offset, pair, 0)
    if owner["held"] == 0 or first["confirmed"] < _CONFIRMING:
        return False
    for place in range(owner["held"]):
        kept = owner["waiting"][place]
        tell(state, at, pair, kept["offset"], CONFIRMED)
        owner["out"] += 1
        count_in(state, at, offset, pair, kept)
    owner["held"] = 0
    return True


@kernel
def count_in(state: State, at: Int, offset: Int, pair: Int, one: Any) -> None:
    """Take an admitted price up and fold it."""
    owner = state.pairs[pair]
    remember(owner, one["price"])
    fold_in(state, at, offset, pair, one, owner, state.sources[owner["source"]])


@kernel
def doubt(state: State, offset: Int, pair: Int, one: Any, size: Int) -> Int:
    """Verdict on a print that confirms nothing: ADMITTED, HELD, or V13 where it cannot wait."""
    owner = state.pairs[pair]
    far, spread = _reach(owner, one["price"], state.scratch)
    if not far:
        return ADMITTED
    due = one["ts_bar"] - one["ts_bar"] % MINUTE + MINUTE + owner["disorder"]
    closed = due <= state.sources[owner["source"]]["mark"]
    if closed or size > MOST_RECORD or owner["held"] == MOST_HELD:
        return V13
    _hold(state, offset, pair, one, spread)
    return HELD
