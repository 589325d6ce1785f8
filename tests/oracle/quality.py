"""The quality of a symbol's session by the bars of each interval, and what is wrong with it."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from schemas.config import Domain
from schemas.flags import EARLY_END, LATE_START, LOW_QUALITY, NO_BARS, TIMED_OUT, UNFILLED
from schemas.market.intervals import Interval
from tests.oracle.calendar import MINUTE, Calendar
from tests.oracle.fills import Minute


def session(
    minutes: Sequence[Minute], given_up: Sequence[bool], calendar: Calendar, domain: Domain
) -> dict[str, dict[str, Any]]:
    """What is to be said of a closed session (anchor ``session``), by interval.

    Args:
        minutes: its decided ones, ascending.
        given_up: whether no source was alive when each was decided.
        calendar: of the symbol.
        domain: the configuration.
    """
    faulty = faults(minutes, given_up, domain)
    decided = {minute.ts_open: minute for minute in minutes}
    found = {}
    for name in ("1m", *domain.intervals):
        bars = [
            [decided[ts] for ts in bar]
            for bar in slots(calendar, minutes[0].session_date, name)
            if all(ts in decided for ts in bar)
        ]
        parts = count(bars)
        low = parts["quality"] is not None and parts["quality"] < 100 * domain.coverage_limit
        planned = len(slots(calendar, minutes[0].session_date, name))
        found[name] = {**parts, "planned": planned, "flags": faulty | (LOW_QUALITY if low else 0)}
    return found


def slots(calendar: Calendar, session_date: int, name: str) -> list[list[int]]:
    """Minutes of each bar of a trade date."""
    interval = Interval.parse(name)

    def slot(ts: int) -> tuple[int, int]:
        segment = calendar.segment(ts)
        assert segment is not None
        # By law "session: from each segment's open, cut at its close, restarting after a break", 1d "one per
        # trade date"
        return (0, 0) if interval.is_daily else (segment.opens, (ts - segment.opens) // interval.ns)

    return [[*part] for _, part in groupby(calendar.session(session_date), key=slot)]


def count(bars: list[list[Minute]]) -> dict[str, Any]:
    """Parts of the quality."""
    parts = dict.fromkeys(("expected", "real", "refetched", "no_trades", "outage"), 0)
    for bar in bars:
        # By law "expected = calendar minutes minus halts"
        expected = [minute for minute in bar if why(minute) != "halt"]
        parts["expected"] += bool(expected)
        parts["outage"] += any(why(minute) == "outage" for minute in expected)
        if expected and all(fill_of(one) or why(one) == "no_trades" for one in expected):
            fills = {fill_of(minute) for minute in expected}
            kind = next((fill for fill in ("real", "refetched") if fill in fills), "no_trades")
            parts[kind] += 1
    true = parts["real"] + parts["refetched"] + parts["no_trades"]
    # By law "100 * (real + refetched + no_trades minutes) / expected minutes so far; null when none are
    # expected"
    return {**parts, "quality": 100 * true / parts["expected"] if parts["expected"] else None}


def fill_of(minute: Minute) -> str:
    """``real`` or ``refetched``, empty for a minute without such a bar."""
    return minute.row["fill"] if minute.row is not None and minute.row["fill"] != "flat" else ""


def why(minute: Minute) -> str:
    """Why it has no bar, empty where it has one by now."""
    return "" if fill_of(minute) else minute.cause


def faults(minutes: Sequence[Minute], given_up: Sequence[bool], domain: Domain) -> int:
    """Flags of the session itself."""
    known = [bool(fill_of(one)) or why(one) in ("halt", "no_trades") for one in minutes]
    span = max(1, -(-domain.session_timeout_ms * 1_000_000 // MINUTE))
    missed = zip(minutes, given_up, strict=True)
    found = LATE_START if len(minutes) >= span and not any(known[:span]) else 0
    found |= 0 if any(known[-span:]) else EARLY_END
    if any(gone and fill_of(one) != "real" and why(one) != "halt" for one, gone in missed):
        found |= TIMED_OUT
    found |= UNFILLED if any(one.row is None and why(one) != "halt" for one in minutes) else 0
    return found | (0 if any(fill_of(one) for one in minutes) else NO_BARS)
