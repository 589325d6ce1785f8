"""What one record does to one trade date of one symbol: decide minutes, find causes, fill, and tell of it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from schemas.market.intervals import MINUTE
from streams.core.bars import causes, fill, gaps, sessions
from streams.core.bars.choose import kind_of, take
from streams.core.bars.doubt import doubts
from streams.core.bars.emit import Sheets
from streams.core.bars.partition import Partition
from streams.core.bars.revise import apply
from streams.core.bars.roster import Listing
from streams.core.bars.state import (
    EMPTY,
    FLAT,
    HALT,
    HOLE,
    MISSED,
    NO_TRADES,
    OUTAGE,
    UNDECIDED,
    UNKNOWN,
    Day,
    Print,
)
from streams.core.watermark import FOREVER


class Watch(NamedTuple):
    """When unknown minutes are looked at again.

    Attributes:
        judge: number of the source that decided them.
        ts_open: a record of it after this instant explains one.
        clears_at: a mark of it past this instant explains one.
    """

    judge: int
    ts_open: int
    clears_at: int


class Effects:
    """Changes of one trade date by one record, gathered until ``tell``.

    Args:
        partition: what the symbols share.
        listing: the symbol.
        day: its trade date.
    """

    def __init__(self, partition: Partition, listing: Listing, day: Day) -> None:
        self._partition, self._listing, self._day = partition, listing, day
        self._bars: dict[int, Print] = {}
        self._causes: set[int] = set()
        self._flats: set[int] = set()
        self._starts: list[int] = []
        self._withdrawn: set[int] = set()
        self._halts = partition.halts.of(listing)

    def set_bar(self, place: int, bar: Print, others: Iterable[float]) -> None:
        """A bar becomes that of a minute; ``others`` are the closes of other sources' bars for it."""
        found = doubts(self._day.rows, place, bar, others, self._listing.rules)
        if found:
            bar = bar._replace(flags=bar.flags | found)
        apply(self._day, place, bar, kind_of(bar))
        self._bars[place] = bar
        self._starts.append(place + 1)

    def decide(self, place: int, best: int) -> None:
        """Decide an undecided minute by what is there."""
        row = self._day.rows[place]
        row["judge"] = best
        bars = take(self._day, place, best, self._listing.ranks)
        if bars:
            self.set_bar(place, bars[0], [bar.close for bar in bars[1:]])
            return
        row["kind"], row["bits"] = EMPTY, int(row["bits"]) | MISSED | gaps.begins(self._day.rows, place)
        row["cause"] = self._cause(place)
        self._causes.add(place)
        self._starts.append(place)

    def can_be_flat(self, place: int) -> bool:
        """Whether a minute would get a flat bar if it had none of its own."""
        limit = self._listing.config.fill_limit
        close, run = fill.before(self._day.rows, place, limit)
        cause = self._cause(place)
        fills = self._listing.fills and close is not None and cause != HALT
        return fills and (cause == NO_TRADES or run < limit)

    def withdraw(self, place: int) -> None:
        """The bar of a minute is taken back: it is missed, and filled."""
        row = self._day.rows[place]
        if not row["bits"] & MISSED:  # a gap keeps its minutes
            row["bits"] = int(row["bits"]) | MISSED | gaps.begins(self._day.rows, place)
        row["kind"] = EMPTY
        row["cause"], row["source"], row["volume"] = self._cause(place), -1, 0.0
        self._withdrawn.add(place)
        self._causes.add(place)
        self._starts.append(place)

    def decide_through(self, through: int, best: int) -> None:
        """Decide every undecided minute that ends at or before an instant."""
        day, opens, kinds = self._day, self._day.rows["ts_open"], self._day.rows["kind"]
        while day.next < len(opens) and int(opens[day.next]) + MINUTE <= through:
            if kinds[day.next] == UNDECIDED:
                self.decide(day.next, best)
            day.next += 1

    def find_causes(self, *, only: int | None = None) -> None:
        """Find the causes of missing minutes anew: of all, or of those that have one cause so far."""
        rows = self._day.rows
        missing = (rows["kind"] == FLAT) | (rows["kind"] == EMPTY)
        if only is not None:
            missing &= rows["cause"] == only
        for place in np.flatnonzero(missing).tolist():
            before, now = int(rows["cause"][place]), self._cause(place)
            if now == before or (before == OUTAGE and now in (NO_TRADES, UNKNOWN)):
                continue  # an outage stays one, even if it was so long ago that it is forgotten
            rows["cause"][place] = now
            self._causes.add(place)
            self._starts.append(place)
            if rows["kind"][place] == FLAT and NO_TRADES in (before, now):
                self._flats.add(place)  # its coverage is another one

    def _minute(self, place: int) -> causes.Minute:
        row = self._day.rows[place]
        ts_open = int(row["ts_open"])
        bounds = self._listing.segment(ts_open)
        return causes.Minute(ts_open, ts_open + MINUTE, *bounds, int(row["bits"]), int(row["rejected"]))

    def _cause(self, place: int) -> int:
        judge = self._partition.judge(int(self._day.rows["judge"][place]), self._listing)
        return causes.cause(self._minute(place), judge, self._halts, self._partition.silence)

    def tell(self, sheets: Sheets) -> bool:
        """Fill what is to be filled and put out what changed, minute by minute.

        Returns:
            Whether a missed minute changed.
        """
        day = self._day
        while day.next < len(day.rows) and day.rows["kind"][day.next] != UNDECIDED:
            day.next += 1
        self._fill()
        places = sorted(self._causes.union(self._bars, self._flats))
        for place in places:
            self._tell_minute(sheets, place)
        touched = gaps.touched(day.rows, places)
        for gap in touched:
            self._tell_gap(sheets, gap)
        if sessions.is_due(day, self._partition.session_timeout, changed=bool(places)):
            self.tell_session_so_far(sheets)
        return bool(touched)

    def tell_session_so_far(self, sheets: Sheets) -> None:
        """Tell of the session as of its last decided minute."""
        day = self._day
        over = sessions.is_over(day)
        as_of = int(day.rows["ts_open"][day.next - 1]) + MINUTE
        self.tell_session(sheets, sessions.CLOSED if over else sessions.OPEN, as_of)

    def _fill(self) -> None:
        done = 0
        for start in sorted(self._starts) if self._listing.fills else ():
            if start >= done:
                changed, done = fill.refill(self._day.rows, start, self._listing.config.fill_limit)
                self._flats.update(changed)

    def _tell_minute(self, sheets: Sheets, place: int) -> None:
        day, name, row = self._day, self._listing.name, self._day.rows[place]
        bar = self._bars.get(place)
        if place in self._withdrawn:  # its cause is heard only where there is no real bar any more
            row["revision"] += 1
            sheets.flat(name, day, place)
            sheets.status(name, day, place)
            return
        if bar is None and (place in self._causes or int(row["revision"]) < 0):
            sheets.status(name, day, place)
        if bar is None and place not in self._flats:
            return
        row["revision"] += 1
        if bar is None:
            sheets.flat(name, day, place)
        else:
            sheets.bar(name, day, place, bar, self._partition.marks.name(bar.source))

    def _tell_gap(self, sheets: Sheets, gap: gaps.Extent) -> None:
        rows = self._day.rows
        revision = int(rows["gap"][gap.start])
        sheets.gap(self._listing.name, self._day, gap, gaps.summary(rows, gap), revision)
        rows["gap"][gap.start] = revision + 1

    def tell_session(self, sheets: Sheets, state: int, ts: int) -> None:
        """Tell of the session by the bars of every interval."""
        day, partition = self._day, self._partition
        slots = partition.roster.slots(self._listing.grid, day.session_date)
        told = sessions.Told(slots.bounds, ts, state)
        closed = state == sessions.CLOSED
        faulty = sessions.faults(day.rows, partition.session_timeout, closed)
        for of in sessions.qualities(day.rows, slots, faulty, partition.domain.coverage_limit):
            sheets.session(self._listing.name, day, told, of)
        if state != sessions.PLANNED:
            day.head["told"], day.head["closed"] = day.next, closed
        day.head["session"] += 1

    def watches(self) -> list[Watch]:
        """When the unknown minutes of the trade date are to be looked at again, by judge."""
        rows, partition = self._day.rows, self._partition
        found: dict[int, Watch] = {}
        for place in causes.unknown(rows):
            number = int(rows["judge"][place])
            judge, minute = partition.judge(number, self._listing), self._minute(place)
            if judge.alone or (minute.bits & HOLE and minute.ts_open < judge.ts_last):
                continue  # it stays unknown: a lone source's, and where records are lost
            at = causes.clears_at(minute, judge, partition.silence)
            old = found.get(number, Watch(number, FOREVER, FOREVER))
            found[number] = Watch(number, min(old.ts_open, minute.ts_open), min(old.clears_at, at))
        return list(found.values())


def abandon(listing: Listing, day: Day, sheets: Sheets) -> None:
    """Tell of the gaps that are open for ever, since their trade date can no longer be revised."""
    for gap, said in gaps.every(day.rows):
        if said.state == gaps.OPEN:
            revision = int(day.rows["gap"][gap.start])
            sheets.gap(listing.name, day, gap, said._replace(state=gaps.ABANDONED), revision)
            day.rows["gap"][gap.start] = revision + 1
