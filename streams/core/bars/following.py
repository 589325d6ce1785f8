"""What nearly all bars are: of the best source, of the next minute, with nothing beside it.

Such a one is placed in one go. Whatever is different about a bar (another source's is there, a gap before it,
a revision, a minute out of turn) is left to ``admit``; the outcome would be the same, only later. The bars of
a large batch are looked at as columns and told of together (``take_column``), those of a small one by one
(``take_next``); both are placed by ``_place``.
"""

from typing import Final

from schemas.jit import kernel
from schemas.market.intervals import MINUTE
from streams.core.bars import sessions
from streams.core.bars.book import Book
from streams.core.bars.doubt import around
from streams.core.bars.effects import Effects
from streams.core.bars.front import Front
from streams.core.bars.incoming import BarColumns
from streams.core.bars.roster import Listing
from streams.core.bars.state import COUNTED, REAL, UNDECIDED, Ints, Print, Rows
from streams.core.watermark import FOREVER

_IN: Final = COUNTED.index("in")
_OUT: Final = COUNTED.index("out")


@kernel
def _take(
    rows: Rows, applied: Ints, head: Rows, place: int, column: int, source: int, revision: int, close: float,
    volume: float, volume_bars: int, volume_factor: float, stuck_bars: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Make a bar that of an undecided minute and count it.

    Returns:
        Its flags, -1 where more is to be looked at; its revision; the start of the following minute.
    """
    after, last = place + 1, len(rows)
    if rows[place]["kind"] != UNDECIDED or applied[place, column] >= revision:
        return -1, 0, 0
    if after < last and rows[after]["kind"] != UNDECIDED:
        return -1, 0, 0
    found = around(rows, place, close, volume, volume_bars, volume_factor, stuck_bars)
    row = rows[place]
    row["kind"], row["source"], row["judge"] = REAL, source, source
    row["close"], row["volume"] = close, volume
    row["revision"] += 1
    applied[place, column] = revision
    head[0]["counts"][_IN] += 1
    head[0]["counts"][_OUT] += 1
    return found, row["revision"], rows[after]["ts_open"] if after < last else FOREVER


def _front(book: Book, listing: Listing, number: int, ts_open: int) -> Front | None:
    """The front of a symbol where it is as it mostly is, and that is its next minute."""
    roster, at = book.partition.roster, listing.index
    if number < 0 or roster.waiting[at] or not roster.here[at] or roster.since[at] == FOREVER:
        return None
    session_date = listing.session_date(ts_open)
    if session_date < max(roster.oldest(listing), 0):
        return None
    day = book.days.slot(listing, session_date)
    if day.session_date != session_date or day.pending or number not in day.columns:
        return None
    if day.next_open != ts_open or book.offset <= day.offset:
        return None
    front = book.days.fronts[listing.name] = Front(book.partition, listing, day, number, ts_open)
    return front


def _place(
    book: Book, front: Front, ts_open: int, revision: int, close: float, volume: float
) -> tuple[int, int]:
    """Place a bar of the source of a front; its flags, -1 where it is none such, and its revision."""
    roster, listing, day = book.partition.roster, front.listing, front.day
    ts_close = ts_open + MINUTE
    if ts_open != front.ts_open or front.number != roster.best[front.group]:
        return -1, 0
    if roster.through[front.group] >= ts_close + MINUTE:
        return -1, 0
    if ts_close > front.known and ts_close > front.look(book.partition.marks.newest()):
        return -1, 0
    rules = listing.rules
    found, published, following = _take(
        day.rows, day.applied, day.head, day.next, front.column, front.number, revision, close, volume,
        rules.volume_bars, rules.volume_factor, rules.stuck_bars,
    )  # fmt: skip
    if found >= 0:
        day.next += 1
        front.ts_open = following
        book.days.dirty[front.key] = day
        book.follow(listing, ts_open, following)
    return found, published


def take_next(book: Book, listing: Listing, bar: Print, ts_open: int) -> bool:
    """Place a bar that passes the stateless checks; whether it is such a one."""
    front = book.days.fronts.get(listing.name) or _front(book, listing, bar.source, ts_open)
    if front is None or bar.fill or bar.source != front.number:
        return False
    place = front.day.next
    found, _ = _place(book, front, ts_open, bar.revision, bar.close, bar.volume)
    if found < 0:
        return False
    flagged = bar._replace(flags=bar.flags | found) if found else bar
    book.sheets.bar(listing.name, front.day, place, flagged, front.source)
    _tell(book, front)
    return True


def take_column(book: Book, bars: BarColumns, row: int) -> bool:
    """Place a bar of many; whether it is such a one."""
    if not bars.plain[row]:
        return False
    name, source = bars.symbols[row], bars.sources[row]
    front = book.days.fronts.get(name)
    if front is None:
        listing = book.partition.roster.by_name.get(name)
        number = book.partition.marks.find(source)
        front = _front(book, listing, number, bars.opens[row]) if listing else None
    if front is None or source != front.source:
        return False
    found, published = _place(
        book, front, bars.opens[row], bars.revisions[row], bars.closes[row], bars.volumes[row]
    )
    if found < 0:
        return False
    flags, date = bars.flags[row] | found, front.day.session_date
    book.sheets.bar_of(row, date, published, flags)
    _tell(book, front)
    return True


def _tell(book: Book, front: Front) -> None:
    """Tell of the session if it is due."""
    day, partition = front.day, book.partition
    if day.next < front.calm:
        return
    if sessions.is_due(day, partition.session_timeout, changed=True):
        Effects(partition, front.listing, day).tell_session_so_far(book.sheets)
    front.calm = sessions.calm_until(day, partition.session_timeout)
