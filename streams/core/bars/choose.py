"""Which source decides, and which bar a minute gets.

::

    sources, best first    a     b     c
    liveness               dead  alive alive     -> b decides: its bar, or its watermark past ts_close
                           dead  dead  probation -> c decides
                           dead  dead  dead      -> the newest heartbeat of any writer, less 5 s
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from streams.core.bars.state import REAL, REFETCHED, Day, Print
from streams.core.watermark import Liveness, Watermarks

UNLISTED: Final = 1 << 10
"""Rank of a source that the symbol does not name."""
FETCHED: Final = 1 << 11
"""Added to the rank of a refetched bar: every real one is better."""


class Standing(NamedTuple):
    """Who decides now.

    Attributes:
        best: number of the source that decides, -1 where none is alive.
        through: minutes with ts_close up to here are decided, in ns.
    """

    best: int
    through: int


def standing(sources: Sequence[int], marks: Watermarks, timeout: int) -> Standing:
    """Who decides for symbols with these sources.

    Args:
        sources: numbers, best first; -1 for one the partition has not met.
        marks: marks and liveness.
        timeout: how far behind the newest heartbeat a minute is given up where no source is alive, in ns.
    """
    probation = -1
    for number in sources:
        liveness = marks.status(number)
        if liveness is Liveness.ALIVE:
            return Standing(number, marks.mark(number))
        if liveness is Liveness.PROBATION and probation < 0:
            probation = number
    if probation >= 0:
        return Standing(probation, marks.mark(probation))
    return Standing(-1, marks.newest() - timeout)


def rank(bar_source: int, fill: int, ranks: Mapping[int, int]) -> int:
    """Place of a bar in the order of preference, lower is better."""
    return ranks.get(bar_source, UNLISTED) + (FETCHED if fill else 0)


def take(day: Day, place: int, best: int, ranks: Mapping[int, int]) -> list[Print]:
    """Take the waiting bars of an undecided minute out; the one that it gets comes first.

    That is the deciding source's, else the best.
    """
    waiting = [bar for (at, _), bar in day.pending.items() if at == place]
    for bar in waiting:
        del day.pending[place, bar.source]
    if len(waiting) > 1:
        waiting.sort(key=lambda bar: (
            bar.source != best or bar.fill, rank(bar.source, bar.fill, ranks), bar.source,
        ))  # fmt: skip
    return waiting


def waits(day: Day, source: int, *, before: int) -> list[int]:
    """Places of the undecided minutes that bars decide now, ascending.

    Args:
        day: the trade date.
        source: who decides: a bar of it is waited for no longer.
        before: nothing is expected of minutes that start before it, so nothing is waited for.
    """
    opens = day.rows["ts_open"]
    ready = {place for (place, number), bar in day.pending.items() if number == source and not bar.fill}
    return sorted(ready.union(place for place, _ in day.pending if int(opens[place]) < before))


def kind_of(bar: Print) -> int:
    """What a minute becomes by a bar."""
    return REFETCHED if bar.fill else REAL
