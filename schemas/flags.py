"""Bits of the ``flags`` field of ticks, quotes and bars. A flag passes; it never rejects."""

from typing import Final

TS_FROM_RECV: Final = 1 << 0  # the source gave no venue time: ts_event = ts_recv
PARTIAL: Final = 1 << 1  # the source was not alive for the whole minute
LOW_COVERAGE: Final = 1 << 2  # coverage of a derived bar is below the configured limit
NONPOSITIVE: Final = 1 << 3  # V03: price <= 0 where the asset class flags it
VWAP_RANGE: Final = 1 << 7  # V07: vwap outside [low, high], or trades = 0 xor volume = 0
WIDE_SPREAD: Final = 1 << 11  # V11: spread above the limit
OFF_TICK: Final = 1 << 12  # V12: price off the tick size
LARGE_VOLUME: Final = 1 << 14  # V14: volume far above the median
STUCK: Final = 1 << 15  # V15: identical closes in a row
DISAGREES: Final = 1 << 19  # V19: another source's bar differs
WITHDRAWN: Final = 1 << 20  # a bar that was published and has no prints any more: all were cancelled

# Of sessions; a minute is known that has a real or refetched bar, had no trades, or was halted.
LATE_START: Final = 1 << 0  # no minute of the first ones is known, until the timeout of a session
EARLY_END: Final = 1 << 1  # it is closed and no minute of the last ones is known, over that timeout
TIMED_OUT: Final = 1 << 2  # no source was alive when a minute was decided
UNFILLED: Final = 1 << 3  # a minute has no bar, halted ones apart
NO_BARS: Final = 1 << 4  # it is closed without any real or refetched bar
LOW_QUALITY: Final = 1 << 5  # its quality is below the limit that coverage has
