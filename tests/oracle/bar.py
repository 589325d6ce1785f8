"""One bar of prints, folded anew each time it is published."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from operator import or_
from typing import Any

from schemas.flags import PARTIAL, WITHDRAWN
from tests.oracle.prints import Record


@dataclass
class Open:
    """One bar that holds prints."""

    ts_close: int
    prints: list[Record] = field(default_factory=list)
    closed: bool = False
    partial: int = 0
    published: dict[str, Any] | None = None


def fold(symbol: str, source: str, ts_open: int, bar: Open) -> dict[str, Any]:
    """The bar of its prints."""
    # By law "fold order is (ts_event, seq, price, size); open is the first, close the last; ..."
    low = float("-inf")
    order = sorted(
        (one for one in bar.prints if one["priced"]),
        key=lambda one: (
            one["ts"],
            low if one["seq"] is None else one["seq"],
            one["price"],
            low if one["size"] is None else one["size"],
        ),
    )
    prices = [one["price"] for one in order]
    # By law "size, trades, notional may be null: nothing is added to volume"
    sized = [(Fraction(one["price"]), Fraction(one["size"])) for one in bar.prints if one["size"] is not None]
    return {
        "symbol": symbol,
        "source": source,
        "ts_open": ts_open,
        "ts_close": bar.ts_close,
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": float(sum(size for _, size in sized)),
        # By law "notional (sum of price*size)"
        "notional": float(sum(price * size for price, size in sized)) if sized else None,
        "trades": len(sized) if sized else None,
        "ts_first": order[0]["ts"],
        "ts_last": order[-1]["ts"],
        "flags": reduce(or_, (one["flags"] for one in order), bar.partial),
    }


def withdrawn(published: dict[str, Any]) -> dict[str, Any]:
    """What is published of a bar that has no price any more."""
    names = ("symbol", "source", "ts_open", "ts_close")
    empty = {"volume": 0.0, "notional": None, "trades": None, "actual": 0}
    return (
        {name: published[name] for name in names}
        | empty
        | {"flags": published["flags"] & PARTIAL | WITHDRAWN}
    )
