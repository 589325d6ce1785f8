"""Checks of one bar that need no state: V01, V03-V06 and the flag of V07.

What depends on the configuration of the moment (V02, the action of V03, V08, the session) is asked for
elsewhere.
"""

from typing import Final, NamedTuple

import numpy as np

from schemas.columns import Bytes
from schemas.flags import VWAP_RANGE
from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE
from schemas.market.limits import LARGEST, LARGEST_SUM
from schemas.records import record_type
from schemas.rules import Action
from streams.core.bars.state import Ints, Row, Rows

_BAR: Final = record_type("Bar")
NOTIONAL_NULL: Final = _BAR.null_bit("notional")
TRADES_NULL: Final = _BAR.null_bit("trades")
_NOT_NULL: Final = np.uint64(0)
_1M: Final = b"1m"
_TOLERANCE: Final = 1e-9  # a vwap is a quotient of sums: it may leave [low, high] by rounding

V01, V03, V04, V05, V06 = (1 << bit for bit in range(5))
"""Bits of the checks a bar fails, in order of precedence."""


class Rejected(NamedTuple):
    """Why a record is refused or comes too late."""

    code: str
    detail: str


UNDECODABLE_BAR: Final = Rejected("V01", "the bytes must be a known record")
UNKNOWN_SYMBOL: Final = Rejected("V02", "symbol must be configured")
UNKNOWN_SOURCE: Final = Rejected("V02", "source must have a name and room")
FUTURE: Final = Rejected("V08", "ts_close must not be ahead of the newest heartbeat")
OLD: Final = Rejected("V09", "trade date must be one that may still be revised")
OUTSIDE: Final = Rejected("V10", "minute must lie in the session")
EARLY: Final = Rejected(
    "V09", "live bars of two trade dates wait for the history, further ones are left to refetch"
)
_REASONS: Final = (
    (V01, Rejected("V01", "numbers must be finite and in range, the revision not negative")),
    (V03, Rejected("V03", "prices must be above 0")),
    (V04, Rejected("V04", "high and low must enclose open and close")),
    (V05, Rejected("V05", "volume, notional and trades must not be negative")),
    (V06, Rejected("V06", "a bar must be of 1m and span one whole minute")),
)


@kernel
def check(bars: Rows, data: Bytes, failed: Ints, flags: Ints) -> None:
    """Check the bars of a batch.

    Args:
        bars: rows of ``Bar``.
        data: what their spans point into.
        failed: int64[n], set to the bits of the checks that each fails.
        flags: int64[n], set to its flags, with those that it gets.
    """
    for i in range(len(bars)):
        failed[i], flags[i] = _failures(bars[i], data), _flags(bars[i])


@inlined
def _failures(bar: Row, data: Bytes) -> int:
    """Bits of the checks that a bar fails."""
    opened, high, low, close = bar["open"], bar["high"], bar["low"], bar["close"]
    volume, failed = bar["volume"], 0
    notional = bar["notional"] if bar["nulls"] & NOTIONAL_NULL == _NOT_NULL else 0.0
    trades = bar["trades"] if bar["nulls"] & TRADES_NULL == _NOT_NULL else 0
    prices = abs(opened) <= LARGEST and abs(high) <= LARGEST and abs(low) <= LARGEST and abs(close) <= LARGEST
    sums = abs(volume) <= LARGEST_SUM and abs(notional) <= LARGEST_SUM
    if bar["revision"] < 0 or not (prices and sums):
        failed |= V01
    if not (opened > 0 and high > 0 and low > 0 and close > 0):
        failed |= V03
    if not (low <= opened <= high and low <= close <= high):
        failed |= V04
    if not (volume >= 0 and trades >= 0):
        failed |= V05
    starts, ends = bar["ts_open"], bar["ts_close"]
    if not _is_minute(bar["interval"], data) or starts < 0 or starts % MINUTE != 0 or ends != starts + MINUTE:
        failed |= V06
    return failed


@inlined
def _is_minute(interval: Row, data: Bytes) -> bool:
    """Whether a text is ``1m``."""
    at = interval["at"]
    return bool(interval["size"] == len(_1M) and data[at] == _1M[0] and data[at + 1] == _1M[1])


@inlined
def _flags(bar: Row) -> int:
    """Flags of a bar, V07 where its vwap leaves [low, high], or trades = 0 xor volume = 0."""
    volume, flags = bar["volume"], bar["flags"]
    if volume > 0 and bar["nulls"] & NOTIONAL_NULL == _NOT_NULL:
        slack = volume * max(abs(bar["high"]), abs(bar["low"])) * _TOLERANCE
        if not volume * bar["low"] - slack <= bar["notional"] <= volume * bar["high"] + slack:
            return int(flags | VWAP_RANGE)
    is_odd = bar["nulls"] & TRADES_NULL == _NOT_NULL and (bar["trades"] == 0) != (volume == 0)
    return int(flags | VWAP_RANGE if is_odd else flags)


def reason(failed: int, nonpositive_price: Action) -> Rejected | None:
    """The first reason to refuse a bar, None where it passes.

    Args:
        failed: its bits.
        nonpositive_price: what the asset class does about V03.
    """
    if nonpositive_price != "forbid":
        failed &= ~V03
    return next((why for bit, why in _REASONS if failed & bit), None)
