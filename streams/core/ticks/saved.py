"""The stage's state as saved bytes and back.

Keys, for the symbol SPY from the source feed::

    SPY|feed|m07    a minute, slot 7 of the ring         one FOLD row
    SPY|feed|s03    a second                              one FOLD row
    SPY|feed        counts and identities                 PAIR row, newest numbers, used windows, hashes
    !config|0, |1   text of the configuration, in turn
    !partition      marks, counts without a pair, which of the two holds

What decides about a record (marks, identities) is saved after what it changes: minutes and seconds, then the
pair, then the partition. So a restart that finds a part of a checkpoint finds no decider that is ahead, reads
on from there, decides as before, and leaves alone what reflects the record already.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from schemas.errors import StateError
from schemas.market.intervals import MINUTE, SECOND
from streams.core import slots
from streams.core.ticks.rows import FOLD, HASHES, PAIR, WINDOW, Ints, State, new_state
from streams.core.ticks.rules import Book, Pair, power
from streams.core.watermark import FOREVER, NEVER

VERSION: Final = 1
"""Version of every saved state of this stage."""

_TOPS: Final = 3
_BITS: Final = WINDOW // 8
_HEAD: Final = PAIR.itemsize + 8 * _TOPS


_CONFIG: Final = b"!config|%d"
_CONFIG_HEAD: Final = struct.Struct("<q")  # its version


class ConfigKey:
    """Which key holds the configuration that the saved partition state means.

    The text is long and rarely new, so it has keys of its own: a new one goes to the key that the last saved
    partition state does not mean, so that a restart between the two writes still finds the old one.

    Attributes:
        number: 0 or 1.
        version: of the configuration there, -1 for none.
        body: its text.
    """

    def __init__(self) -> None:
        self.number, self.version, self.body = 0, -1, ""

    def dirty(self, book: Book, offset: int) -> dict[bytes, bytes]:
        """The configuration as a saved state, where it is new."""
        if book.version == self.version:
            return {}
        self.number, self.version, self.body = 1 - self.number, book.version, book.body
        body = _CONFIG_HEAD.pack(self.version) + self.body.encode()
        return {_CONFIG % self.number: slots.pack(VERSION, offset, body)}

    def restore(self, number: int, states: Mapping[bytes, bytes]) -> None:
        """Take up the configuration that a partition state means.

        Raises:
            StateError: it is not there.
        """
        self.number = number
        if _CONFIG % number in states:
            _, body = slots.unpack(VERSION, states[_CONFIG % number])
            self.version = int(_CONFIG_HEAD.unpack_from(body)[0])
            self.body = body[_CONFIG_HEAD.size :].decode()


def _parts(key: bytes) -> list[bytes]:
    """Symbol and source of a key, and the slot of a minute or second; empty for a key of the partition."""
    return [] if key.startswith(b"!") else key.split(b"|")


def pairs_of(states: Mapping[bytes, bytes]) -> list[Pair]:
    """The pairs that have state, ascending."""
    return sorted({(parts[0], parts[1]) for key in states if (parts := _parts(key))})


def restored(book: Book, states: Mapping[bytes, bytes]) -> State:
    """The state of the pairs of a book from saved states.

    Raises:
        StateError: one is of another version or torn.
    """
    folds = {tuple(parts): states[key] for key in states if len(parts := _parts(key)) == 3}
    places = {ring: [int(slot[1:]) for _, _, slot in folds if slot[:1] == ring] for ring in (b"m", b"s")}
    minutes = max(book.minutes, power(max(places[b"m"], default=0) + 1))
    seconds = max(book.seconds, power(max(places[b"s"], default=0) + 1))
    state = new_state(len(book.pairs), minutes, seconds)
    state.pairs["disorder"] = np.maximum(book.disorders, 0)
    numbers = {pair: number for number, pair in enumerate(book.pairs)}
    for pair, number in numbers.items():
        if b"|".join(pair) in states:
            restore_pair(state, number, states[b"|".join(pair)])
    for (symbol, source, slot), body in folds.items():
        restore_fold(state, numbers[symbol, source], slot, body)
    recount(state, book)
    return state


def dirty_states(state: State, book: Book, offset: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and saved states of what changed since the last call, minutes and seconds first."""
    for pair, slot in np.argwhere(state.fold_dirty):
        ring = b"m%02d" % slot if slot < state.minutes else b"s%02d" % (slot - state.minutes)
        body = state.folds[pair, slot].tobytes()
        yield b"|".join((*book.pairs[pair], ring)), slots.pack(VERSION, offset, body)
    for pair in np.flatnonzero(state.dirty):
        yield b"|".join(book.pairs[pair]), slots.pack(VERSION, offset, _pack_pair(state, int(pair)))
    state.fold_dirty[:] = False
    state.dirty[:] = False


def _pack_pair(state: State, pair: int) -> bytes:
    tops = state.tops[pair]
    bits = b"".join(state.bits[pair, window].tobytes() for window in np.flatnonzero(tops != NEVER))
    hashes = state.hashes[pair, : min(int(state.pairs[pair]["hashes"]), HASHES)]
    return b"".join((state.pairs[pair].tobytes(), tops.tobytes(), bits, hashes.tobytes()))


def restore_pair(state: State, pair: int, saved: bytes) -> None:
    """Take up the saved state of a pair.

    Raises:
        StateError: it is of another version or torn.
    """
    offset, body = slots.unpack(VERSION, saved)
    if len(body) < _HEAD:
        raise StateError(f"state of a pair must have at least {_HEAD} bytes, was {len(body)!r}")
    state.offsets[pair] = offset
    state.pairs[pair] = np.frombuffer(body[: PAIR.itemsize], PAIR)[0]
    state.tops[pair] = np.frombuffer(body[PAIR.itemsize : _HEAD], np.int64)
    used = np.flatnonzero(state.tops[pair] != NEVER)
    count = min(int(state.pairs[pair]["hashes"]), HASHES)
    end = _HEAD + len(used) * _BITS
    if len(body) != end + 8 * count:
        raise StateError(f"state of a pair must have {end + 8 * count} bytes, was {len(body)!r}")
    state.bits[pair, used] = np.frombuffer(body[_HEAD:end], np.uint64).reshape(len(used), -1)
    state.hashes[pair, :count] = np.frombuffer(body[end:], np.int64)


def restore_fold(state: State, pair: int, name: bytes, saved: bytes) -> None:
    """Take up the saved state of a minute or second, unless its slot reflects more already.

    Raises:
        StateError: it is of another version or torn.
    """
    offset, rows = slots.unpack_row(VERSION, saved, FOLD)
    is_minute, place = name[:1] == b"m", int(name[1:])
    if int(rows[0]["ts_open"]) != NEVER:  # the ring may have grown since
        place = int(rows[0]["ts_open"]) // (MINUTE if is_minute else SECOND)
    slot = place & (state.minutes - 1) if is_minute else state.minutes + (place & (state.seconds - 1))
    if offset > state.fold_offsets[pair, slot]:
        state.folds[pair, slot] = rows[0]
        state.fold_offsets[pair, slot] = offset


def recount(state: State, book: Book) -> None:
    """Work out what is due and what is pending from the rows."""
    folds, disorders = state.folds, state.pairs["disorder"]
    waits = (folds["ts_open"] != NEVER) & (folds["closed"] == 0)
    lengths = np.where(np.arange(folds.shape[1]) < state.minutes, MINUTE, SECOND)
    due = np.where(waits, folds["ts_open"] + lengths + disorders[:, None], FOREVER)
    state.due[:, 0] = due[:, : state.minutes].min(axis=1, initial=FOREVER)
    state.due[:, 1] = due[:, state.minutes :].min(axis=1, initial=FOREVER)
    state.source_due[:] = FOREVER
    np.minimum.at(state.source_due, book.rules.rows["source"], state.due.min(axis=1, initial=FOREVER))
    state.pending[:] = folds["changed"].sum(axis=1)


def moved(old: State, pairs: tuple[Pair, ...], book: Book) -> State:
    """The state under another configuration: pairs that are new have seen nothing, rings only grow.

    Args:
        old: the state so far.
        pairs: its pairs; all of them are among those of the book.
        book: the new configuration.
    """
    new = new_state(len(book.pairs), max(old.minutes, book.minutes), max(old.seconds, book.seconds))
    numbers = {pair: number for number, pair in enumerate(book.pairs)}
    where = np.array([numbers[pair] for pair in pairs], np.int64)
    for after, before in (
        (new.pairs, old.pairs), (new.tops, old.tops), (new.bits, old.bits), (new.hashes, old.hashes),
        (new.offsets, old.offsets), (new.dirty, old.dirty),
    ):  # fmt: skip
        after[where] = before
    _move_ring(old, new, where, 0)
    _move_ring(old, new, where, 1)
    changed = (book.disorders >= 0) & (book.disorders != new.pairs["disorder"])
    new.pairs["disorder"][changed] = book.disorders[changed]
    new.dirty[where] |= changed[where]
    recount(new, book)
    return new


def _move_ring(old: State, new: State, where: Ints, ring: int) -> None:
    """Move the minutes (0) or seconds (1); in a longer ring every row is dirty, so that no key is stale."""
    first, length, size = (0, MINUTE, old.minutes) if ring == 0 else (old.minutes, SECOND, old.seconds)
    start, longer = (0, new.minutes) if ring == 0 else (new.minutes, new.seconds)
    for slot in range(longer):
        before = old.folds[:, first + slot % size]
        mine = (before["ts_open"] == NEVER) | (before["ts_open"] // length % longer == slot)
        new.folds[where[mine], start + slot] = before[mine]
        new.fold_offsets[where, start + slot] = old.fold_offsets[:, first + slot % size]
        new.fold_dirty[where, start + slot] = old.fold_dirty[:, first + slot % size] | (longer != size)
