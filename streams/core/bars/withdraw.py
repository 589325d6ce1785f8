"""A bar that its source takes back, since all of its prints were cancelled.

Its minute becomes what it would have been: without a bar, so a flat one, with its cause told behind it. Where
no flat bar can be (no close before it in the session, another policy), what is published stays, and the
record that takes it back is a dead letter.
"""

from typing import Final

from schemas.flags import WITHDRAWN
from streams.core.bars.book import Book
from streams.core.bars.effects import Effects
from streams.core.bars.roster import Listing
from streams.core.bars.state import REAL, UNDECIDED, Day, Print
from streams.core.bars.validate import Rejected

UNFILLED: Final = Rejected("C04", "a published minute must become a flat one, and has no close before it")


def is_withdrawn(bar: Print) -> bool:
    """Whether a bar says that there is none."""
    return bool(bar.flags & WITHDRAWN)


def withdraw(book: Book, listing: Listing, day: Day, place: int, bar: Print) -> Rejected | bool:
    """Take a bar back; whether anything changed by it, or why it cannot be."""
    row, effects = day.rows[place], Effects(book.partition, listing, day)
    is_held = int(row["kind"]) == REAL and int(row["source"]) == bar.source
    is_ahead = place >= day.next  # of a minute that is not decided yet
    if is_held and not is_ahead and not effects.can_be_flat(place):
        return UNFILLED
    day.applied[place, day.column(bar.source)] = bar.revision
    waited = day.pending.pop((place, bar.source), None)
    if is_held and is_ahead:
        row["kind"], row["source"] = UNDECIDED, -1
    elif is_held:
        book.apply(listing, day, lambda effects: effects.withdraw(place))
    book.refresh(listing)
    return is_held or (waited is not None and int(row["kind"]) == UNDECIDED)
