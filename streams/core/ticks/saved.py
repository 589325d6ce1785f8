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
from streams.core.ticks.rows import (
    FOLD,
    FOLD_SIZE,
    HASHES,
    PAIR_SIZE,
    RULE,
    WINDOW,
    Ints,
    Rows,
    State,
    new_state,
)
from streams.core.ticks.rules import Book, Pair, power
from streams.core.watermark import FOREVER, NEVER

VERSION: Final = 1
"""Version of every saved state of this stage."""

_BITS: Final = WINDOW // 8
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
    state = new_state(len(book.pairs), minutes, seconds, book.segments)
    state.pairs["disorder"] = np.maximum(book.disorders, 0)
    _take_rules(state, book)
    numbers = {pair: number for number, pair in enumerate(book.pairs)}
    for pair, number in numbers.items():
        if b"|".join(pair) in states:
            _restore_pair(state.pairs[number : number + 1], states[b"|".join(pair)])
    for (symbol, source, slot), body in folds.items():
        _restore_fold(state, numbers[symbol, source], slot, body)
    _recount(state)
    return state


def dirty_states(state: State, book: Book, offset: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and saved states of what changed since the last call, minutes and seconds first."""
    for pair, slot in np.argwhere(state.folds["dirty"]):
        ring = b"m%02d" % slot if slot < state.minutes else b"s%02d" % (slot - state.minutes)
        body = state.folds[pair, slot].tobytes()[:FOLD_SIZE]
        yield b"|".join((*book.pairs[pair], ring)), slots.pack(VERSION, offset, body)
    for pair in np.flatnonzero(state.pairs["dirty"]):
        yield b"|".join(book.pairs[pair]), slots.pack(VERSION, offset, _pack_pair(state.pairs[pair]))
    state.folds["dirty"] = 0
    state.pairs["dirty"] = 0


def _pack_pair(row: np.void) -> bytes:
    bits = row["bits"][row["tops"] != NEVER]
    recent = row["recent"][: min(int(row["hashes"]), HASHES)]
    return b"".join((row.tobytes()[:PAIR_SIZE], bits.tobytes(), recent.tobytes()))


def _restore_pair(rows: Rows, state: bytes) -> None:
    """Take up the state of a pair in an array of one row."""
    offset, body = slots.unpack(VERSION, state)
    _take_bytes(rows, body[:PAIR_SIZE], PAIR_SIZE)
    row = rows[0]
    used = row["tops"] != NEVER
    count, end = min(int(row["hashes"]), HASHES), PAIR_SIZE + _BITS * int(np.count_nonzero(used))
    if len(body) != end + 8 * count:
        raise StateError(f"state of a pair must have {end + 8 * count} bytes, was {len(body)!r}")
    row["bits"][used] = np.frombuffer(body[PAIR_SIZE:end], np.uint64).reshape(-1, WINDOW // 64)
    row["recent"][:count] = np.frombuffer(body[end:], np.int64)
    row["offset"] = offset


def _restore_fold(state: State, pair: int, name: bytes, body: bytes) -> None:
    """Take up a minute or second, unless its slot reflects more already."""
    rows = np.zeros(1, FOLD)
    rows["offset"], body = slots.unpack(VERSION, body)
    _take_bytes(rows, body, FOLD_SIZE)
    found = rows[0]
    is_minute, place = name[:1] == b"m", int(name[1:])
    if found["ts_open"] != NEVER:  # the ring may have grown since
        place = int(found["ts_open"]) // (MINUTE if is_minute else SECOND)
    slot = place & (state.minutes - 1) if is_minute else state.minutes + (place & (state.seconds - 1))
    if found["offset"] > state.folds[pair, slot]["offset"]:
        state.folds[pair, slot] = found


def _take_bytes(rows: Rows, body: bytes, size: int) -> None:
    """Set the first bytes of an array of one row."""
    if len(body) != size:
        raise StateError(f"saved row must have {size} bytes, was {len(body)!r}")
    rows.view(np.uint8)[:size] = np.frombuffer(body, np.uint8)


def _recount(state: State) -> None:
    """Work out what is due and what is pending from the rows."""
    folds, pairs = state.folds, state.pairs
    lengths = np.where(np.arange(folds.shape[1]) < state.minutes, MINUTE, SECOND)
    due = folds["ts_open"] + lengths + pairs["disorder"][:, None]
    due[(folds["ts_open"] == NEVER) | (folds["closed"] == 1)] = FOREVER
    pairs["due_minute"] = due[:, : state.minutes].min(axis=1, initial=FOREVER)
    pairs["due_second"] = due[:, state.minutes :].min(axis=1, initial=FOREVER)
    pairs["pending"] = folds["changed"].sum(axis=1)
    state.sources["pending"], state.sources["due"] = 0, FOREVER
    np.add.at(state.sources["pending"], pairs["source"], pairs["pending"])
    np.minimum.at(state.sources["due"], pairs["source"], due.min(axis=1, initial=FOREVER))


def _take_rules(state: State, book: Book) -> None:
    for name in RULE.names or ():
        state.pairs[name] = book.rules[name]
    state.pairs["ts_until"] = NEVER


def moved(old: State, pairs: tuple[Pair, ...], book: Book) -> State:
    """The state under another configuration: pairs that are new have seen nothing, rings only grow.

    Args:
        old: the state so far.
        pairs: its pairs; all of them are among those of the book.
        book: the new configuration.
    """
    longest = max(old.minutes, book.minutes), max(old.seconds, book.seconds)
    new = new_state(len(book.pairs), *longest, book.segments)
    numbers = {pair: number for number, pair in enumerate(book.pairs)}
    where = np.array([numbers[pair] for pair in pairs], np.int64)
    new.pairs[where] = old.pairs
    _move_ring(old.folds[:, : old.minutes], new.folds[:, : new.minutes], where, MINUTE)
    _move_ring(old.folds[:, old.minutes :], new.folds[:, new.minutes :], where, SECOND)
    changed = (book.disorders >= 0) & (book.disorders != new.pairs["disorder"])
    new.pairs["disorder"][changed] = book.disorders[changed]
    new.pairs["dirty"][where] |= changed[where]
    _take_rules(new, book)
    _recount(new)
    return new


def _move_ring(old: Rows, new: Rows, where: Ints, length: int) -> None:
    """Move minutes or seconds; in a longer ring every row is dirty, so that no key is stale."""
    size, longer = old.shape[1], new.shape[1]
    for slot in range(longer):
        before = old[:, slot % size]
        mine = (before["ts_open"] == NEVER) | (before["ts_open"] // length % longer == slot)
        new[where[mine], slot] = before[mine]
        new["offset"][where, slot] = before["offset"]
        new["dirty"][where, slot] = before["dirty"] | (longer != size)
