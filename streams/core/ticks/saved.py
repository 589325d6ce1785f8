"""The stage's state as saved bytes and back.

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

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from schemas.errors import StateError
from schemas.market.intervals import MINUTE, SECOND
from streams.core import slots
from streams.core.ticks.corrections.corrections import Corrections
from streams.core.ticks.corrections.kept import most_bytes as most_kept_bytes
from streams.core.ticks.corrections.waiting import MOST_BYTES as MOST_WAITING_BYTES
from streams.core.ticks.held import MOST_BYTES as MOST_HELD_BYTES
from streams.core.ticks.held import Held
from streams.core.ticks.moving import recount, stretched, take_rules, windows_of
from streams.core.ticks.packing import as_bytes, gathered, pack_pairs, take_folds, take_pairs
from streams.core.ticks.rows import (
    FOLD,
    FOLD_SIZE,
    FORGOTTEN,
    HASHES,
    LISTED,
    MOST_HELD,
    PAIR_SIZE,
    PRICES,
    SAVED_PAIR,
    WINDOWS,
    Ints,
    Rows,
    Shape,
    State,
    new_state,
)
from streams.core.ticks.rules import Book, Pair, power
from streams.core.watermark import NEVER

VERSION: Final = 3
"""Version of every saved state of this stage."""

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


def pairs_of(states: Mapping[bytes, bytes]) -> list[Pair]:
    """The pairs that have state, ascending."""
    return sorted({(parts[0], parts[1]) for key in states if (parts := _parts(key))})


def restored(book: Book, states: Mapping[bytes, bytes], held: Held, corrections: Corrections) -> State:
    """The state of the pairs of a book from saved states.

    Raises:
        StateError: one is of another version or torn.
    """
    folds = {tuple(parts): states[key] for key in states if len(parts := _parts(key)) == 3}
    places = {ring: [int(slot[1:]) for _, _, slot in folds if slot[:1] == ring] for ring in (b"m", b"s")}
    minutes = max(book.minutes, power(max(places[b"m"], default=0) + 1))
    seconds = max(book.seconds, power(max(places[b"s"], default=0) + 1))
    known = {pair: states[key] for pair in book.pairs if (key := b"|".join(pair)) in states}
    words = [
        max(int(own), _words_of(known.get(pair))) for pair, own in zip(book.pairs, book.words, strict=True)
    ]
    state = new_state(Shape(len(book.pairs), minutes, seconds, np.array(words, np.int64)), book.segments)
    state.pairs["disorder"] = np.maximum(book.disorders, 0)
    state.pairs["last_price"] = np.maximum(book.last_prices, 0)
    numbers = {pair: number for number, pair in enumerate(book.pairs)}
    blocks = _blocks(states)
    for pair, body in known.items():
        rest = _restore_pair(state, numbers[pair], body, held)
        corrections.restore(pair, rest, blocks.get(pair, {}))
    corrections.bind(book)
    for (symbol, source, slot), body in folds.items():
        _restore_fold(state, numbers[symbol, source], slot, body)
    take_rules(state, book)
    recount(state)
    return state


def _blocks(states: Mapping[bytes, bytes]) -> dict[Pair, dict[int, bytes]]:
    """The prints that are kept of each pair, by the number in the key."""
    found: dict[Pair, dict[int, bytes]] = defaultdict(dict)
    for key in states:
        if len(parts := _parts(key)) == 4:
            found[parts[0], parts[1]][int(parts[3])] = slots.unpack(VERSION, states[key])[1]
    return found


def dirty_states(
    state: State, book: Book, offset: int, held: Held, corrections: Corrections
) -> Iterator[tuple[bytes, bytes]]:
    """Keys and saved states of what changed since the last call, minutes and seconds first."""
    listed = np.sort(state.listed[: state.used[LISTED]])
    yield from _dirty_folds(state, book, listed, offset)
    yield from _dirty_pairs(state, book, listed, offset, held, corrections)


def _dirty_folds(state: State, book: Book, listed: Ints, offset: int) -> Iterator[tuple[bytes, bytes]]:
    """Minutes and seconds, last first: in a ring that has grown, a row that moved up precedes its old key."""
    width = state.minutes + state.seconds
    found = np.empty(len(listed) * width, np.int64)
    found = found[: take_folds(state, listed, found)]
    head = slots.pack(VERSION, offset, b"")
    size = len(head) + FOLD_SIZE
    cells = np.empty((len(found), size), np.uint8)
    cells[:, : len(head)] = np.frombuffer(head, np.uint8)
    own = np.maximum(
        state.folds["offset"][found // width, found % width], offset
    )  # what was restored may be ahead
    cells[:, len(head) - 8 : len(head)] = own.astype("<i8").view(np.uint8).reshape(-1, 8)
    cells[:, len(head) :] = gathered(state.folds, found, FOLD_SIZE)
    whole, keys = cells.tobytes(), book.names.keys
    rings = [b"|m%02d" % slot for slot in range(state.minutes)]
    rings += [b"|s%02d" % slot for slot in range(state.seconds)]
    for number, place in enumerate(found.tolist()):
        yield keys[place // width] + rings[place % width], whole[number * size : (number + 1) * size]


def _dirty_pairs(
    state: State, book: Book, listed: Ints, offset: int, held: Held, corrections: Corrections
) -> Iterator[tuple[bytes, bytes]]:
    found, ends = np.empty(len(listed), np.int64), np.empty(len(listed), np.int64)
    count = take_pairs(state, listed, found, ends)
    found, ends = found[:count], ends[:count]
    state.used[FORGOTTEN] += _forgotten(state, found)
    out = np.empty(int(ends[-1]) if count else 0, np.uint8)
    pack_pairs(state, as_bytes(state.pairs), as_bytes(state.bits), found, out)
    whole, keys, start = out.tobytes(), book.names.keys, 0
    reflected = np.maximum(state.pairs["offset"][found], offset).tolist()  # what was restored may be ahead
    waits = state.pairs["held"][found].tolist()
    for pair, end, waiting, own in zip(found.tolist(), ends.tolist(), waits, reflected, strict=True):
        body, start = slots.pack(VERSION, own, whole[start:end]), end
        body += held.pack(state.pairs[pair]) if waiting else b""
        if corrections.pairs:
            for key, block in corrections.dirty(book.pairs[pair]):
                yield key, slots.pack(VERSION, own, block)
            body += corrections.pack(book.pairs[pair])
        yield keys[pair], body


def _forgotten(state: State, pairs: Ints) -> int:
    """How many identities without a number these pairs have forgotten since they were asked last."""
    seen, told = state.pairs["hashes"][pairs], state.pairs["told"][pairs]
    state.pairs["told"][pairs] = seen
    return int(np.sum(np.maximum(seen, HASHES) - np.maximum(told, HASHES)))


def _words_of(body: bytes | None) -> int:
    """Length of each window in a saved pair, 0 without one."""
    if body is None:
        return 0
    return int(np.frombuffer(slots.unpack(VERSION, body)[1][:PAIR_SIZE], SAVED_PAIR)["words"][0])


def _restore_pair(state: State, pair: int, body: bytes, held: Held) -> bytes:
    """Take up the state of a pair, and give what is kept of it for corrections.

    Its windows may be longer now than they were saved.
    """
    rows = state.pairs[pair : pair + 1]
    words = int(rows["words"][0])
    offset, body = slots.unpack(VERSION, body)
    _take_bytes(rows, body[:PAIR_SIZE], PAIR_SIZE)
    row = rows[0]
    saved_words = int(row["words"])
    row["words"] = words
    used = np.flatnonzero(row["tops"] != NEVER)
    sizes = (
        8 * saved_words * len(used),
        8 * min(int(row["hashes"]), HASHES),
        8 * min(int(row["priced"]), PRICES),
    )
    ends = PAIR_SIZE + np.cumsum((0, *sizes))
    if len(body) < ends[-1]:
        raise StateError(f"state of a pair must have {ends[-1]} bytes, was {len(body)!r}")
    bits = np.frombuffer(body[ends[0] : ends[1]], np.uint64).reshape(-1, saved_words)
    for window, before in zip(used, bits, strict=True):
        windows_of(state, pair)[window] = stretched(before, words, int(row["tops"][window]))
    row["recent"][: sizes[1] // 8] = np.frombuffer(body[ends[1] : ends[2]], np.int64)
    row["prices"][: sizes[2] // 8] = np.frombuffer(body[ends[2] : ends[3]], np.float64)
    row["offset"], row["told"] = offset, row["hashes"]
    return held.restore(row, body[ends[3] :])


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
