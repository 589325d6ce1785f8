"""The stage's state under another configuration: new pairs, longer rings and windows, other rules."""

import numpy as np
from numpy.typing import NDArray

from schemas.market.intervals import MINUTE, SECOND
from streams.core.ticks.outliers import recall
from streams.core.ticks.packing import clear_all_forgotten, enlist_dirty
from streams.core.ticks.rows import (
    DUE_MINUTE,
    DUE_SECOND,
    LISTED,
    MOST_HELD,
    OF_SOURCE,
    RULE,
    WINDOWS,
    Ints,
    Rows,
    Shape,
    State,
    new_state,
)
from streams.core.ticks.rules import Book, Pair
from streams.core.watermark import FOREVER, NEVER

Words = NDArray[np.uint64]


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


def recount(state: State) -> None:
    """Work out what is due and what is pending from the rows."""
    folds, pairs = state.folds, state.pairs
    lengths = np.where(np.arange(folds.shape[1]) < state.minutes, MINUTE, SECOND)
    due = folds["ts_open"] + lengths + pairs["disorder"][:, None]
    due[(folds["ts_open"] == NEVER) | (folds["closed"] == 1)] = FOREVER
    dues = state.dues
    dues[:, DUE_MINUTE] = due[:, : state.minutes].min(axis=1, initial=FOREVER)
    dues[:, DUE_SECOND] = due[:, state.minutes :].min(axis=1, initial=FOREVER)
    dues[:, OF_SOURCE] = pairs["source"]
    waits = np.arange(MOST_HELD) < pairs["held"][:, None]
    ends = pairs["waiting"]["ts_bar"] // MINUTE * MINUTE + MINUTE + pairs["disorder"][:, None]
    held = np.where(waits, ends, FOREVER).min(axis=1, initial=FOREVER)
    dues[:, DUE_MINUTE] = np.minimum(dues[:, DUE_MINUTE], held)
    pairs["pending"] = folds["changed"].sum(axis=1)
    state.sources["pending"], state.sources["due"] = 0, FOREVER
    np.add.at(state.sources["pending"], pairs["source"], pairs["pending"])
    first = dues[:, :OF_SOURCE].min(axis=1, initial=FOREVER)
    np.minimum.at(state.sources["due"], pairs["source"], first)


def take_rules(state: State, book: Book) -> None:
    """Put what the configuration says into the rows."""
    for name in RULE.names or ():
        state.pairs[name] = book.rules[name]
    state.pairs["ts_until"] = NEVER
    recall(state.pairs)


def moved(old: State, pairs: tuple[Pair, ...], book: Book) -> State:
    """The state under another configuration: pairs that are new have seen nothing, rings only grow.

    Args:
        old: the state so far.
        pairs: its pairs; all of them are among those of the book.
        book: the new configuration.
    """
    numbers = {pair: number for number, pair in enumerate(book.pairs)}
    where = np.array([numbers[pair] for pair in pairs], np.int64)
    words = book.words.copy()
    words[where] = np.maximum(words[where], old.pairs["words"])
    shape = Shape(len(book.pairs), max(old.minutes, book.minutes), max(old.seconds, book.seconds), words)
    new = new_state(shape, book.segments)
    new.used[1:LISTED] = old.used[1:LISTED]
    starts = new.pairs["bits_at"].copy()
    new.pairs[where] = old.pairs
    new.pairs["bits_at"], new.pairs["words"] = starts, words
    clear_all_forgotten(old)
    new.pairs["lows"] = NEVER
    hashed = np.flatnonzero(old.pairs["hashes"])
    new.recent[where[hashed]] = old.recent[hashed]
    _move_windows(old, new, where)
    _move_ring(old.folds[:, : old.minutes], new.folds[:, : new.minutes], where, MINUTE)
    _move_ring(old.folds[:, old.minutes :], new.folds[:, new.minutes :], where, SECOND)
    for name, said in (("disorder", book.disorders), ("last_price", book.last_prices)):
        changed = (book.disorders >= 0) & (said != new.pairs[name])
        new.pairs[name][changed] = said[changed]
        new.pairs["dirty"][where] |= changed[where]
    take_rules(new, book)
    recount(new)
    enlist_dirty(new)
    return new


def _move_windows(old: State, new: State, where: Ints) -> None:
    for before, after in enumerate(where.tolist()):
        for window, top in enumerate(old.pairs[before]["tops"].tolist()):
            if top != NEVER:
                words = int(new.pairs[after]["words"])
                windows_of(new, after)[window] = stretched(windows_of(old, before)[window], words, top)
        new.pairs["dirty"][after] |= new.pairs["words"][after] != old.pairs["words"][before]


def _move_ring(old: Rows, new: Rows, where: Ints, length: int) -> None:
    """Move minutes or seconds; in a longer ring every row is dirty, so that no key is stale."""
    size, longer = old.shape[1], new.shape[1]
    for slot in range(longer):
        before = old[:, slot % size]
        mine = (before["ts_open"] == NEVER) | (before["ts_open"] // length % longer == slot)
        new[where[mine], slot] = before[mine]
        new["offset"][where, slot] = before["offset"]
        new["dirty"][where, slot] = before["dirty"] | (longer != size)
