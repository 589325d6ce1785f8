"""The stage's state under another configuration: new pairs, longer rings and windows, other rules.

A pair keeps its rows where they are, and of one of which the configuration says what it said before nothing
is looked at. Only longer rings or windows, and pairs for which there is no room, move everything.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.jit import inlined, kernel
from schemas.market.intervals import MINUTE, SECOND
from streams.core.plain import plain
from streams.core.ticks.book import Book
from streams.core.ticks.identity import take_newest
from streams.core.ticks.outliers import recall
from streams.core.ticks.packing import clear_all_forgotten, enlist, enlist_dirty
from streams.core.ticks.rows import (
    DUE_MINUTE,
    DUE_SECOND,
    LISTED,
    MET,
    OF_SOURCE,
    ROW,
    TERM,
    TURNS,
    WINDOWS,
    WORDS,
    Int,
    Ints,
    Rows,
)
from streams.core.ticks.state import (
    BLOCK,
    SPARE,
    Shape,
    State,
    fold_of,
    is_noted,
    new_state,
    ring_of,
    take_terms,
)
from streams.core.watermark import FOREVER, NEVER

Words = NDArray[np.uint64]
_ALL: Final = -1  # of a word all bits


def windows_of(state: State, pair: int) -> Words:
    """The windows of a pair, uint64[WINDOWS, words]; a view."""
    row = state.pairs[pair]
    start, words = int(row["bits_at"]), int(row["words"])
    return state.bits[start : start + WINDOWS * words].reshape(WINDOWS, words)


def stretched(before: Words, words: int, top: int) -> Words:
    """A window in as many or more words, given its newest number."""
    if words == len(before):
        return before
    numbers = np.arange(top - 64 * len(before) + 1, top + 1)
    after = np.zeros(64 * words, np.uint8)
    after[numbers % (64 * words)] = np.unpackbits(before.view(np.uint8), bitorder="little")[
        numbers % (64 * len(before))
    ]
    return np.packbits(after, bitorder="little").view(np.uint64)


@inlined
def _reckon(state: State, pair: Int) -> None:
    """Work out what of a pair is due and what is pending from its rows."""
    owner, pending = state.pairs[pair], np.int64(0)
    minute, second = np.int64(FOREVER), np.int64(FOREVER)
    for slot in range(state.minutes + state.seconds):
        if not is_noted(owner["in_use"][ring_of(state, slot)], slot):
            continue
        row = fold_of(state, pair, slot)
        pending += row["changed"]
        if row["ts_open"] == NEVER or row["closed"] == 1:
            continue
        if slot < state.minutes:
            minute = min(minute, row["ts_open"] + MINUTE + owner["disorder"])
        else:
            second = min(second, row["ts_open"] + SECOND + owner["disorder"])
    for place in range(owner["held"]):
        ts = owner["waiting"][place]["ts_bar"]
        minute = min(minute, ts - ts % MINUTE + MINUTE + owner["disorder"])
    owner["pending"] = pending
    state.dues[pair, DUE_MINUTE], state.dues[pair, DUE_SECOND] = minute, second
    state.dues[pair, OF_SOURCE] = owner["source"]


@kernel
def apply_terms(state: State, pairs: Ints) -> None:
    """Put what the configuration says of some pairs into their rows, with what follows from it."""
    for pair in pairs:
        owner = state.pairs[pair]
        take_terms(owner, state.terms[state.places[owner["number"], TERM]])
        recall(owner)
        _reckon(state, pair)


@kernel
def _take_said(state: State, pairs: Ints) -> None:
    """Take over what it says and is saved; of a pair that is not named the last holds, so that it closes."""
    for pair in pairs:
        owner = state.pairs[pair]
        term = state.terms[state.places[owner["number"], TERM]]
        said, last_price = term["disorder"], term["last_price"]
        if said >= 0 and (owner["disorder"] != said or owner["last_price"] != last_price):
            owner["disorder"], owner["last_price"], owner["dirty"] = said, last_price, 1
            enlist(state, owner, pair)


def reckon_sources(state: State) -> None:
    """Work out what of each source is due and pending from its pairs."""
    count, sources = int(state.used[MET]), state.sources
    owners, dues = state.pairs["source"][:count], state.dues[:count]
    sources["pending"], sources["due"] = 0, FOREVER
    np.add.at(sources["pending"], owners, state.pairs["pending"][:count])
    np.minimum.at(sources["due"], owners, dues[:, :OF_SOURCE].min(axis=1, initial=FOREVER))


def placed(state: State, book: Book, numbers: Ints) -> State:
    """A state whose pairs stand under the numbers of a book; what it says of them is not applied yet."""
    places = np.empty((len(book.pairs), 2), np.int32)
    places[:, ROW], places[:, TERM] = -1, book.term_of
    places[numbers, ROW] = np.arange(len(numbers))
    state.pairs["number"][: len(numbers)] = numbers
    state.used[TURNS] = -1
    widest = int(book.terms["words"].max(initial=0))
    return state._replace(places=places, terms=book.terms, segments=book.segments, widest=widest)


def shape_for(book: Book, numbers: Ints, words: Ints, partition: int) -> Shape:
    """Room for pairs that have rows, given the length of their windows, and for all that may be expected."""
    mine = book.lives(partition)
    mine[numbers] = False
    wanted = book.terms["words"][book.term_of[mine]]
    widest = int(max(book.terms["words"].max(initial=0), words.max(initial=0)))
    room = WINDOWS * (int(words.sum()) + int(wanted.sum()) + SPARE * widest)
    return Shape(len(numbers) + len(wanted) + SPARE, book.minutes, book.seconds, room, widest)


def moved(old: State, numbers: Ints, book: Book, partition: int, offset: int) -> State:
    """The state under another configuration: rings only grow, and windows in which there is something.

    Args:
        old: the state so far, of no use afterwards.
        numbers: int64[n], those that its pairs have in the book.
        book: the new configuration.
        partition: number of the partition.
        offset: of the configuration; a pair that was restored as it was later has its windows already.
    """
    count, pairs = len(numbers), np.arange(len(numbers))
    is_used = (old.pairs["tops"][:count] != NEVER).any(axis=1)
    words, own = book.terms["words"][book.term_of[numbers]], old.pairs["words"][:count]
    words = np.where(is_used, np.maximum(words, own), words)
    words = np.where(old.pairs["offset"][:count] > offset, own, words)
    shape, terms = shape_for(book, numbers, words, partition), _terms_of(old)
    is_longer = book.minutes > old.minutes or book.seconds > old.seconds
    new = old
    is_larger = count == 0 or shape.pairs > 2 * len(old.pairs)
    if is_longer or is_larger or (words != own).any():
        longer = shape._replace(
            minutes=max(old.minutes, book.minutes), seconds=max(old.seconds, book.seconds)
        )
        new = _copied(old, longer, words)
    new = placed(new, book, numbers)
    new.pairs["ts_until"][:count] = NEVER  # its segments may be others
    changed = pairs[plain(terms) != plain(_terms_of(new))]
    _take_said(new, changed)
    apply_terms(new, changed)
    reckon_sources(new)
    return new


def grown(old: State, book: Book) -> State:
    """The state with room for pairs that were not expected here."""
    numbers = old.pairs["number"][: old.used[MET]].copy()
    words, most = old.pairs["words"][: len(numbers)], int(book.terms["words"].max(initial=0))
    pairs = min(2 * len(old.pairs), len(book.pairs) + SPARE)
    room = WINDOWS * (int(words.sum()) + (pairs - len(numbers) + SPARE) * most)
    return placed(_copied(old, Shape(pairs, old.minutes, old.seconds, room), words), book, numbers)


def _terms_of(state: State) -> Rows:
    numbers = state.pairs["number"][: state.used[MET]]
    found: Rows = state.terms[state.places[numbers, TERM]]
    return found


def _copied(old: State, shape: Shape, words: Ints) -> State:
    """The same in other room, given the length of the windows of each pair."""
    count, new = len(words), new_state(shape, old.segments)
    new.used[1:], new.used[LISTED] = old.used[1:], 0
    ends = np.cumsum(WINDOWS * words)
    new.used[WORDS] = ends[-1] if count else 0
    new.sources[:], new.dues[:count] = old.sources, old.dues[:count]
    clear_all_forgotten(old)
    plain(new.pairs)[:count] = plain(old.pairs)[:count]
    new.pairs["bits_at"][:count], new.pairs["words"][:count] = ends - WINDOWS * words, words
    hashed = np.flatnonzero(old.pairs["hashes"][:count])
    new.recent[hashed] = old.recent[hashed]
    _move_windows(old, new, count)
    blocks, side = -(-count // BLOCK), min(count, BLOCK)
    before, after = old.folds[:blocks, :, :side], new.folds[:blocks, :, :side]
    _move_ring(before[:, : old.minutes], after[:, : new.minutes], MINUTE, new.blank_fold)
    _move_ring(before[:, old.minutes :], after[:, new.minutes :], SECOND, new.blank_fold)
    if shape.minutes > old.minutes or shape.seconds > old.seconds:
        new.pairs["in_use"][:count] = _ALL
    enlist_dirty(new)
    return new


def _move_windows(old: State, new: State, count: int) -> None:
    if (new.pairs["words"][:count] == old.pairs["words"][:count]).all():  # so they stand where they stood
        new.bits[: new.used[WORDS]] = old.bits[: new.used[WORDS]]
        return
    new.bits[: new.used[WORDS]] = 0
    for pair in np.flatnonzero((old.pairs["tops"][:count] != NEVER).any(axis=1)).tolist():
        words = int(new.pairs[pair]["words"])
        for window, top in enumerate(old.pairs[pair]["tops"].tolist()):
            if top != NEVER:
                windows_of(new, pair)[window] = stretched(windows_of(old, pair)[window], words, top)
                take_newest(new.bits, new.pairs[pair], window)
    new.pairs["dirty"][:count] |= new.pairs["words"][:count] != old.pairs["words"][:count]


def _move_ring(old: Rows, new: Rows, length: int, blank: Rows) -> None:
    """Move minutes or seconds; in a longer ring every row is dirty, so that no key is stale.

    Args:
        old: FOLD[blocks, size, n], the ring so far,
        new: FOLD[blocks, size, n], and the one in its place.
        length: of a minute or second, ns.
        blank: FOLD[1], a free one.
    """
    size, longer = old.shape[1], new.shape[1]
    if size == longer:
        plain(new)[:] = plain(old)
        return
    for slot in range(longer):
        before = old[:, slot % size]
        mine = (before["ts_open"] == NEVER) | (before["ts_open"] // length % longer == slot)
        after = new[:, slot]
        after[:] = blank
        after[mine] = before[mine]
        after["offset"], after["dirty"] = before["offset"], 1
