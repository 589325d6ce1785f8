"""The rows of the ticks stage: what is kept of a symbol and source, and what kernels are given.

A *pair* is one symbol from one source; each is folded apart. Pairs are numbered in the order of their names.
"""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.market.intervals import MINUTE, SECOND
from streams.core.watermark import FOREVER, MOST_SOURCES, NEVER

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Words: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = NDArray[np.void]
Int: TypeAlias = int | np.int64

FORMING_SLOT: Final = SECOND // 4
"""A forming bar goes out when the largest ts_event of a pair enters a new slot of this length in ns."""

WINDOW: Final = 4_096
"""Numbers that a window of identities remembers below its newest."""
HASHES: Final = 512
"""Identities without a number that are remembered, first in first out."""

FOLD: Final = np.dtype(
    [
        ("ts_open", "<i8"),  # NEVER: the row is free
        ("session_date", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),
        ("notional", "<f8"),
        ("ts_first", "<i8"),
        ("seq_first", "<i8"),
        ("ts_last", "<i8"),
        ("seq_last", "<i8"),
        ("prints", "<i8"),  # everything folded
        ("trades", "<i8"),  # of it what had a size
        ("flags", "<i8"),
        ("rejected", "<i8"),
        ("late", "<i8"),
        ("duplicate", "<i8"),
        ("revision", "<i8"),  # last published, -1 for none
        ("closed", "<i8"),  # 1 once the watermark passed its close
        ("changed", "<i8"),  # 1 where a closed minute waits for its next revision
    ]
)
"""One minute or second of a pair."""

PAIR: Final = np.dtype(
    [
        ("disorder", "<i8"),  # ns behind the mark; kept, so that a pair taken out of the configuration closes
        ("ts_largest", "<i8"),  # largest ts_event folded
        ("ts_seconds", "<i8"),  # seconds that end up to here were closed by a final heartbeat
        ("out", "<i8"),
        ("rejected", "<i8"),
        ("late", "<i8"),
        ("duplicate", "<i8"),
        ("held", "<i8"),
        ("hashes", "<i8"),  # identities without a number seen so far
    ]
)
"""What is kept of a pair beside its minutes and its identities."""

RULE: Final = np.dtype(
    [
        ("source", "<i8"),  # number of the source among the partition's marks
        ("lateness", "<i8"),
        ("future", "<i8"),
        ("nonpositive", "<i8"),  # position in schemas.config.Action
        ("basis", "<i8"),  # position in schemas.config.PriceBasis
        ("tick_size", "<f8"),
        ("first", "<i8"),  # its calendar's segments: from
        ("last", "<i8"),  # and up to, exclusive
        ("segment", "<i8"),  # where the last print was found
    ]
)
"""What the configuration says of a pair."""

PRINT: Final = np.dtype(
    [
        ("pair", "<i8"),
        ("ts_event", "<i8"),
        ("ts_recv", "<i8"),
        ("price", "<f8"),
        ("size", "<f8"),  # NaN: null
        ("seq", "<i8"),  # NEVER: null
        ("flags", "<i8"),
        ("window", "<i8"),  # which identity: NO_IDENTITY, a window, or HASHED
        ("number", "<i8"),  # its number or hash
        ("folds", "<i8"),  # 1 where its price counts for bars
    ]
)
"""A tick or a quote of a batch, seen alike."""

NO_IDENTITY: Final = -1
TRADE_NUMBERS: Final = 0
TICK_NUMBERS: Final = 1
QUOTE_NUMBERS: Final = 2
HASHED: Final = 3

ADMITTED: Final = 0
V01, V02, V03, V05, V08, V09, V10, V11, V16 = 1, 2, 3, 5, 8, 9, 10, 11, 16
BELOW_WINDOW: Final = 116
"""Verdict on a number older than the window: late, because nobody knows whether it is a duplicate."""
SKIPPED: Final = -1
"""Verdict on a record that the pair's state reflects already (R3)."""
CONTROL: Final = -2
"""Verdict on what is no print: the kernel hands it over to Python."""

MINUTE_BAR, SECOND_BAR, FORMING_BAR, STATUS = 0, 1, 2, 3
"""What an emitted row becomes."""


class State(NamedTuple):
    """Everything that kernels change; all but the last four are saved.

    ``folds[pair]`` is a ring of minutes, then a ring of seconds; both have a power of two as length.
    """

    pairs: Rows  # PAIR[n]
    folds: Rows  # FOLD[n, minutes + seconds]
    tops: Ints  # int64[n, 3], newest number of each window
    bits: Words  # uint64[n, 3, WINDOW / 64], bit number % WINDOW
    hashes: Ints  # int64[n, HASHES]
    offsets: Ints  # int64[n], what the restored state of a pair reflects
    fold_offsets: Ints  # int64[n, minutes + seconds], the same of each row
    dirty: Flags  # bool[n]
    fold_dirty: Flags  # bool[n, minutes + seconds]
    due: Ints  # int64[n, 2], mark at which the next minute and the next second of a pair close
    source_due: Ints  # int64[sources], the smallest of them by source
    pending: Ints  # int64[n], closed minutes that wait for a revision
    minutes: int  # length of the ring of minutes
    seconds: int  # length of the ring of seconds


class Rules(NamedTuple):
    """The configuration as kernels see it."""

    rows: Rows  # RULE[n]
    opens: Ints  # starts of the segments of all calendars, one calendar after the other
    closes: Ints
    dates: Ints


class Live(NamedTuple):
    """Marks and outages of the sources, as ``Watermarks`` has them."""

    marks: Ints
    born: Ints
    starts: Ints
    ends: Ints


class Emitted(NamedTuple):
    """Rows that kernels put out, in order."""

    heads: Ints  # int64[room, 3]: position in the batch, pair, what
    rows: Rows  # FOLD[room]
    used: Ints  # int64[1], rows in use


def new_state(pairs: int, minutes: int, seconds: int) -> State:
    """State of so many pairs that have seen nothing."""
    slots = minutes + seconds
    rows, folds = np.zeros(pairs, PAIR), np.zeros((pairs, slots), FOLD)
    rows["ts_largest"] = rows["ts_seconds"] = folds["ts_open"] = NEVER
    return State(
        pairs=rows,
        folds=folds,
        tops=np.full((pairs, 3), NEVER, np.int64),
        bits=np.zeros((pairs, 3, WINDOW // 64), np.uint64),
        hashes=np.zeros((pairs, HASHES), np.int64),
        offsets=np.full(pairs, -1, np.int64),
        fold_offsets=np.full((pairs, slots), -1, np.int64),
        dirty=np.zeros(pairs, np.bool_),
        fold_dirty=np.zeros((pairs, slots), np.bool_),
        due=np.full((pairs, 2), FOREVER, np.int64),
        source_due=np.full(MOST_SOURCES, FOREVER, np.int64),
        pending=np.zeros(pairs, np.int64),
        minutes=minutes,
        seconds=seconds,
    )


def new_emitted(state: State) -> Emitted:
    """Room for twice what any one record can put out, and more."""
    room = 4 * state.folds.size + 8_192  # a minute can put out two rows, and half stays free
    return Emitted(np.empty((room, 3), np.int64), np.empty(room, FOLD), np.zeros(1, np.int64))


def length(slot: int, state: State) -> int:
    """Length in ns of what a slot of ``folds`` holds."""
    return MINUTE if slot < state.minutes else SECOND
