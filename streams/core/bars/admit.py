"""What becomes of one bar: refused, late, duplicate, or admitted and put in its place."""

from collections import Counter
from typing import NamedTuple

from schemas.market.intervals import MINUTE
from streams.core.bars import validate
from streams.core.bars.book import NONE, Book
from streams.core.bars.days import WAIT_DATES
from streams.core.bars.doubt import differs
from streams.core.bars.effects import Effects
from streams.core.bars.following import take_next
from streams.core.bars.revise import is_applied, other_close, replaces
from streams.core.bars.roster import Listing
from streams.core.bars.state import MISSED, MOST_SOURCES, UNDECIDED, Day, Print
from streams.core.bars.validate import Rejected
from streams.core.bars.withdraw import is_withdrawn, withdraw
from streams.core.watermark import NEVER


class Outcome(NamedTuple):
    """How a bar is counted, and where it goes if it is not admitted."""

    counted: str
    topic: str = ""
    why: Rejected | None = None
    flagged: str = ""


OUT, DUPLICATE, HELD = Outcome("out"), Outcome("duplicate"), Outcome("held")
DISAGREEING = Outcome("duplicate", flagged="V19")
"""A worse source's bar that changes nothing and differs from the one that counts."""


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
    if not failed and not is_withdrawn(bar) and take_next(book, listing, bar, ts_open):
        return OUT
    why = refusal(book, listing, bar, ts_open, failed)
    on_grid = not failed & validate.V06
    session_date = listing.session_date(ts_open) if on_grid else -1
    if session_date < 0:
        return _keep(book, listing, rejected(why) if why else late(validate.OUTSIDE))
    is_new = why is None and book.partition.meet(listing, bar.source, ts_open)
    if is_new:
        book.subscribe(listing)
    outcome = _take(book, listing, bar, session_date, ts_open, why)
    if is_new:  # a watermark may have passed the first minutes of it
        book.settle(listing, only=NONE)
    return outcome


def _take(
    book: Book, listing: Listing, bar: Print, session_date: int, ts_open: int, why: Rejected | None
) -> Outcome | None:
    """Take up a bar of a trade date."""
    if why is None and book.partition.roster.waiting[listing.index] and bar.source != listing.history:
        return _hold(book, listing, bar, session_date, ts_open)
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


def _keep(book: Book, listing: Listing, outcome: Outcome) -> Outcome | None:
    """Count a record of no trade date."""
    own = book.days.own(listing)
    if book.offset <= own.offset:
        return None
    own.count(in_=1, **{outcome.counted: 1})
    return outcome


def _hold(book: Book, listing: Listing, bar: Print, session_date: int, ts_open: int) -> Outcome | None:
    """Let a live bar wait for the end of the history; the newest revision of each source is enough."""
    held = book.days.own(listing).held
    before = held.get((ts_open, bar.source))
    if before is not None and bar.revision <= before.revision:
        return _keep(book, listing, DUPLICATE)
    dates = {listing.session_date(ts) for ts, _ in held} | {session_date}
    if len(dates) > WAIT_DATES:
        return _keep(book, listing, late(validate.EARLY))
    if len({source for _, source in held} | {bar.source}) > MOST_SOURCES:
        return _keep(book, listing, rejected(validate.UNKNOWN_SOURCE))
    outcome = _keep(book, listing, DUPLICATE if before else HELD)
    if outcome is not None:
        held[ts_open, bar.source] = bar
    return outcome


def release(book: Book, listing: Listing) -> Counter[str]:
    """The history has ended: bars that waited are taken up; ``settle`` decides them.

    They may be as old as they are, but for trade dates that the history has left behind: those are over.

    Returns:
        Changes of the counts.
    """
    own, counts = book.days.own(listing), Counter[str]()
    if book.offset <= own.offset:
        return counts
    held, own.held = sorted(own.held.items()), {}
    own.count(held=-len(held))
    for (ts_open, _), bar in held:
        session_date = listing.session_date(ts_open)
        day = book.days.slot(listing, session_date)
        if session_date >= 0 and book.offset <= day.offset:
            continue
        old = session_date < max(day.session_date, book.partition.roster.floor[listing.index])
        outcome = late(validate.OLD) if old else _set(book, listing, day, bar, ts_open, decide=False)
        day.count(**{outcome.counted: 1})
        book.days.mark(listing, day, session_date)
        counts.update({outcome.counted: 1, "held": -1})
    return counts


def refusal(book: Book, listing: Listing, bar: Print, ts_open: int, failed: int) -> Rejected | None:
    """Why a bar is refused, None where it passes."""
    why = validate.reason(failed, listing.rules.nonpositive_price)
    if why or bar.source < 0:
        return why or validate.UNKNOWN_SOURCE
    known = book.partition.marks.newest() != NEVER and bar.source in book.partition.roster.live
    return validate.FUTURE if known and _is_ahead(book, listing, ts_open) else None


def _is_ahead(book: Book, listing: Listing, ts_open: int) -> bool:
    """Whether a minute ends further after the newest heartbeat than V08 allows."""
    return ts_open + MINUTE - book.partition.marks.newest() > listing.future


def _refuse(book: Book, listing: Listing, day: Day, ts_open: int, why: Rejected) -> Outcome:
    """A minute without a bar whose bar was refused has that as its cause."""
    session_date, roster = listing.session_date(ts_open), book.partition.roster
    has_begun = session_date <= roster.window(listing).current
    is_believed = has_begun or not _is_ahead(book, listing, ts_open)
    is_first = day.session_date < session_date >= roster.oldest(listing) and is_believed
    if is_first:
        book.begin(listing, day, session_date)  # it may be the first record of its trade date
        book.refresh(listing)
    place = day.place(ts_open)
    if place >= 0 and is_believed:
        day.rows["rejected"][place] += 1
        if day.rows["bits"][place] & MISSED:
            book.apply(listing, day, Effects.find_causes)
    if is_first:
        book.settle(listing, only=NONE)
    return rejected(why)


def _place(book: Book, listing: Listing, day: Day, bar: Print, session_date: int, ts_open: int) -> Outcome:
    oldest = book.partition.roster.oldest(listing)
    if session_date < oldest or session_date < day.session_date:
        return late(validate.OLD)
    return _set(book, listing, day, bar, ts_open, decide=True)


def _set(book: Book, listing: Listing, day: Day, bar: Print, ts_open: int, *, decide: bool) -> Outcome:
    session_date = listing.session_date(ts_open)
    if book.is_taken(listing, day, session_date):
        return rejected(validate.FUTURE)
    if session_date > day.session_date:
        book.begin(listing, day, session_date)
    place = day.place(ts_open)
    column = day.column(bar.source)
    if column < 0:
        return rejected(validate.UNKNOWN_SOURCE)
    waits = day.pending.get((place, bar.source))
    if is_applied(day, place, bar) or (bar.fill and waits is not None and not waits.fill):
        return DUPLICATE
    if is_withdrawn(bar):
        done = withdraw(book, listing, day, place, bar)
        return rejected(done) if isinstance(done, Rejected) else OUT if done else DUPLICATE
    other = other_close(day, place, bar)
    if day.rows["kind"][place] != UNDECIDED and not replaces(day, place, bar, listing.ranks):
        disagrees = other is not None and differs(other, bar.close, listing.rules)
        return DISAGREEING if disagrees else DUPLICATE
    day.applied[place, column] = bar.revision
    if day.rows["kind"][place] != UNDECIDED:
        others = [] if other is None else [other]
        book.apply(listing, day, lambda effects: effects.set_bar(place, bar, others))
    else:
        day.pending[place, bar.source] = bar
        if decide:
            book.apply(listing, day, lambda effects: _decide(book, effects, listing, day, place, bar))
    book.refresh(listing)
    return OUT


def _decide(book: Book, effects: Effects, listing: Listing, day: Day, place: int, bar: Print) -> None:
    """Decide the minute of a bar if its best source has spoken, or if it is overdue."""
    roster = book.partition.roster
    group = roster.group[listing.index]
    best, through = roster.best[group], roster.through[group]
    ts_close = int(day.rows["ts_open"][place]) + MINUTE
    is_best = bar.source == best and (not bar.fill or roster.is_loading(group))
    if is_best or ts_close <= max(through, roster.since[listing.index]):
        effects.decide(place, best)
    effects.decide_through(through, best)
