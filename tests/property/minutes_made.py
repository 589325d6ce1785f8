"""Generated minutes as the bars stage tells them."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.factories import Record, minute_status


def a_minute(
    pick: Random,
    a_bar: Callable[[Random, str, str, int, str, int], Record],
    name: str,
    text: str,
    ts: int,
    revisions: dict[Any, int],
    *,
    reals: int = 5,
) -> list[Record]:
    """What the bars stage says of one minute: a bar, a cause and a flat bar, a cause alone, or nothing.

    ``a_bar`` makes the bar; ``reals`` says how often it is real, against five other outcomes.
    """
    cause = pick.choice(["halt", "rejected", "outage", "no_trades", "unknown"])
    known = (name, ts) in revisions
    what = pick.choice(["real"] * reals + ["refetched", "flat", "flat", "" if known else "bare", ""])
    status = {**minute_status("2024-07-01T13:30", symbol=name, source="bars", cause=cause), "ts_open": ts}
    if what == "bare":
        return [status]
    if not what or (what == "flat" and known):
        return []
    revisions[name, ts] = revisions.get((name, ts), -1) + 1
    made = a_bar(pick, name, text, ts, what, revisions[name, ts])
    if what == "flat":
        return [{**status, "cause": "no_trades" if cause == "halt" else cause, "filled": True}, made]
    return [made]
