"""Which bar a minute gets."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.flags import PARTIAL

Record = dict[str, Any]


def chosen(came: Mapping[str, Record], best: str, sources: Sequence[str]) -> Record | None:
    """By law "that bar, else the best other bar present, else a gap"."""
    # By law "a refetched bar replaces only a flat one or fills an empty slot": every real one comes first
    # By text "Sources that a symbol does not list rank last."
    bars = [came[name] for name in [best, *sources, *came] if name in came]
    return next((bar for bar in bars if bar["fill"] == "real"), bars[0] if bars else None)


def is_fill_of(held: Record, bar: Record) -> bool:
    """Whether a refetched bar comes where a real one is."""
    return bool(bar["fill"] == "refetched" and held["fill"] == "real")


def replaces(bar: Record, held: Record | None, order: Sequence[str]) -> bool:
    """Whether a bar changes a decided minute."""
    if held is None:
        return True  # By law "Any real bar replaces a flat one"; "fills an empty slot"
    if bar["fill"] == "refetched":
        return False  # By law "a refetched bar replaces only a flat one or fills an empty slot"
    if held["fill"] == "refetched":
        return True  # a real bar where none is
    if bar["source"] == held["source"]:
        return True
    ranks = {name: rank for rank, name in enumerate(order)}
    rank, own = (ranks.get(one["source"], len(order)) for one in (bar, held))
    # By law "A worse source's bar for a slot that has a real bar is a duplicate, ...; a better
    # source's bar is a revision unless flagged partial"
    return rank < own and not bar["flags"] & PARTIAL
