"""The rows of the ticks stage: what is kept of a symbol and source, and what kernels are given.

A *pair* is one symbol from one source; each is folded apart. Pairs are numbered in the order of their names.
"""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.market.intervals import SECOND
from streams.core.watermark import FOREVER, MOST_SOURCES, NEVER

Ints: TypeAlias = NDArray[np.int64]
Rows: TypeAlias = NDArray[np.void]
Int: TypeAlias = int | np.int64

FORMING_SLOT: Final = SECOND // 4
"""A forming bar goes out when the largest ts_event of a pair enters a new slot of this length in ns."""

WINDOW: Final = 4_096
"""Numbers that a window of identities remembers below its newest."""
HASHES: Final = 512
"""Identities without a number that are remembered, first in first out."""

_SAVED_FOLD: Final = [
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
FOLD: Final = np.dtype(
    [
        *_SAVED_FOLD,
        ("offset", "<i8"),  # what the restored state of this slot reflects
        ("dirty", "<i8"),
        ("at", "<i8"),  # of a row put out: position of its record in the batch,
        ("pair", "<i8"),  # its pair,
        ("what", "<i8"),  # and what it becomes
    ]
)
"""One minute or second of a pair."""
FOLD_SIZE: Final = np.dtype(_SAVED_FOLD).itemsize
"""So many bytes of a FOLD row are saved."""

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
    ]
)
"""What the configuration says of a pair."""

_SAVED_PAIR: Final = [
    ("disorder", "<i8"),  # ns behind the mark; kept, so that a pair taken out of the configuration closes
    ("ts_largest", "<i8"),  # largest ts_event folded
    ("ts_seconds", "<i8"),  # seconds that end up to here were closed by a final heartbeat
    ("out", "<i8"),
    ("rejected", "<i8"),
    ("late", "<i8"),
    ("duplicate", "<i8"),
    ("held", "<i8"),
    ("hashes", "<i8"),  # identities without a number seen so far
    ("tops", "<i8", 3),  # newest number of each window, NEVER for none
]
PAIR: Final = np.dtype(
    [
        *_SAVED_PAIR,
        ("offset", "<i8"),  # what the restored state of the pair reflects
        ("dirty", "<i8"),
        ("due_minute", "<i8"),  # mark at which its next minute closes
        ("due_second", "<i8"),
        ("pending", "<i8"),  # closed minutes that wait for a revision
        ("ts_from", "<i8"),  # the segment of trading its last print was in
        ("ts_until", "<i8"),
        ("session_date", "<i8"),
        *[(name, RULE[name]) for name in RULE.names or ()],
        ("bits", "<u8", (3, WINDOW // 64)),  # of each window, bit number % WINDOW; saved where used
        ("recent", "<i8", HASHES),  # a ring; saved as far as used
    ]
)
"""What is kept of a pair beside its minutes and seconds."""
PAIR_SIZE: Final = np.dtype(_SAVED_PAIR).itemsize
"""So many bytes of a PAIR row are saved as they are."""

SEGMENT: Final = np.dtype([("ts_open", "<i8"), ("ts_close", "<i8"), ("session_date", "<i8")])
"""A segment of trading."""

LIVE: Final = np.dtype(
    [
        ("mark", "<i8"),
        ("due", "<i8"),  # mark at which the next minute or second of any of its pairs closes
        ("pending", "<i8"),  # closed minutes of any of its pairs that wait for a revision
        ("born", "<i8"),  # first proof of life
        ("ts_failed", "<i8"),  # last outage from
        ("ts_since", "<i8"),  # and up to
    ]
)
"""A source as kernels see it; ``Watermarks`` has the rest."""

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
    """Everything that kernels change. Few arrays: numba counts references to each at every call.

    ``folds[pair]`` is a ring of minutes, then a ring of seconds; both have a power of two as length.
    """

    pairs: Rows  # PAIR[n]
    folds: Rows  # FOLD[n, minutes + seconds]
    sources: Rows  # LIVE[MOST_SOURCES]
    segments: Rows  # SEGMENT[m], those of all calendars, one after the other
    out: Rows  # FOLD[room], what was put out, in order
    used: Ints  # int64[1], rows of it in use
    minutes: int  # length of the ring of minutes
    seconds: int  # length of the ring of seconds


def new_state(pairs: int, minutes: int, seconds: int, segments: Rows) -> State:
    """State of so many pairs that have seen nothing."""
    rows, folds = np.zeros(pairs, PAIR), np.zeros((pairs, minutes + seconds), FOLD)
    for name in ("ts_largest", "ts_seconds", "tops", "ts_until"):
        rows[name] = NEVER
    folds["ts_open"] = NEVER
    rows["offset"] = folds["offset"] = -1
    rows["due_minute"] = rows["due_second"] = FOREVER
    sources = np.zeros(MOST_SOURCES, LIVE)
    sources["mark"], sources["due"] = NEVER, FOREVER
    room = 4 * folds.size + 8_192  # a minute can put out two rows, and half stays free
    return State(
        rows, folds, sources, segments, np.empty(room, FOLD), np.zeros(1, np.int64), minutes, seconds
    )
