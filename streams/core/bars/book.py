"""All symbols of a partition, and which of them a heartbeat concerns.

What is kept beside the state (the agenda) follows from the state alone and is there so that a heartbeat that
decides nothing costs next to nothing.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from schemas.market.intervals import MINUTE
from streams.core.bars import sessions
from streams.core.bars.agenda import Agenda
from streams.core.bars.choose import waits
from streams.core.bars.days import Days, close_of
from streams.core.bars.effects import Effects, abandon
from streams.core.bars.emit import Sheets
from streams.core.bars.partition import Partition
from streams.core.bars.roster import Listing
from streams.core.bars.state import REAL, REFETCHED, UNKNOWN, Day
from streams.core.watermark import FOREVER

Change: TypeAlias = Callable[[Effects], None]


NONE: Final = -1
"""No cause: no minute is looked at again."""


class Book:
    """The state of a partition, with what is reckoned from it.

    Attributes:
        partition: what the symbols share.
        days: their trade dates.
        sheets: what the step puts out.
        offset: of the record in hand; before the first one, the next that may come.
    """

    def __init__(self, number: int) -> None:
        self.partition = Partition(number)
        self.days = Days()
        self.sheets = Sheets(number)
        self.offset = -1
        self.index()

    def index(self) -> None:
        """Reckon everything anew from the state."""
        roster = self.partition.roster
        self.days.fronts.clear()
        self._agenda = Agenda(roster, self.partition.marks)
        self._changed = {
            listing.index for listing in roster.listings
        }  # whose watches are to be reckoned anew
        for (group, _), window in roster.windows.items():
            window.advance(roster.through[group])
        for listing in roster.listings:
            if not self.is_idle(listing):
                self.refresh(listing)

    def is_idle(self, listing: Listing) -> bool:
        """Whether a symbol has nothing that could be due: an agenda says so of all at first."""
        roster, at = self.partition.roster, listing.index
        is_expected = roster.here[at] and roster.since[at] < FOREVER
        return not is_expected and not self.days.knows(listing)

    def refresh(self, listing: Listing) -> None:
        """Reckon anew what concerns one symbol."""
        self._expect(listing, self.days.cursor(listing, self.partition, self.offset))

    def _expect(self, listing: Listing, ts_open: int) -> None:
        """The same where the next minute that the watermark decides is known."""
        at, days = listing.index, self.days.of(listing)
        self._agenda.expect(at, close_of(ts_open))
        if at in self._changed:
            self._changed.discard(at)
            watches = [watch for day in days for watch in Effects(self.partition, listing, day).watches()]
            self._agenda.watch(at, watches)
        self._agenda.hold(at, pending=any(day.pending for day in days))

    def follow(self, listing: Listing, ts_open: int, following: int) -> None:
        """The same where a minute got its bar as it was its turn and nothing else has changed.

        Args:
            listing: the symbol.
            ts_open: start of the minute.
            following: start of the next one of its trade date, ``FOREVER`` where there is none.
        """
        at, goes_on = listing.index, following < FOREVER
        if at in self._changed or not (
            goes_on and self._agenda.move_on(at, ts_open + MINUTE, following + MINUTE)
        ):
            self.refresh(listing)

    def subscribe(self, listing: Listing) -> None:
        """A symbol got its start."""
        for day in self.days.of(listing):
            day.aim(self.partition.roster.since[listing.index])
        self._plan(listing)
        self.refresh(listing)

    def lay_out(self) -> None:
        """Follow a new configuration."""
        for listing in self.partition.roster.listings:
            self.days.lay_out(listing, self.partition.roster.since[listing.index])
        self.index()
        for listing in self.partition.roster.listings:
            if self.is_idle(listing):
                continue
            if self.partition.roster.waiting[listing.index] or not self.days.waits(listing):
                self._let_go(listing)  # else bars that waited are taken up first
            self.refresh(listing)

    def apply(self, listing: Listing, day: Day, change: Change) -> None:
        """Apply a change to a trade date and tell of it, unless its state reflects the record already."""
        if self.offset <= day.offset:
            return
        effects = Effects(self.partition, listing, day)
        change(effects)
        if effects.tell(self.sheets):
            self._changed.add(listing.index)
        self.days.mark(listing, day, day.session_date)

    def is_taken(self, listing: Listing, day: Day, session_date: int) -> bool:
        """Whether the slot of a trade date holds an earlier one that may still be revised."""
        return self.partition.roster.oldest(listing) <= day.session_date < session_date

    def begin(self, listing: Listing, day: Day, session_date: int) -> None:
        """Take up a trade date in a slot; open gaps of the one that leaves are abandoned."""
        abandon(listing, day, self.sheets)
        self._changed.add(listing.index)
        roster = self.partition.roster
        self.days.begin(listing, day, session_date, roster.slots(listing.grid, session_date).minutes)
        day.aim(roster.since[listing.index])
        self.days.mark(listing, day, session_date)

    def advance(self, number: int, *, final: bool) -> None:
        """Decide what a heartbeat makes due, symbol by symbol.

        Args:
            number: the source it speaks of.
            final: nothing follows from that source.
        """
        roster, agenda = self.partition.roster, self._agenda
        touched, changed = self.partition.follow(number)
        again = agenda.waiting(changed) | agenda.rung(number)
        if final:
            again |= {x.index for x in roster.listings if number in roster.groups[roster.group[x.index]]}
        due = agenda.due(touched)
        self._changed.update(again)  # what rang is not to ring for the same again
        if due or again:
            for at in sorted(again.union(due)):
                # Deciding a minute changes no cause of another, so only what has changed is looked at again.
                self.settle(roster.listings[at], final=final, only=UNKNOWN if at in again else NONE)
            agenda.renew(touched)
        self._roll(touched)

    def settle(self, listing: Listing, *, final: bool = False, only: int | None = None) -> None:
        """Bring every trade date of a symbol to what marks and statuses say now.

        Args:
            listing: the symbol.
            final: decide every minute up to the newest bar.
            only: look again at the minutes of this cause alone; ``NONE`` looks at none.
        """
        roster, is_looked_at = self.partition.roster, only != NONE
        through = roster.through[roster.group[listing.index]]
        for day in self.days.of(listing):
            is_decided = is_looked_at and day.next > 0
            if final or is_decided or day.pending or close_of(day.next_open) <= through:
                self.apply(listing, day, partial(self._settle_day, listing, day, final, only))
        ts_open = self.days.cursor(listing, self.partition, self.offset)
        while not listing.played and self._open_next(listing, ts_open):
            ts_open = self.days.cursor(listing, self.partition, self.offset)
        self._expect(listing, ts_open)

    def _settle_day(
        self, listing: Listing, day: Day, final: bool, only: int | None, effects: Effects
    ) -> None:
        roster = self.partition.roster
        group = roster.group[listing.index]
        best, through = roster.best[group], roster.through[group]
        if final:
            through = max(through, close_of(_newest(day)))
        for place in waits(day, best, before=roster.since[listing.index]):  # in the order of time
            effects.decide_through(min(through, int(day.rows["ts_open"][place])), best)
            effects.decide(place, best)
        effects.decide_through(through, best)
        if only != NONE:
            effects.find_causes(only=only)

    def _open_next(self, listing: Listing, ts_open: int) -> bool:
        """Open the trade date of the next minute if a watermark has reached it; whether it has."""
        roster = self.partition.roster
        group = roster.group[listing.index]
        if close_of(ts_open) > roster.through[group]:
            return False
        session_date = listing.session_date(ts_open)
        day = self.days.slot(listing, session_date)
        if self.offset <= day.offset or day.session_date >= session_date:
            return False  # it is ahead of this record, or of another layout
        self.begin(listing, day, session_date)
        self.apply(listing, day, partial(self._settle_day, listing, day, False, UNKNOWN))
        return True

    def _roll(self, touched: Iterable[int]) -> None:
        """Let go of the trade dates that can no longer be revised."""
        roster = self.partition.roster
        for group in touched:
            for grid, window in roster.windows_of[group]:
                if window.advance(roster.through[group]):
                    for at in roster.members[group]:
                        if roster.listings[at].grid is grid:
                            self.turn(roster.listings[at])

    def turn(self, listing: Listing) -> None:
        """Another trade date has begun: it is opened, the next one planned, and what is too old let go of."""
        self._let_go(listing)
        date, grid = self.partition.roster.window(listing).current, listing.grid
        day = self._expected(listing, date)
        if day is not None and int(day.head["told"][0]) < 0:
            opens = grid.session_bounds(date)[0]
            if self.partition.roster.since[listing.index] <= opens:
                self._tell_session(listing, day, sessions.OPEN, opens)
        self._plan(listing)
        self.refresh(listing)

    def _plan(self, listing: Listing) -> None:
        """Tell of the next session, so that its grid is known before its open."""
        roster, at = self.partition.roster, listing.index
        day = self._expected(listing, roster.window(listing).following)
        if day is not None and int(day.head["session"][0]) == 0:
            self._tell_session(listing, day, sessions.PLANNED, roster.through[roster.group[at]])

    def _expected(self, listing: Listing, session_date: int) -> Day | None:
        """The slot of a trade date that is expected of a symbol, taken up if need be."""
        roster, at = self.partition.roster, listing.index
        if session_date < 0 or listing.played or not roster.here[at] or roster.since[at] == FOREVER:
            return None
        if session_date < roster.oldest(listing):
            return None  # let go of before its history was named
        day = self.days.slot(listing, session_date)
        if self.offset <= day.offset or self.is_taken(listing, day, session_date):
            return None
        if day.session_date < session_date:
            self.begin(listing, day, session_date)
        return day if day.session_date == session_date else None

    def _tell_session(self, listing: Listing, day: Day, state: int, ts: int) -> None:
        Effects(self.partition, listing, day).tell_session(self.sheets, state, ts)
        self.days.mark(listing, day, day.session_date)

    def _let_go(self, listing: Listing) -> None:
        """Let go of the trade dates of a symbol that can no longer be revised."""
        roster = self.partition.roster
        oldest, wanted = roster.oldest(listing), roster.window(listing).wanted
        for day in self.days.of(listing):
            if day.session_date < oldest and self.offset > day.offset:
                was = day.session_date
                self.partition.evicted["evicted.trade_date"] += was >= wanted
                self._changed.add(listing.index)
                abandon(listing, day, self.sheets)
                self.days.begin(listing, day, -1, np.zeros(0, np.int64))
                self.days.mark(listing, day, was)


def _newest(day: Day) -> int:
    """Start of the newest minute that a source has given a bar of."""
    places = [place for place, _ in day.pending]
    places += np.flatnonzero((day.rows["kind"] == REAL) | (day.rows["kind"] == REFETCHED))[-1:].tolist()
    return int(day.rows["ts_open"][max(places)]) if places else -(1 << 61)
