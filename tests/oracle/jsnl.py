"""What a strategy line says, by the plainest reading of SEMANTICS and docs/semantics.md.

A key that is read must stand once; a number is a number; a time is epoch seconds, as a number or a text.
"""

import json
import re
from decimal import Decimal
from typing import Any, NamedTuple

LIMIT = 1_024
DEPTH = 64
ALONE = {"type", "mode", "timestamp", "value"}


class Said(NamedTuple):
    """A line that can be used at least in part.

    ``items`` are ("e", broker, value) or (type, place in the line, item); ``spoiled``: others are bad.
    """

    ts_event: int
    items: list[tuple[Any, ...]]
    spoiled: bool


class Twice(dict[str, Any]):
    """An object that knows which of its keys stood more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = {name for name in names if names.count(name) > 1}


def said(data: bytes, mode: str) -> Said | None:
    """Read a line of items; None where all of it is refused."""
    try:
        line = json.loads(data.decode(), object_pairs_hook=Twice, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if (
        depth(line) > DEPTH
        or not isinstance(line, Twice)
        or line.twice & ALONE
        or line.get("mode") != mode
        or "type" in line
    ):
        return None
    ts_event, value = instant(line.get("timestamp")), line.get("value")
    if ts_event is None or not isinstance(value, Twice | list):
        return None
    found = [item(one, place) for place, one in enumerate(value if isinstance(value, list) else [value])]
    good = [one for one in found if one is not None]
    return None if found and not good else Said(ts_event, good, spoiled=len(good) < len(found))


def _refuse(text: str) -> None:
    raise ValueError(text)


def depth(value: Any) -> int:
    """How deep a value nests; a plain one does not."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + max((depth(one) for one in (value.values() if isinstance(value, dict) else value)), default=0)


def instant(value: Any) -> int | None:
    """Nanoseconds, decimals beyond cut; None where it is no time."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,64})?", value):
        return None
    ts = Decimal(value) * 1_000_000_000
    return int(ts) if 0 <= ts < 1 << 63 else None


def item(one: Any, place: int) -> tuple[Any, ...] | None:
    """One item; None where it is bad."""
    if not isinstance(one, Twice) or one.twice & {"t", "equity", "b"}:
        return None
    kind = one.get("t")
    if not isinstance(kind, str) or not 0 < len(kind.encode()) <= LIMIT:
        return None
    if kind != "e":
        return kind, place, one
    value, broker = one.get("equity"), one.get("b")
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or abs(float(value)) == float("inf"):
        return None
    if broker is not None and (not isinstance(broker, str) or len(broker.encode()) > LIMIT):
        return None
    return "e", broker or "", float(value) + 0.0
