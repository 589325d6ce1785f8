"""What becomes of one bar: refused, late, duplicate, or admitted and put in its place."""

from typing import NamedTuple

from schemas.market.intervals import MINUTE
from streams.core.bars import validate
from streams.core.bars.book import Book
from streams.core.bars.effects import Effects
from streams.core.bars.revise import is_applied, replaces
from streams.core.bars.roster import Listing
from streams.core.bars.state import MISSED, UNDECIDED, Day, Print
from streams.core.bars.validate import Rejected
from streams.core.watermark import NEVER

_MS = 1_000_000


class Outcome(NamedTuple):
    """How a bar is counted, and where it goes if it is not admitted."""

    counted: str
    topic: str = ""
    why: Rejected | None = None


OUT, DUPLICATE = Outcome("out"), Outcome("duplicate")


def rejected(why: Rejected) -> Outcome:
    """A refused record."""
    return Outcome("rejected", "dead-letters", why)


def late(why: Rejected) -> Outcome:
    """A record that comes too late."""
    return Outcome("late", "late", why)


def admit(book: Book, listing: Listing, bar: Print, ts_open: int, failed: int) -> Outcome | None:
    """Take up a bar of a known symbol.

    Args:
        book: the partition.
        listing: the symbol.
        bar: what it says.
        ts_open: start of its minute.
        failed: the stateless checks that it fails.

    Returns:
        What became of it; None where the state of its trade date reflects it already.
    """
    why = refusal(book, listing, bar, ts_open, failed)
    on_grid = not failed & validate.V06
    session_date = listing.session_date(ts_open) if on_grid else -1
    if session_date < 0:
        tally = book.days.tally(listing.name)
        if book.offset <= tally.offset:
            return None
        outcome = rejected(why) if why else late(validate.OUTSIDE)
        tally.count(in_=1, **{outcome.counted: 1})
        return outcome
    if why is None:
        book.partition.meet(listing, bar.source, ts_open)
    day = book.days.slot(listing, session_date)
    if book.offset <= day.offset:
        return None
    outcome = (
        _refuse(book, listing, day, ts_open, why)
        if why
        else _place(book, listing, day, bar, session_date, ts_open)
    )
    day.count(in_=1, **{outcome.counted: 1})
    book.days.mark(listing, day, session_date)
    return outcome


def refusal(book: Book, listing: Listing, bar: Print, ts_open: int, failed: int) -> Rejected | None:
    """Why a bar is refused, None where it passes."""
    why = validate.reason(failed, listing.rules.nonpositive_price)
    if why or bar.source >= 0:
        newest = book.partition.marks.newest()
        ahead = ts_open + MINUTE - newest > listing.rules.future_ms * _MS
        is_future = bar.source in book.partition.roster.live and newest != NEVER and ahead
        return why or (validate.FUTURE if is_future else None)
    return validate.UNKNOWN_SOURCE


def _refuse(book: Book, listing: Listing, day: Day, ts_open: int, why: Rejected) -> Outcome:
    """A minute without a bar whose bar was refused has that as its cause."""
    place = day.place(ts_open)
    if place >= 0:
        day.rows["rejected"][place] += 1
        if day.rows["bits"][place] & MISSED:
            book.apply(listing, day, Effects.find_causes)
    return rejected(why)


def _place(book: Book, listing: Listing, day: Day, bar: Print, session_date: int, ts_open: int) -> Outcome:
    roster = book.partition.roster
    if roster.waiting[listing.index] and bar.source != listing.history:
        return late(validate.EARLY)
    if session_date < roster.window(listing).oldest or session_date < day.session_date:
        return late(validate.OLD)
    if session_date > day.session_date:
        book.begin(listing, day, session_date)
    place = day.place(ts_open)
    column = day.column(bar.source)
    if column < 0:
        return rejected(validate.UNKNOWN_SOURCE)
    if is_applied(day, place, bar):
        return DUPLICATE
    if day.rows["kind"][place] != UNDECIDED and not replaces(day, place, bar, listing.ranks):
        return DUPLICATE
    day.applied[place, column] = bar.revision
    book.apply(listing, day, lambda effects: _put(book, effects, listing, day, place, bar))
    book.refresh(listing)
    return OUT


def _put(book: Book, effects: Effects, listing: Listing, day: Day, place: int, bar: Print) -> None:
    """Put a bar in its place; the minute is decided if its best source has spoken, or is overdue."""
    roster = book.partition.roster
    group = int(roster.group[listing.index])
    best, through = roster.best[group], int(roster.through[group])
    if day.rows["kind"][place] != UNDECIDED:
        effects.set_bar(place, bar)
        return
    day.pending[place, bar.source] = bar
    ts_close = int(day.rows["ts_open"][place]) + MINUTE
    is_best = bar.source == best and (not bar.fill or roster.is_loading(group))
    if is_best or ts_close <= max(through, int(roster.since[listing.index])):
        effects.decide(place, best)
    effects.decide_through(through, best)
