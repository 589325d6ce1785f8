"""Saved states back into rows, all of a kind at once: one by one, those of 100,000 symbols took 8 s."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from schemas.batches.wire import Bytes, U, read_word, write_bytes
from schemas.errors import StateError
from schemas.jit import kernel
from schemas.market.intervals import MINUTE, SECOND
from streams.core import slots
from streams.core.slots import HEADER_SIZE
from streams.core.stage import PARTITION_KEY
from streams.core.ticks.book import Book, PairNames, names_of, numbers_of
from streams.core.ticks.corrections.corrections import Corrections
from streams.core.ticks.held import Held
from streams.core.ticks.identity import take_newest
from streams.core.ticks.moving import apply_terms, placed, reckon_sources, shape_for
from streams.core.ticks.packing import as_bytes
from streams.core.ticks.rows import (
    FOLD_ROW,
    FOLD_SIZE,
    FOLD_WORDS,
    HASHES,
    PAIR_ROW,
    PAIR_SIZE,
    PAIR_WORDS,
    PRICES,
    PRICES_AT,
    WINDOWS,
    WORDS_AT,
    Int,
    Ints,
)
from streams.core.ticks.rule_rows import power
from streams.core.ticks.state import State, fold_of, fold_place, new_state, note, set_up
from streams.core.ticks.version import VERSION
from streams.core.watermark import NEVER

_NONE: Final = np.zeros(0, np.int64)
_RING: Final = {109: 0, 115: 1}  # of a key's last part, by its first byte: m, s
_TORN: Final = -1


@dataclass(slots=True)
class Found:
    """Saved states by what they are.

    Attributes:
        pairs: states of pairs by their key.
        owners: of each minute or second the key of its pair,
        places: the last part of its own key,
        folds: and its state.
        blocks: prints that are kept, by key of their pair and the number in their own.
        offset: what the state of the partition reflects, -1 where there is none.
    """

    pairs: dict[bytes, bytes] = field(default_factory=dict)
    owners: list[bytes] = field(default_factory=list)
    places: list[bytes] = field(default_factory=list)
    folds: list[bytes] = field(default_factory=list)
    blocks: dict[bytes, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    offset: int = -1

    def names(self) -> PairNames:
        """The pairs that have state, ascending."""
        known = (key.split(b"|") for key in {*self.pairs, *self.owners})
        return names_of(sorted((symbol, source) for symbol, source in known))


def sorted_out(states: Mapping[bytes, bytes]) -> Found:
    """States by what they are; those of the partition are left out."""
    found = Found()
    for key, state in states.items():
        if key[:1] == b"!":
            found.offset = slots.offset_of(state) if key == PARTITION_KEY else found.offset
            continue
        parts = key.count(b"|")
        if parts == 1:
            found.pairs[key] = state
        elif parts == 2:
            owner, _, place = key.rpartition(b"|")
            found.owners.append(owner)
            found.places.append(place)
            found.folds.append(state)
        else:
            owner, _, number = key.rpartition(b"|p|")
            found.blocks[owner][int(number)] = slots.unpack(VERSION, state)[1]
    return found


def restored(
    book: Book, found: Found, known: PairNames, partition: int, held: Held, corrections: Corrections
) -> State:
    """The state of known pairs from saved states, under a book that has them.

    Raises:
        StateError: one is of another version or torn.
    """
    slots_of = {place: (_RING[place[0]], int(place[1:])) for place in set(found.places)}
    longest = [max((at for ring, at in slots_of.values() if ring == one), default=0) + 1 for one in (0, 1)]
    rows, numbers = {key: row for row, key in enumerate(known.keys)}, numbers_of(known, book)
    pairs = np.array([rows[key] for key in found.pairs], np.int64)
    offsets, bodies, data = slots.unpack_all(VERSION, list(found.pairs.values()))
    words, kept = book.terms["words"][book.term_of[numbers]], _words(data, bodies)
    # What is newer than the partition's state was saved under a configuration that comes again.
    words[pairs] = np.where(offsets > found.offset, kept, np.maximum(words[pairs], kept))
    shape = shape_for(book, numbers, words, partition)._replace(
        minutes=max(book.minutes, power(longest[0])), seconds=max(book.seconds, power(longest[1]))
    )
    state = placed(new_state(shape, book.segments), book, _NONE)
    _set_up(state, numbers, words)
    ends = np.empty(len(pairs), np.int64)
    _take_pairs(
        state, as_bytes(state.pairs), as_bytes(state.bits), as_bytes(state.recent), pairs, offsets, data,
        bodies, ends,
    )  # fmt: skip
    _take_rest(state, known, found, (pairs, bodies, ends), data, held, corrections)
    _restore_folds(state, found, rows, slots_of)
    apply_terms(state, np.arange(len(numbers)))
    reckon_sources(state)
    return state


@kernel
def _set_up(state: State, numbers: Ints, words: Ints) -> None:
    for pair in range(len(numbers)):
        set_up(state, numbers[pair], words[pair])


def _words(data: Bytes, bodies: Ints) -> Ints:
    """Length of each window in saved pairs."""
    if (np.diff(bodies) < PAIR_SIZE + HEADER_SIZE).any():
        raise StateError(f"state of a pair must have {PAIR_SIZE} bytes, was less")
    at = bodies[:-1, None] + HEADER_SIZE + WORDS_AT + np.arange(8)
    found: Ints = data[at].view("<i8").ravel()
    return found


@kernel
def _take_pairs(
    state: State,
    rows: Bytes,
    bits: Bytes,
    recent: Bytes,
    pairs: Ints,
    offsets: Ints,
    data: Bytes,
    bodies: Ints,
    ends: Ints,
) -> None:
    """Take up the saved rows of pairs; where what is read of each ends, ``_TORN`` where it is too short.

    Args:
        state: new.
        rows: uint8, its pairs as bytes.
        bits: uint8, its windows as bytes.
        recent: uint8, its hashes as bytes.
        pairs: int64[k], which they are.
        offsets: int64[k], what they reflect.
        data: their states, one after the other.
        bodies: int64[k + 1], where each begins and ends.
        ends: int64[k], filled in.
    """
    for number in range(len(pairs)):
        pair, at = pairs[number], bodies[number] + HEADER_SIZE
        owner = state.pairs[pair]
        words = owner["words"]
        at, start = at + PAIR_SIZE, pair * PAIR_ROW
        for number_of_word, word in enumerate(PAIR_WORDS):
            write_bytes(rows, start + word, data, at - PAIR_SIZE + 8 * number_of_word, 8)
        saved = owner["words"]
        owner["words"], owner["offset"], owner["told"] = words, offsets[number], owner["hashes"]
        hashes, prices = 8 * min(owner["hashes"], HASHES), 8 * min(owner["priced"], PRICES)
        size = hashes + prices
        for window in range(WINDOWS):
            size += 8 * saved * (owner["tops"][window] != NEVER)
        ends[number] = at + size if at + size <= bodies[number + 1] else _TORN
        if ends[number] == _TORN:
            continue
        for window in range(WINDOWS):
            if owner["tops"][window] != NEVER:
                place = owner["bits_at"] + window * words
                if saved == words:
                    write_bytes(bits, 8 * place, data, at, 8 * words)
                else:
                    _stretch(state, place, words, owner["tops"][window], data, at, saved)
                take_newest(state.bits, owner, window)
                at += 8 * saved
        write_bytes(recent, 8 * HASHES * pair, data, at, hashes)
        write_bytes(rows, start + PRICES_AT, data, at + hashes, prices)


@kernel
def _stretch(state: State, place: Int, words: Int, top: Int, data: Bytes, at: Int, saved: Int) -> None:
    """Take up a window that was saved in fewer words than it has now."""
    for number in range(top - 64 * saved + 1, top + 1):
        bit = U(number & 63)
        word = U(read_word(data, at + 8 * ((number >> 6) & (saved - 1))))
        if (word >> bit) & U(1):
            state.bits[place + ((number >> 6) & (words - 1))] |= U(1) << bit


def _take_rest(
    state: State,
    known: PairNames,
    found: Found,
    read: tuple[Ints, Ints, Ints],
    data: Bytes,
    held: Held,
    corrections: Corrections,
) -> None:
    """Take up what stands behind the rows of pairs: prints held, and what is kept for corrections."""
    pairs, bodies, ends = read
    if (ends == _TORN).any():
        raise StateError(f"state of a pair must be whole, was torn ({int((ends == _TORN).sum())} of them)")
    for number in np.flatnonzero((ends < bodies[1:]) | (state.pairs["held"][pairs] > 0)).tolist():
        pair = int(pairs[number])
        rest = held.restore(state.pairs[pair], data[ends[number] : bodies[number + 1]].tobytes())
        corrections.restore(known.pairs[pair], rest, found.blocks.get(known.keys[pair], {}))


def _restore_folds(
    state: State, found: Found, numbers: Mapping[bytes, int], known: Mapping[bytes, tuple[int, int]]
) -> None:
    """Take up minutes and seconds."""
    offsets, bodies, data = slots.unpack_all(VERSION, found.folds)
    if len(offsets) and (np.diff(bodies) != HEADER_SIZE + FOLD_SIZE).any():
        raise StateError(f"saved row must have {FOLD_SIZE} bytes, was of another size")
    pairs = np.array([numbers[key] for key in found.owners], np.int64)
    places = np.array([known[place] for place in found.places], np.int64).reshape(-1, 2)
    _take_folds(state, as_bytes(state.folds), pairs, places, offsets, data)


@kernel
def _take_folds(state: State, folds: Bytes, pairs: Ints, places: Ints, offsets: Ints, data: Bytes) -> None:
    """Take up minutes and seconds, of a slot the one that reflects most.

    Args:
        state: new.
        folds: uint8, its minutes and seconds as bytes.
        pairs: int64[k], of which pairs.
        places: int64[k, 2], 0 for a minute and 1 for a second, and the slot it had.
        offsets: int64[k], what they reflect.
        data: their states, one after the other.
    """
    size = HEADER_SIZE + FOLD_SIZE
    for number in range(len(pairs)):
        at = number * size + HEADER_SIZE
        ts_open, place, is_second = read_word(data, at), places[number, 1], places[number, 0] == 1
        if ts_open != NEVER:  # the ring may have grown since
            place = ts_open // (SECOND if is_second else MINUTE)
        slot = state.minutes + (place & (state.seconds - 1)) if is_second else place & (state.minutes - 1)
        row = fold_of(state, pairs[number], slot)
        if offsets[number] > row["offset"]:
            start = fold_place(state, pairs[number], slot) * FOLD_ROW
            for place_of_word, word in enumerate(FOLD_WORDS):
                write_bytes(folds, start + word, data, at + 8 * place_of_word, 8)
            row["offset"] = offsets[number]
            note(state, state.pairs[pairs[number]], slot)
