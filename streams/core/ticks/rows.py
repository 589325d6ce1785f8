"""The rows of the ticks stage: what is kept of a symbol and source, and what kernels are given.

A *pair* is one symbol from one source; each is folded apart. A configuration numbers its pairs in the order
of their names (their *number*, by which outputs are ordered); a pair has rows from its first record on, in
the order in which the partition met them. What kernels call ``pair`` is the place of its rows.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.market.intervals import SECOND
from streams.core.periods import MOST as MOST_PERIODS

Ints: TypeAlias = NDArray[np.int64]
Rows: TypeAlias = NDArray[np.void]
Int: TypeAlias = int | np.int64
_Field: TypeAlias = tuple[str, str] | tuple[str, str | np.dtype[np.void], int]

FORMING_SLOT: Final = SECOND // 4
"""A forming bar goes out when the largest ts_event of a pair enters a new slot of this length in ns."""

WINDOWS: Final = 3
"""Kinds of growing numbers, each with a window of its own."""
HASHES: Final = 512
"""Identities without a number that are remembered, first in first out."""
PRICES: Final = 64
"""Prices of a pair that are remembered for the median of V13."""
MOST_RECORD: Final = 1_024
"""A record above so many bytes is not held."""
MOST_HELD: Final = 2
"""Prints of a pair that wait to be confirmed; the one that confirms them is the third."""

_SAVED_FOLD: Final[list[_Field]] = [
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
    ("hole", "<i8"),  # 1 where a sequence has a hole or starts anew
    ("revision", "<i8"),  # last published, -1 for none
    ("closed", "<i8"),  # 1 once the watermark passed its close
    ("changed", "<i8"),  # 1 where a closed minute waits for its next revision
]
_KEPT_FOLD: Final[list[_Field]] = [
    ("offset", "<i8"),  # what the restored state of this slot reflects
    ("dirty", "<i8"),
    ("at", "<i8"),  # of a row put out: position of its record in the batch,
    ("pair", "<i8"),  # number of its pair,
    ("what", "<i8"),  # what it becomes,
    ("halted", "<i8"),  # and 1 where it says that trading was halted
]
_HOT_FOLD: Final = (
    ("ts_open", "offset", "dirty", "closed", "prints", "trades", "ts_last", "seq_last"),
    ("high", "low", "close", "volume", "notional", "flags"),
)
LINE: Final = 64
"""Bytes of a cache line. What each print needs stands in as few of them as possible, and first."""


def _laid_out(hot: Sequence[Sequence[str]], *fields: _Field) -> np.dtype[np.void]:
    """Fields that are needed often first, in the order given, then the others, filled up to whole lines."""
    known = {field[0]: field for field in fields}
    first = [known.pop(name) for line in hot for name in line]
    size = np.dtype([*first, *known.values()]).itemsize
    return np.dtype([*first, *known.values(), ("unused", "<i8", -size % LINE // 8)])


def _words_of(rows: np.dtype[np.void], saved: Sequence[_Field]) -> Ints:
    """Where the words of a saved row stand in a whole one."""
    found = list[int]()
    for name, *kind in saved:
        start = int(rows.fields[name][1])  # type: ignore[index]  # it has fields
        found += range(start, start + np.dtype([(name, *kind)]).itemsize, 8)
    return np.array(found, np.int64)


FOLD: Final = _laid_out(_HOT_FOLD, *_SAVED_FOLD, *_KEPT_FOLD)
"""One minute or second of a pair."""
FOLD_WORDS: Final = _words_of(FOLD, _SAVED_FOLD)
"""Where the words of a saved minute or second stand in its row."""
FOLD_SIZE: Final = 8 * len(FOLD_WORDS)
"""So many bytes of a FOLD row are saved."""

RULE: Final = np.dtype(
    [
        # what every print needs once it is judged,
        ("source", "<i8"),  # number of the source among the partition's marks
        ("lateness", "<i8"),
        ("window", "<i8"),  # numbers remembered below the newest
        ("gapless", "<i8"),  # 1 where its seq has no holes
        ("quiet", "<i8"),
        # to be judged,
        ("future", "<i8"),
        ("nonpositive", "<i8"),  # position in schemas.config.Action
        ("basis", "<i8"),  # position in schemas.config.PriceBasis
        ("tick_size", "<f8"),
        ("spread", "<f8"),
        ("conditions", "<i8"),  # row of its table of conditions, -1 for none
        ("spelling", "<i8"),  # how codes are spelt there
        # and seldom
        ("share", "<f8"),  # V13: of the median,
        ("sigmas", "<f8"),  # deviations from it,
        ("median_of", "<i8"),  # so many prices
        ("auction", "<i8"),  # how long after the close an auction print comes, ns
        ("first", "<i8"),  # its calendar's segments: from
        ("last", "<i8"),  # and up to, exclusive
    ]
)
"""What the configuration says of a pair."""

TERMS: Final = np.dtype(
    [
        *[(name, RULE[name]) for name in RULE.names or ()],
        ("disorder", "<i8"),  # ns, -1 where the configuration does not name the pair
        ("last_price", "<i8"),  # 1 where it moves the forming bar alone, -1 likewise
        ("words", "<i8"),  # length of each of its windows
        ("kept", "<i8"),  # prints kept for corrections
    ]
)
"""What it says of all pairs that it treats alike: few of them differ."""

_SAVED_PAIR: Final[list[_Field]] = [
    ("disorder", "<i8"),  # ns behind the mark; kept, so that a pair taken out of the configuration closes
    ("last_price", "<i8"),  # 1 where it moves the forming bar alone; kept likewise
    ("ts_largest", "<i8"),  # largest ts_event folded
    ("ts_seconds", "<i8"),  # seconds that end up to here were closed by a final heartbeat
    ("out", "<i8"),
    ("rejected", "<i8"),
    ("late", "<i8"),
    ("duplicate", "<i8"),
    ("held", "<i8"),  # prints that wait, of ``waiting`` the first
    ("hashes", "<i8"),  # identities without a number seen so far
    ("priced", "<i8"),  # prices remembered so far
    ("words", "<i8"),  # of each of its windows, a power of two
    ("tops", "<i8", WINDOWS),  # newest number of each window, NEVER for none
    ("seqs", "<i8", 2),  # last seq of ticks and of quotes, NEVER for none
]

WAITING: Final = np.dtype(
    [
        ("ts_event", "<i8"),
        ("price", "<f8"),
        ("size", "<f8"),
        ("seq", "<i8"),
        ("flags", "<i8"),
        ("folds", "<i8"),
        ("ts_bar", "<i8"),
        ("offset", "<i8"),
        ("near", "<f8"),  # how far from it a price may be that confirms it
        ("confirmed", "<i8"),  # by so many
    ]
)
"""A print whose price is doubted (V13)."""

_KEPT_PAIR: Final[list[_Field]] = [
    ("offset", "<i8"),  # what the restored state of the pair reflects
    ("dirty", "<i8"),
    ("listed", "<i8"),  # 1 where it is in ``State.listed``
    ("ts_from", "<i8"),  # the segment of trading its last print was in
    ("ts_until", "<i8"),
    ("calm_from", "<f8"),  # a price in between is within the share of any median it can have
    ("calm_until", "<f8"),
    ("lowest", "<f8"),  # no price remembered is lower,
    ("highest", "<f8"),  # or higher
    ("bits_at", "<i8"),  # its first word in ``State.bits``
    ("forming_from", "<i8"),  # no forming bar is due before
    ("lows", "<i8", WINDOWS),  # below them no bit of a window counts; NEVER: all do
    ("newest", "<u8", WINDOWS),  # the word in which the newest number of a window has its bit
    *[(name, RULE[name].str) for name in RULE.names or ()],
    # and seldom
    ("pending", "<i8"),  # closed minutes that wait for a revision
    ("session_date", "<i8"),
    ("in_use", "<i8", 2),  # ``is_noted``: minutes, then seconds, that may be open or wait for a revision,
    ("let_go", "<i8", 2),  # and those beside them that may be dirty
    ("waiting", WAITING, MOST_HELD),
    ("prices", "<f8", PRICES),  # a ring; saved as far as used
    ("told", "<i8"),  # ``hashes`` as it was when the forgotten ones were counted last
    ("number", "<i8"),  # its place among the names of the configuration
]
_HOT_PAIR: Final = (
    # to be applied,
    ("offset", "dirty", "out", "ts_from", "ts_until", "ts_largest", "forming_from"),
    ("calm_from", "calm_until", "lowest", "highest", "priced", "held"),
    # and known again
    ("bits_at", "words", "tops", "lows", "newest"),
)
PAIR: Final = _laid_out(_HOT_PAIR, *_SAVED_PAIR, *_KEPT_PAIR)
"""What is kept of a pair beside its minutes and seconds. What the configuration says stands there for those
who seldom ask; prints are judged by the row of ``State.terms``, which many pairs share."""

DUE_MINUTE, DUE_SECOND, OF_SOURCE, IN_TURN = 0, 1, 2, 3
"""Columns of ``State.dues``: whoever closes looks at all pairs, and must not fetch a row of each. The last
one says which pair comes at that place in the order of their numbers."""
ROW, TERM = 0, 1
"""Columns of ``State.places``."""

SAVED_PAIR: Final = np.dtype(_SAVED_PAIR)
"""What of a PAIR row is saved as it is."""
PAIR_WORDS: Final = _words_of(PAIR, _SAVED_PAIR)
"""Where the words of that stand in a PAIR row."""
PAIR_SIZE: Final = SAVED_PAIR.itemsize
"""So many bytes of a PAIR row are saved as they are."""
PAIR_ROW: Final = PAIR.itemsize
FOLD_ROW: Final = FOLD.itemsize
"""Bytes of a whole row."""
WORDS_AT: Final = int(SAVED_PAIR.fields["words"][1])  # type: ignore[index]  # it has fields
"""Where this field begins in a saved pair,"""
PRICES_AT: Final = int(PAIR.fields["prices"][1])  # type: ignore[index]
"""and this one in a PAIR row."""

SEGMENT: Final = np.dtype([("ts_open", "<i8"), ("ts_close", "<i8"), ("session_date", "<i8")])
"""A segment of trading."""

LIVE: Final = np.dtype(
    [
        ("mark", "<i8"),
        ("due", "<i8"),  # mark at which the next minute or second of any of its pairs closes
        ("pending", "<i8"),  # closed minutes of any of its pairs that wait for a revision
        ("born", "<i8"),  # first proof of life
        ("failed", "<i8", MOST_PERIODS),  # its outages from, FOREVER where there is none,
        ("since", "<i8", MOST_PERIODS),  # and up to
    ]
)
"""A source as kernels see it; ``Watermarks`` has the rest."""

PRINT: Final = np.dtype(
    [
        ("pair", "<i8"),
        ("term", "<i8"),  # row of what the configuration says of its pair
        ("ts_event", "<i8"),
        ("ts_recv", "<i8"),
        ("price", "<f8"),
        ("size", "<f8"),  # NaN: null
        ("seq", "<i8"),  # NEVER: null
        ("flags", "<i8"),
        ("window", "<i8"),  # which identity: NO_IDENTITY, a window, or HASHED
        ("number", "<i8"),  # its number or hash
        ("folds", "<i8"),  # what it counts for: NOTHING, PRICED or VOLUME_ONLY
        ("auction", "<i8"),  # 1 where its conditions say so
        ("ts_bar", "<i8"),  # an instant of the minute it counts into: ts_event, or the last before a close
    ]
)
"""A tick or a quote of a batch, seen alike."""

NO_IDENTITY: Final = -1
TRADE_NUMBERS: Final = 0
TICK_NUMBERS: Final = 1
QUOTE_NUMBERS: Final = 2
HASHED: Final = 3

NOTHING, PRICED, VOLUME_ONLY = 0, 1, 2
"""What a print counts for in a bar."""

ADMITTED: Final = 0
V01, V02, V03, V05, V08, V09, V10, V11, V13, V16 = 1, 2, 3, 5, 8, 9, 10, 11, 13, 16
HELD: Final = 113
"""Verdict on a print that waits to be confirmed (V13)."""
BELOW_WINDOW: Final = 116
"""Verdict on a number older than the window: late, because nobody knows whether it is a duplicate."""
SKIPPED: Final = -1
"""Verdict on a record that the pair's state reflects already (R3)."""
CONTROL: Final = -2
"""Verdict on what is no print: the kernel hands it over to Python."""

MINUTE_BAR, SECOND_BAR, FORMING_BAR, STATUS, CONFIRMED, REFUSED = 0, 1, 2, 3, 4, 5
"""What an emitted row becomes; the last two say what became of the print held at its ``offset``."""
KINDS: Final = 6
"""How many of them there are."""

FLAGGED: Final = ((1, "V11"), (2, "V12"), (3, "V15"))
"""Places in ``State.used`` that count flags, and their codes."""
FORGOTTEN: Final = 1 + len(FLAGGED)
"""Place in ``State.used`` that counts identities forgotten, at checkpoints."""
UNPAIRED: Final = 1 + FORGOTTEN
"""Place in ``State.used`` that counts records refused without a pair."""
LISTED: Final = 1 + UNPAIRED
"""Place in ``State.used`` that counts the pairs listed."""
MET: Final = 1 + LISTED
"""Place in ``State.used`` that counts the pairs that have rows,"""
TURNS: Final = 1 + MET
"""those of them whose turn is known,"""
WORDS: Final = 1 + TURNS
"""and the words of their windows."""
