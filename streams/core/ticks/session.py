"""Where a print stands in its pair's calendar."""

from typing import Any, Final

import numpy as np

from schemas.batches.wire import U
from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE, SECOND
from streams.core.ticks.rows import Int, Rows
from streams.core.watermark import NEVER

_MINUTE: Final = np.uint64(MINUTE)
_SECOND: Final = np.uint64(SECOND)


@inlined
def minute_of(ts: Int) -> Int:
    """Start of the minute of an instant that is not before the epoch: unsigned, division takes no branch."""
    return np.int64(U(ts) // _MINUTE * _MINUTE)


@inlined
def second_of(ts: Int) -> Int:
    """Start of the second of an instant that is not before the epoch."""
    return np.int64(U(ts) // _SECOND * _SECOND)


@inlined
def minute_slot(ts: Int, minutes: Int) -> Int:
    """Place of the minute of such an instant in a ring of minutes."""
    return np.int64(U(ts) // _MINUTE) & (minutes - 1)


@inlined
def second_slot(ts: Int, minutes: Int, seconds: Int) -> Int:
    """Place of the second of such an instant in the ring of seconds behind one of minutes."""
    return minutes + (np.int64(U(ts) // _SECOND) & (seconds - 1))


@inlined
def _after(segments: Rows, owner: Any, ts: Int) -> Int:
    """Number of the first segment of a pair that opens after an instant."""
    low: Int = owner["first"]
    high: Int = owner["last"]
    while low < high:
        middle = (low + high) // 2
        if segments[middle]["ts_open"] <= ts:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def seek_segment(segments: Rows, owner: Any, ts: Int) -> bool:
    """Make the segment of trading around an instant the pair's; whether there is one."""
    if owner["ts_from"] <= ts < owner["ts_until"]:
        return True
    after = _after(segments, owner, ts)
    if after == owner["first"] or ts >= segments[after - 1]["ts_close"]:
        return False
    found = segments[after - 1]
    owner["ts_from"], owner["ts_until"] = found["ts_open"], found["ts_close"]
    owner["session_date"] = found["session_date"]
    return True


@kernel
def last_instant(segments: Rows, owner: Any, ts: Int) -> Int:
    """Last instant of the trade date that an auction print after its close counts into, NEVER for none."""
    after = _after(segments, owner, ts)
    if after == owner["first"]:
        return NEVER
    found = segments[after - 1]
    is_break = after < owner["last"] and segments[after]["session_date"] == found["session_date"]
    if is_break or ts - found["ts_close"] > owner["auction"]:
        return NEVER
    last: Int = found["ts_close"] - 1
    return last
