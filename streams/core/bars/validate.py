"""Checks of one bar that need no state: V01, V03-V06 and the flag of V07.

All bars of a batch are checked at once; what depends on the configuration of the moment (V02, the action of
V03, V08, the session) is asked for bar by bar.
"""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.config import Action
from schemas.flags import VWAP_RANGE
from schemas.market.intervals import MINUTE
from schemas.records import record_type

Rows: TypeAlias = NDArray[np.void]
Masks: TypeAlias = NDArray[np.uint8]

_BAR: Final = record_type("Bar")
NOTIONAL_NULL: Final = int(_BAR.null_bit("notional"))
TRADES_NULL: Final = int(_BAR.null_bit("trades"))
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
OLD: Final = Rejected("V09", "trade date must be the current or the previous one")
OUTSIDE: Final = Rejected("V10", "minute must lie in the session")
EARLY: Final = Rejected(
    "V09", "live bars of two trade dates wait for the history, further ones are left to refetch"
)
_REASONS: Final = (
    (V01, Rejected("V01", "numbers must be finite, the revision not negative")),
    (V03, Rejected("V03", "prices must be above 0")),
    (V04, Rejected("V04", "high and low must enclose open and close")),
    (V05, Rejected("V05", "volume, notional and trades must not be negative")),
    (V06, Rejected("V06", "a bar must be of 1m and span one whole minute")),
)


def failures(bars: Rows, is_minute: NDArray[np.bool_]) -> Masks:
    """Bits of the checks that each bar fails.

    Args:
        bars: rows of the Bar layout.
        is_minute: whether the interval of each is 1m.
    """
    opened, high, low, close = (bars[name] for name in ("open", "high", "low", "close"))
    volume, notional = bars["volume"], np.where(bars["nulls"] & NOTIONAL_NULL, 0.0, bars["notional"])
    finite = np.isfinite(volume) & np.isfinite(notional) & (bars["revision"] >= 0)
    for price in (opened, high, low, close):
        finite &= np.isfinite(price)
    positive = (opened > 0) & (high > 0) & (low > 0) & (close > 0)
    enclosed = (high >= opened) & (high >= close) & (high >= low) & (low <= opened) & (low <= close)
    counted = (volume >= 0) & ((bars["nulls"] & TRADES_NULL != 0) | (bars["trades"] >= 0))
    on_grid = is_minute & (bars["ts_open"] % MINUTE == 0) & (bars["ts_open"] >= 0)
    on_grid &= bars["ts_close"] == bars["ts_open"] + MINUTE
    passed = ((V01, finite), (V03, positive), (V04, enclosed), (V05, counted), (V06, on_grid))
    failed = np.zeros(len(bars), np.uint8)
    for bit, good in passed:
        failed |= np.where(good, 0, bit).astype(np.uint8)
    return failed


def flags(bars: Rows) -> NDArray[np.int64]:
    """Flags that each bar gets: V07 where its vwap leaves [low, high], or trades = 0 xor volume = 0."""
    volume, notional = bars["volume"], bars["notional"]
    with np.errstate(all="ignore"):
        slack = volume * np.maximum(np.abs(bars["high"]), np.abs(bars["low"])) * _TOLERANCE
        outside = notional < volume * bars["low"] - slack
        outside |= notional > volume * bars["high"] + slack
    outside &= (bars["nulls"] & NOTIONAL_NULL == 0) & (volume > 0)
    odd = (bars["nulls"] & TRADES_NULL == 0) & ((bars["trades"] == 0) != (volume == 0))
    return np.where(outside | odd, VWAP_RANGE, 0).astype(np.int64)


def reason(failed: int, nonpositive_price: Action) -> Rejected | None:
    """The first reason to refuse a bar, None where it passes.

    Args:
        failed: its bits.
        nonpositive_price: what the asset class does about V03.
    """
    if nonpositive_price != "forbid":
        failed &= ~V03
    return next((why for bit, why in _REASONS if failed & bit), None)
