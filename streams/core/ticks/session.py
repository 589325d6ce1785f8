"""Where a print stands in its pair's calendar."""

from typing import Any

from schemas.jit import inlined, kernel
from streams.core.ticks.rows import Int, Rows
from streams.core.watermark import NEVER


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
