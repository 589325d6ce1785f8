"""The state of one trade date of one symbol, in rows that are saved as they are.

A trade date is the unit of everything that depends on more than one minute (fills, gaps, the session), so
each has a state key and an offset of its own, and no decision reads another one's state: a key that is newer
than another after a crash does no harm.

Size: 50 bytes a minute and 8 a minute and source; 390 minutes of one source are 22 kB, 1,440 are 81 kB. At
most two trade dates (three around midnight) of a symbol hold minutes while its sources keep to the time, one
more for each further trailing date, and the next one stands empty beside them.
Whatever they send, at most ``SLOTS`` do, of ``MOST_SOURCES`` sources each, and the state of the symbol stays
below ``most_bytes``: a further source, and a trade date whose slot is taken, are refused. What of it is
written with a checkpoint: ``saved``.
"""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streams.core.plain import plain
from streams.core.slots import HEADER_SIZE
from streams.core.watermark import FOREVER

Rows: TypeAlias = NDArray[np.void]
Row: TypeAlias = np.void
Ints: TypeAlias = NDArray[np.int64]

VERSION: Final = 5
SLOTS: Final = 16
"""A trade date lies in the slot (date modulo 16): those of a window are never further apart."""
MOST_SOURCES: Final = 8
"""So many sources may give bars of one symbol on one trade date."""

UNDECIDED, REAL, REFETCHED, FLAT, EMPTY = range(5)
"""What a minute is; ``EMPTY`` is decided and has no bar."""
HALT, REJECTED, OUTAGE, NO_TRADES, UNKNOWN = range(5)
"""Causes in order of precedence, as the symbols of the schema."""
NO_CAUSE: Final = -1
MISSED: Final = 1
"""Bit: no source's bar was there when the minute was decided; it belongs to a gap for ever."""
HALTED: Final = 2
"""Bit: a MinuteStatus said that trading was halted."""
HOLE: Final = 4
"""Bit: records of the minute may be lost, by a hole in a gapless sequence."""
BEGINS: Final = 8
"""Bit: a gap begins here."""

MINUTE: Final = np.dtype(
    [
        ("ts_open", "<i8"),
        ("close", "<f8"),
        ("volume", "<f8"),
        ("revision", "<i4"),  # as published last, -1 never
        ("gap", "<i4"),  # next revision of the gap that begins here
        ("rejected", "<i4"),  # records of it that were rejected
        ("late", "<i4"),  # records of it that were late
        ("kind", "i1"),
        ("cause", "i1"),  # as told last
        ("bits", "u1"),
        ("spare", "u1"),
        ("source", "<i2"),  # number of the source whose bar it is, -1 none
        ("judge", "<i2"),  # number of the source that decided it, -1 none was alive
        ("spare2", "<i2"),
    ]
)
HEAD: Final = np.dtype(
    [
        ("session_date", "<i8"),  # -1: the slot is empty
        ("counts", "<i8", (6,)),  # COUNTED, of the slot, for ever
        ("session", "<i8"),  # next revision of the session record
        ("told", "<i8"),  # minutes decided when it was told last, -1 never
        ("closed", "<i8"),
        ("rows", "<i8"),
        ("pending", "<i8"),
        ("sources", "<i2", (MOST_SOURCES,)),  # numbers of the sources of ``applied``, -1 none
    ]
)
COUNTED: Final = ("in", "out", "rejected", "late", "duplicate", "held")


def most_bytes(minutes: int) -> int:
    """Most bytes of the saved states of a symbol.

    Args:
        minutes: of its longest trade date.
    """
    bars = MOST_SOURCES * PENDING.itemsize
    day = 2 * (HEADER_SIZE + HEAD.itemsize + minutes * (MINUTE.itemsize + 8 * MOST_SOURCES + bars))
    own = HEADER_SIZE + 8 * len(COUNTED) + 8 + 2 * minutes * bars  # live bars that wait for the history
    return SLOTS * day + own


class Print(NamedTuple):
    """What a source says about a minute, as it is kept until the minute is decided."""

    source: int
    revision: int
    fill: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    notional: float
    trades: int
    ts_first: int
    ts_last: int
    flags: int
    nulls: int


_INTS: Final = ("source", "revision", "fill", "trades", "ts_first", "ts_last", "flags", "nulls")
PENDING: Final = np.dtype(
    [("place", "<i8"), *((name, "<i8" if name in _INTS else "<f8") for name in Print._fields)]
)


class Shadow:
    """The minutes of a slot as they were saved last.

    Attributes:
        session_date: the trade date.
        rows: copy of ``Day.rows``.
        applied: copy of ``Day.applied``.
    """

    __slots__ = ("applied", "rows", "session_date")

    def __init__(self, day: "Day") -> None:
        self.session_date, self.applied = day.session_date, day.applied.copy()
        self.rows: Rows = plain(day.rows).copy().view(MINUTE)


class Day:
    """One slot of one symbol: a trade date with a row a minute, or nothing.

    Attributes:
        head: ``HEAD``, an array of one.
        session_date: trade date in days, -1 where the slot is empty; as in ``head``.
        rows: ``MINUTE`` rows of the expected minutes, ascending.
        applied: int64[minutes, sources], the source revision applied last, -1 none.
        pending: bars of undecided minutes by (place, source).
        offset: offset of the last record that the slot reflects.
        next: place of the first minute that the watermark has not decided.
        base: what the key of everything holds, None where everything is to be saved.
        columns: by source the column of ``applied``, of those that were asked for.
    """

    __slots__ = ("applied", "base", "columns", "head", "next", "offset", "pending", "rows", "session_date")

    def __init__(self) -> None:
        self.head = np.zeros(1, HEAD)
        self.head["told"] = self.head["session_date"] = self.head["sources"] = self.session_date = -1
        self.rows = np.zeros(0, MINUTE)
        self.applied = np.zeros((0, 0), np.int64)
        self.pending: dict[tuple[int, int], Print] = {}
        self.offset = -1
        self.next = 0
        self.base: Shadow | None = None
        self.columns: dict[int, int] = {}

    @property
    def next_open(self) -> int:
        """Start of the first minute that the watermark has not decided, ``FOREVER`` where there is none."""
        return int(self.rows["ts_open"][self.next]) if self.next < len(self.rows) else FOREVER

    def begin(self, session_date: int, minutes: Ints) -> None:
        """Take up a trade date; the counts of the slot go on."""
        counts = self.head["counts"].copy()
        offset = self.offset
        self.__init__()  # type: ignore[misc]
        self.head["counts"], self.head["session_date"], self.offset = counts, session_date, offset
        self.session_date = session_date
        self.rows = empty_rows(minutes)
        self.applied = np.zeros((len(minutes), 0), np.int64)

    def place(self, ts_open: int) -> int:
        """Place of a minute, -1 where it is not expected on this trade date."""
        opens = self.rows["ts_open"]
        place = int(np.searchsorted(opens, ts_open))
        return place if place < len(opens) and opens[place] == ts_open else -1

    def column(self, source: int) -> int:
        """Column of a source in ``applied``, added when it is new; -1 where there is no room."""
        if source in self.columns:
            return self.columns[source]
        known = self.head["sources"][0]
        for column in range(MOST_SOURCES):
            if known[column] < 0:
                known[column] = source
                self.applied = np.hstack([self.applied, np.full((len(self.rows), 1), -1, np.int64)])
            if known[column] == source:
                self.columns[source] = column
                return column
        return -1

    def count(self, **changes: int) -> None:
        """Add to the counts of the slot."""
        for name, change in changes.items():
            self.head["counts"][0, COUNTED.index(name.removesuffix("_"))] += change

    def aim(self, since: int) -> None:
        """Set ``next`` to the first undecided minute from an instant on."""
        open_ = (self.rows["kind"] == UNDECIDED) & (self.rows["ts_open"] >= since)
        self.next = int(np.argmax(open_)) if open_.any() else len(self.rows)


def silent_before(day: Day, place: int) -> int:
    """The first of the minutes right before a place of which no bar has come, the place itself where none."""
    waiting = {at for at, _ in day.pending}
    kinds = day.rows["kind"]
    while place > 0 and place - 1 not in waiting and kinds[place - 1] not in (REAL, REFETCHED):
        place -= 1
    return place


def empty_rows(minutes: Ints) -> Rows:
    """Rows of undecided minutes."""
    rows = np.zeros(len(minutes), MINUTE)
    rows["ts_open"] = minutes
    rows["revision"] = rows["cause"] = rows["source"] = rows["judge"] = -1
    return rows


def lay_out(day: Day, minutes: Ints) -> None:
    """Give the slot the minutes of a grid; what is known of minutes that stay is kept."""
    if np.array_equal(day.rows["ts_open"], minutes):
        return
    old, applied, day.base = day.rows, day.applied, None
    _, kept, places = np.intersect1d(old["ts_open"], minutes, assume_unique=True, return_indices=True)
    day.rows = empty_rows(minutes)
    day.rows[places] = old[kept]
    day.applied = np.full((len(minutes), applied.shape[1]), -1, np.int64)
    day.applied[places] = applied[kept]
    moved = dict(zip(kept.tolist(), places.tolist(), strict=True))
    day.pending = {(moved[at], source): bar for (at, source), bar in day.pending.items() if at in moved}
