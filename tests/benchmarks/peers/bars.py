"""The records of all peers: our ticks in, a plain one-minute bar out.

It is read by peers in environments of their own, so it imports nothing of ours.
"""

import io
import sys
import time
from typing import Any

from fastavro import parse_schema, schemaless_reader, schemaless_writer

MINUTE = 60_000_000_000
QUARTER = 250_000_000
HEAD = b"\0\0\0\0\1"
BAR = parse_schema(
    {
        "type": "record",
        "name": "PlainBar",
        "fields": [
            {"name": "symbol", "type": "string"},
            {"name": "ts_open", "type": "long"},
            *({"name": name, "type": "double"} for name in ("open", "high", "low", "close", "volume")),
            {"name": "trades", "type": "long"},
        ],
    }
)

Bar = dict[str, Any]


def opened(tick: dict[str, Any]) -> Bar:
    """The bar of a first tick."""
    price = tick["price"]
    bar = {"symbol": tick["symbol"], "ts_open": tick["ts_event"] // MINUTE * MINUTE, "open": price}
    return {**bar, "high": price, "low": price, "close": price, "volume": tick["size"] or 0.0, "trades": 1}


def folded(bar: Bar, tick: dict[str, Any]) -> Bar:
    """A bar with a further tick in log order; changed in place."""
    price = tick["price"]
    bar["high"], bar["low"] = max(bar["high"], price), min(bar["low"], price)
    bar["close"] = price
    bar["volume"] += tick["size"] or 0.0
    bar["trades"] += 1
    return bar


def written(bar: Bar) -> bytes:
    """A framed record."""
    out = io.BytesIO()
    out.write(HEAD)
    schemaless_writer(out, BAR, bar)
    return out.getvalue()


def read(value: bytes) -> Bar:
    """The bar of a framed record."""
    found: Any = schemaless_reader(io.BytesIO(value[len(HEAD) :]), BAR, None)
    return dict(found)


class Progress:
    """Counts ticks, and prints the CPU time of the process at marks, as all peers do.

    Args:
        every: ticks between marks.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self.count = 0

    def tick(self) -> None:
        """One tick was folded."""
        self.count += 1
        if self.count % self._every == 0:
            sys.__stdout__.write(f"{self.count} {time.process_time()}\n")  # type: ignore[union-attr]
            sys.__stdout__.flush()  # type: ignore[union-attr]
