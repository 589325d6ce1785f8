"""The state of pairs as saved bytes; ``restoring`` takes them up again, ``partition`` adds what spans them.

Keys, for the symbol SPY from the source feed::

    SPY|feed|m07    a minute, slot 7 of the ring         one FOLD row
    SPY|feed|s03    a second                              one FOLD row
    SPY|feed|p|0007 prints kept for corrections           512 ENTRY rows
    SPY|feed        counts, identities, last prices,      PAIR row, used windows, hashes, prices,
                    prints that are held,                 WAITING rows and their records,
                    which blocks of prints are kept       their keys, corrections that wait
    !config|0, |1   text of the configuration, in turn
    !partition      marks, counts without a pair, which of the two holds

What decides about a record (marks, identities) is saved after what it changes: minutes and seconds, then the
pair, then the partition. So a restart that finds a part of a checkpoint finds no decider that is ahead, reads
on from there, decides as before, and leaves alone what reflects the record already.
"""

from itertools import pairwise
from operator import add

import numpy as np

from schemas.batches.wire import Bytes
from streams.core import slots
from streams.core.ticks.book import Book
from streams.core.ticks.corrections.corrections import Corrections
from streams.core.ticks.corrections.kept import most_bytes as most_kept_bytes
from streams.core.ticks.corrections.waiting import MOST_BYTES as MOST_WAITING_BYTES
from streams.core.ticks.held import MOST_BYTES as MOST_HELD_BYTES
from streams.core.ticks.held import Held
from streams.core.ticks.packing import as_bytes, pack_folds, pack_pairs, take_folds, take_pairs
from streams.core.ticks.rows import (
    FOLD_SIZE,
    FORGOTTEN,
    HASHES,
    LISTED,
    MOST_HELD,
    PAIR_SIZE,
    PRICES,
    WINDOWS,
    Ints,
)
from streams.core.ticks.state import State
from streams.core.ticks.version import VERSION


def most_bytes(minutes: int, seconds: int, words: int, prints: int = 0) -> int:
    """Most bytes of the saved states of a symbol from one source, whatever it sends.

    Args:
        minutes: length of the ring of minutes.
        seconds: length of the ring of seconds.
        words: length of a window of identities in words of 64 numbers.
        prints: kept for corrections.
    """
    kept = most_kept_bytes(prints) + MOST_WAITING_BYTES if prints else 0
    ring = (minutes + seconds) * (slots.HEADER_SIZE + FOLD_SIZE)
    remembered = 8 * (WINDOWS * words + HASHES + PRICES)
    return ring + slots.HEADER_SIZE + PAIR_SIZE + remembered + MOST_HELD * MOST_HELD_BYTES + kept


def dirty_states(
    state: State, book: Book, offset: int, held: Held, corrections: Corrections
) -> dict[bytes, bytes]:
    """Saved states of what changed since the last call by their keys, minutes and seconds first."""
    listed = np.sort(state.listed[: state.used[LISTED]])
    states = _dirty_folds(state, book, listed, offset)
    states.update(_dirty_pairs(state, book, listed, offset, held, corrections))
    return states


def _dirty_folds(state: State, book: Book, listed: Ints, offset: int) -> dict[bytes, bytes]:
    """Minutes and seconds, last first: in a ring that has grown, a row that moved up precedes its old key.

    Keys and states are put together without a turn of Python's loop: there are hundreds of them each time.
    """
    width = state.minutes + state.seconds
    found = np.empty(len(listed) * width, np.int64)
    found = found[: take_folds(state, listed, found)]
    out = np.empty(len(found), f"V{slots.HEADER_SIZE + FOLD_SIZE}")
    pack_folds(state, as_bytes(state.folds), found, _head(offset), as_bytes(out))
    rings = [b"|m%02d" % slot for slot in range(state.minutes)]
    rings += [b"|s%02d" % slot for slot in range(state.seconds)]
    owners = map(book.names.keys.__getitem__, state.pairs["number"][found // width].tolist())
    return dict(
        zip(map(add, owners, map(rings.__getitem__, (found % width).tolist())), out.tolist(), strict=True)
    )


def _head(offset: int) -> Bytes:
    """The header of a state that reflects an offset."""
    return np.frombuffer(slots.pack(VERSION, offset, b""), np.uint8)


def _dirty_pairs(
    state: State, book: Book, listed: Ints, offset: int, held: Held, corrections: Corrections
) -> dict[bytes, bytes]:
    found, ends = np.empty(len(listed), np.int64), np.zeros(len(listed) + 1, np.int64)
    count = take_pairs(state, listed, found, ends)
    found, ends = found[:count], ends[: count + 1]
    state.used[FORGOTTEN] += _forgotten(state, found)
    out = np.empty(int(ends[-1]), np.uint8)
    pack_pairs(
        state, as_bytes(state.pairs), as_bytes(state.bits), as_bytes(state.recent), found, _head(offset), out
    )
    whole, numbers = out.tobytes(), state.pairs["number"][found].tolist()
    bodies = [whole[start:end] for start, end in pairwise(ends.tolist())]
    states = dict(zip(map(book.names.keys.__getitem__, numbers), bodies, strict=True))
    if corrections.pairs or state.pairs["held"][found].any():
        return _with_rest(state, book, states, found, held, corrections)
    return states


def _with_rest(
    state: State,
    book: Book,
    states: dict[bytes, bytes],
    pairs: Ints,
    held: Held,
    corrections: Corrections,
) -> dict[bytes, bytes]:
    """States of pairs with the prints that are held, and what is kept for corrections, that first."""
    found = dict[bytes, bytes]()
    for pair, (key, body) in zip(pairs.tolist(), states.items(), strict=True):
        row = state.pairs[pair]
        waiting, name = held.pack(row) if row["held"] else b"", book.pairs[row["number"]]
        for place, block in corrections.dirty(name):
            found[place] = slots.pack(VERSION, slots.offset_of(body), block)
        found[key] = body + waiting + corrections.pack(name)
    return found


def _forgotten(state: State, pairs: Ints) -> int:
    """How many identities without a number these pairs have forgotten since they were asked last."""
    seen, told = state.pairs["hashes"][pairs], state.pairs["told"][pairs]
    state.pairs["told"][pairs] = seen
    return int(np.sum(np.maximum(seen, HASHES) - np.maximum(told, HASHES)))
