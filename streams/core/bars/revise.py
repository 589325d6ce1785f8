"""What a bar does to a minute that is decided already.

===============  =============================  ====================================
the minute has   the new bar is                 outcome
===============  =============================  ====================================
no bar, a flat   any, real or refetched         it is the bar
a refetched      refetched                      duplicate
a refetched      real                           revision
a real           refetched                      duplicate
a real           of the same source, newer      revision
a real           of a better source, not        revision
                 flagged partial
a real           any other                      duplicate
===============  =============================  ====================================
"""

from collections.abc import Mapping

from schemas.flags import PARTIAL
from streams.core.bars.choose import rank
from streams.core.bars.state import REAL, REFETCHED, Day, Print


def replaces(day: Day, place: int, bar: Print, ranks: Mapping[int, int]) -> bool:
    """Whether a bar becomes that of a decided minute."""
    row = day.rows[place]
    kind, source = int(row["kind"]), int(row["source"])
    if kind not in (REAL, REFETCHED):
        return True
    if bar.fill:
        return False
    if kind == REFETCHED or bar.source == source:
        return True
    better = rank(bar.source, 0, ranks) < rank(source, 0, ranks)
    return better and not bar.flags & PARTIAL


def is_applied(day: Day, place: int, bar: Print) -> bool:
    """Whether that source revision, or a later one, was applied or waits already."""
    column = day.column(bar.source)
    return column >= 0 and bar.revision <= int(day.applied[place, column])


def other_close(day: Day, place: int, bar: Print) -> float | None:
    """Close of the bar that a minute has from another source, None where it has none."""
    row = day.rows[place]
    if int(row["kind"]) not in (REAL, REFETCHED) or int(row["source"]) == bar.source:
        return None
    return float(row["close"])


def apply(day: Day, place: int, bar: Print, kind: int) -> None:
    """Make a bar that of a minute."""
    row = day.rows[place]
    row["kind"], row["source"], row["close"], row["volume"] = kind, bar.source, bar.close, bar.volume
