"""V13, the obvious way: every admitted price is kept, every median is worked out."""

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from schemas.rules import AssetRules

Pair = tuple[str, str]
"""Symbol and source."""


@dataclass
class HeldPrint:
    """A print that waits."""

    price: float
    near: float
    confirmed: int = 0
    print: dict[str, Any] = field(default_factory=dict)
    place: int = -1
    ts_bar: int = 0


class Doubts:
    """Admitted prices and held prints of every pair."""

    def __init__(self) -> None:
        self._prices: dict[Pair, list[float]] = defaultdict(list)
        self._held: dict[Pair, list[HeldPrint]] = defaultdict(list)

    def all(self) -> list[tuple[Pair, HeldPrint]]:
        """Everything that is held."""
        return [(pair, one) for pair, held in self._held.items() for one in held]

    def drop(self, pair: Pair, held: HeldPrint) -> None:
        """Let go of a held print."""
        self._held[pair].remove(held)

    def keep(self, pair: Pair, held: HeldPrint) -> None:
        """Hold a print."""
        self._held[pair].append(held)

    def remember(self, pair: Pair, price: float) -> None:
        """Take up an admitted price."""
        self._prices[pair].append(price)

    def settle(self, pair: Pair, price: float) -> tuple[list[HeldPrint], list[HeldPrint]]:
        """The held prints that the next price refuses, and those that it lets count."""
        held, refused = self._held[pair], []
        # By law "two further prints in log order near it confirm, all are applied; otherwise ...: REJECT"
        while held and abs(price - held[0].price) > held[0].near:
            refused.append(held.pop(0))
        if not held:
            return refused, []
        held[0].confirmed += 1
        if held[0].confirmed < 2:
            return refused, []
        self._held[pair] = []
        return refused, held

    def doubt(self, pair: Pair, price: float, rules: AssetRules) -> HeldPrint | None:
        """A price as one to be held; None where nothing is wrong with it."""
        last = self._prices[pair][-rules.outlier_prints :] if rules.outlier_prints else []
        if not last:
            return None
        # By law "price further than k = [8] sigma (1.4826 MAD) from the median of the last [21] admitted
        # prints of (symbol, source) and more than [equity 20 %, ...]"
        middle = median(last)
        spread = rules.outlier_sigmas * (1.4826 * median(abs(one - middle) for one in last))
        if abs(price - middle) <= spread or abs(price - middle) <= rules.outlier_share * abs(middle):
            return None
        # "near it": a price that would not be too far with the held one in the place of the median
        return HeldPrint(price, max(spread, rules.outlier_share * abs(price)))
