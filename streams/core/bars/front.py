"""Where the next bar of a symbol goes, found once and kept while bars come in turn.

It follows from state and configuration, is never saved, and is dropped when a trade date of the symbol is
changed in any other way than by its next bar (``Days.mark``), and with the configuration (``Book.index``).
"""

from streams.core.bars import sessions
from streams.core.bars.partition import Partition
from streams.core.bars.roster import Listing
from streams.core.bars.state import SLOTS, Day
from streams.core.watermark import FOREVER, NEVER


class Front:
    """What the next bar of a symbol needs to know.

    Attributes:
        listing: the symbol.
        day: the trade date.
        key: of its slot.
        source: name of the source whose bars it takes.
        number: of that source.
        column: of it in ``Day.applied``.
        group: of the symbol.
        known: up to here a minute may end by the newest heartbeat that was looked at, in ns.
        ts_open: start of the next minute, ``FOREVER`` where there is none.
        calm: with fewer minutes decided, nothing is to be told of the session.
    """

    __slots__ = (
        "_ahead", "calm", "column", "day", "group", "key", "known", "listing", "number", "source", "ts_open",
    )  # fmt: skip

    def __init__(self, partition: Partition, listing: Listing, day: Day, number: int, ts_open: int) -> None:
        self.listing, self.day, self.number = listing, day, number
        self.key = listing.name, day.session_date % SLOTS
        self.source, self.column = partition.marks.name(number), day.columns[number]
        self.group = partition.roster.group[listing.index]
        is_live = number in partition.roster.live
        self._ahead = listing.future if is_live else FOREVER
        self.known = NEVER if is_live else FOREVER
        self.ts_open = ts_open
        self.calm = sessions.calm_until(day, partition.session_timeout)

    def look(self, newest: int) -> int:
        """How far ahead of the newest heartbeat a minute may end."""
        self.known = newest + self._ahead
        return self.known
