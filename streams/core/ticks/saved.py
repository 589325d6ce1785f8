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

from collections.abc import Mapping
from typing import Final

import numpy as np

from schemas.batches.wire import Bytes, packed, sealed
from schemas.columns import Names
from schemas.errors import StateError
from streams.core import slots
from streams.core.states import States
from streams.core.ticks.book import Book
from streams.core.ticks.corrections.corrections import Corrections
from streams.core.ticks.corrections.kept import most_bytes as most_kept_bytes
from streams.core.ticks.corrections.waiting import MOST_BYTES as MOST_WAITING_BYTES
from streams.core.ticks.held import MOST_BYTES as MOST_HELD_BYTES
from streams.core.ticks.held import Held
from streams.core.ticks.packing import Labels, Room, as_bytes, pack_folds, pack_pairs, take_folds, take_pairs
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

_MOST: Final = (1 << 31) - 1
"""Bytes that spans reach."""


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
    state: State, book: Book, offset: int, held: Held, corrections: Corrections, own: Mapping[bytes, bytes]
) -> States:
    """Saved states of what changed since the last call: minutes and seconds, pairs, what spans them.

    Minutes and seconds come last first: in a ring that has grown, a row that moved up precedes its old key.
    """
    listed = np.sort(state.listed[: state.used[LISTED]])
    labels, head = _labels(state, book), np.frombuffer(slots.pack(VERSION, offset, b""), np.uint8)
    folds = np.empty(len(listed) * len(labels.places), np.int64)
    many, fold_bytes = take_folds(state, listed, labels, folds)
    pairs = np.empty(len(listed), np.int64)
    most, pair_bytes = take_pairs(state, listed, labels, pairs)
    folds, pairs = folds[:many], pairs[:most]
    state.used[FORGOTTEN] += _forgotten(state, pairs)
    blocks, rest, borders = _rest(state, book, offset, pairs, held, corrections)
    others = States.of({**blocks, **own}).records
    start, count = len(others.data), many + len(others) + most
    size = start + int(fold_bytes) + int(pair_bytes) + len(rest)
    if size > _MOST:
        raise StateError(f"states of a checkpoint must have {_MOST} bytes at most, were of {size!r}")
    data = np.empty(size, np.uint8)
    room = Room(data, np.empty(count, np.int64), np.empty(count, np.int64))
    data[:start] = others.data
    for spans, all_spans in ((others.keys, room.keys), (others.values, room.states)):
        all_spans[many : many + len(blocks)] = packed(spans)[: len(blocks)]
        all_spans[many + len(blocks) + most :] = packed(spans)[len(blocks) :]
    at = pack_folds(state, as_bytes(state.folds), folds, labels, head, room, 0, start)
    pack_pairs(
        state, as_bytes(state.pairs), as_bytes(state.bits), as_bytes(state.recent), pairs, labels, head, rest,
        borders, room, many + len(blocks), at,
    )  # fmt: skip
    return States.packed(sealed(data), room.keys, room.states)


def _labels(state: State, book: Book) -> Labels:
    rings = [b"|m%02d" % slot for slot in range(state.minutes)]
    rings += [b"|s%02d" % slot for slot in range(state.seconds)]
    names = Names(rings)
    return Labels(book.names.texts, book.names.spans, sealed(names.data), packed(names.spans))


def _rest(
    state: State, book: Book, offset: int, pairs: Ints, held: Held, corrections: Corrections
) -> tuple[dict[bytes, bytes], Bytes, Ints]:
    """What kernels know nothing of: prints that are held, and what is kept for corrections.

    Returns:
        States of blocks of prints by their keys; what stands behind the rows of the pairs, one after the
        other, and int64[n + 1], the borders.
    """
    blocks, parts, sizes = dict[bytes, bytes](), list[bytes](), np.zeros(len(pairs) + 1, np.int64)
    has_rest = state.pairs["held"][pairs] > 0
    if corrections.pairs:
        has_rest[:] = True
    for place in np.flatnonzero(has_rest).tolist():
        row = state.pairs[pairs[place]]
        waiting, name = held.pack(row) if row["held"] else b"", book.pairs[row["number"]]
        for key, block in corrections.dirty(name):
            blocks[key] = slots.pack(VERSION, max(offset, int(row["offset"])), block)
        parts += [waiting, corrections.pack(name)]
        sizes[place + 1] = len(parts[-1]) + len(waiting)
    return blocks, sealed(b"".join(parts)), np.cumsum(sizes)


def _forgotten(state: State, pairs: Ints) -> int:
    """How many identities without a number these pairs have forgotten since they were asked last."""
    seen, told = state.pairs["hashes"][pairs], state.pairs["told"][pairs]
    state.pairs["told"][pairs] = seen
    return int(np.sum(np.maximum(seen, HASHES) - np.maximum(told, HASHES)))
