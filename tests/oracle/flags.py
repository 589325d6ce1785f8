"""Flags of a bar that becomes that of its minute: V07, V14, V15 and V19."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

from schemas.flags import DISAGREES, LARGE_VOLUME, STUCK, VWAP_RANGE
from schemas.rules import AssetRules

Record = dict[str, Any]

_ROUNDING: Final = 1e-9  # of a vwap, which is a quotient of sums


def flagged(bar: Record, before: Sequence[Record], others: Iterable[Record], rules: AssetRules) -> int:
    """All flags of a bar.

    Args:
        bar: the bar.
        before: the real bars of its trade date before it, as they stand, ascending.
        others: other sources' bars for its minute.
        rules: those of its symbol.
    """
    found = int(bar["flags"])
    if _odd(bar):
        found |= VWAP_RANGE
    # By law "volume above [10x] the median of the last [20] real bars"; with fewer there is nothing to say
    last = [one["volume"] for one in before][-rules.volume_bars :]
    if rules.volume_bars and len(last) == rules.volume_bars:
        found |= LARGE_VOLUME if bar["volume"] > rules.volume_factor * median(last) else 0
    # By law "N identical closes of real bars [5; fx 10; crypto 3]"
    closes = [one["close"] for one in before] + [bar["close"]]
    if rules.stuck_bars > 1 and bar["fill"] == "real" and len(closes) >= rules.stuck_bars:
        found |= STUCK if len(set(closes[-rules.stuck_bars :])) == 1 else 0
    # By law "another source's bar differs by more than [10 bps]"
    if any(disagrees(bar, other, rules) for other in others):
        found |= DISAGREES
    return found


def disagrees(bar: Record, other: Record, rules: AssetRules) -> bool:
    """Whether another source's bar differs from the one that counts."""
    return bool(rules.disagreement) and (
        abs(other["close"] - bar["close"]) > rules.disagreement * abs(bar["close"])
    )


def _odd(bar: Record) -> bool:
    # By law "vwap outside [low, high]; trades = 0 xor volume = 0"; what is null is not checked
    if bar["trades"] is not None and (bar["trades"] == 0) != (bar["volume"] == 0):
        return True
    if bar["notional"] is None or bar["volume"] == 0:
        return False
    vwap, slack = bar["notional"] / bar["volume"], _ROUNDING * max(abs(bar["low"]), abs(bar["high"]))
    return not bar["low"] - slack <= vwap <= bar["high"] + slack
