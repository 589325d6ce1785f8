"""What nearly all bars are: of the best source, of the next minute, with nothing beside it.

Such a one is placed in one go. Whatever is different about a bar (another source's is there, a gap before it,
a revision, a minute out of turn) is left to ``admit``; the outcome would be the same, only later.
"""

from typing import Final

from schemas.jit import kernel
from schemas.market.intervals import MINUTE
from streams.core.bars import sessions
from streams.core.bars.book import Book
from streams.core.bars.doubt import around
from streams.core.bars.effects import Effects
from streams.core.bars.roster import Listing
from streams.core.bars.state import COUNTED, REAL, UNDECIDED, Day, Ints, Print, Rows
from streams.core.watermark import FOREVER

_MS: Final = 1_000_000
_IN, _OUT = COUNTED.index("in"), COUNTED.index("out")


@kernel
def _take(
    rows: Rows, applied: Ints, place: int, column: int, source: int, revision: int, close: float,
    volume: float, volume_bars: int, volume_factor: float, stuck_bars: int,
) -> int:  # fmt: skip
    """Make a bar that of an undecided minute; its flags, -1 where more is to be looked at."""
    after = place + 1
    if rows[place]["kind"] != UNDECIDED or applied[place, column] >= revision:
        return -1
    if after < len(rows) and rows[after]["kind"] != UNDECIDED:
        return -1
    found = around(rows, place, close, volume, volume_bars, volume_factor, stuck_bars)
    row = rows[place]
    row["kind"], row["source"], row["judge"] = REAL, source, source
    row["close"], row["volume"] = close, volume
    row["revision"] += 1
    applied[place, column] = revision
    return found


def _is_plain(book: Book, listing: Listing, bar: Print, ts_open: int) -> bool:
    """Whether the symbol and the source are as they mostly are."""
    roster, at = book.partition.roster, listing.index
    group = roster.group[at]
    if bar.fill or bar.source != roster.best[group] or bar.source < 0 or roster.waiting[at]:
        return False
    if not roster.here[at] or roster.since[at] == FOREVER or roster.through[group] >= ts_open + 2 * MINUTE:
        return False
    newest = book.partition.marks.newest()
    return bar.source not in roster.live or ts_open + MINUTE - newest <= listing.rules.future_ms * _MS


def _is_next(book: Book, listing: Listing, day: Day, session_date: int, ts_open: int) -> bool:
    if day.pending or day.next_open != ts_open or book.offset <= day.offset:
        return False
    return day.session_date == session_date >= book.partition.roster.oldest(listing)


def take_next(book: Book, listing: Listing, bar: Print, ts_open: int) -> bool:
    """Place a bar that passes the stateless checks; whether it is such a one."""
    session_date = listing.session_date(ts_open)
    if session_date < 0 or not _is_plain(book, listing, bar, ts_open):
        return False
    day = book.days.slot(listing, session_date)
    if not _is_next(book, listing, day, session_date, ts_open):
        return False
    place, rules, column = day.next, listing.rules, day.columns.get(bar.source, -1)
    found = -1 if column < 0 else _take(
        day.rows, day.applied, place, column, bar.source, bar.revision, bar.close, bar.volume,
        rules.volume_bars, rules.volume_factor, rules.stuck_bars,
    )  # fmt: skip
    if found < 0:
        return False
    day.next = place + 1
    _tell(book, listing, day, place, bar._replace(flags=bar.flags | found) if found else bar)
    counts = day.head["counts"][0]
    counts[_IN] += 1
    counts[_OUT] += 1
    book.days.mark(listing, day, session_date)
    book.follow(listing, day, ts_open)
    return True


def _tell(book: Book, listing: Listing, day: Day, place: int, bar: Print) -> None:
    partition = book.partition
    book.sheets.bar(listing.name, day, place, bar, partition.marks.name(bar.source))
    if sessions.is_due(day, partition.session_timeout, changed=True):
        Effects(partition, listing, day).tell_session_so_far(book.sheets)
