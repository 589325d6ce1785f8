"""The mean of the last closes of each final bar, from scratch: an indicator on a bounded window."""

from collections import defaultdict
from typing import Any

Record = dict[str, Any]


def last_windows(
    minutes: list[Record], outputs: dict[str, list[Record]], count: int, window: int
) -> dict[tuple[str, str, int], float | None]:
    """By bar the mean of the last ``count`` closes of its window of bars; None where it has fewer.

    Args:
        minutes: what came in.
        outputs: what came out, whose derived bars are taken as they ended.
        count: how many closes.
        window: how many bars are looked at.
    """
    final: dict[tuple[str, str], dict[int, Record]] = defaultdict(dict)
    late = {(row["topic"], row["offset"]) for row in outputs.get("late", [])}
    derived = [row for topic, rows in outputs.items() if topic.startswith("bars.") for row in rows]
    for row in [*minutes, *derived]:
        own = final[row["symbol"], row["interval"]]
        # By law "A higher revision replaces a lower one"
        if row["ts_open"] not in own or row["revision"] > own[row["ts_open"]]["revision"]:
            own[row["ts_open"]] = row
    assert not late, "a late bar changes nothing: leave it out"
    found: dict[tuple[str, str, int], float | None] = {}
    for (symbol, interval), bars in final.items():
        opens = sorted(bars)
        for end, ts in enumerate(opens, start=1):
            closes = [bars[one]["close"] for one in opens[max(end - window, 0) : end]][-count:]
            found[symbol, interval, ts] = sum(closes) / count if len(closes) == count else None
    return found
