"""Corrections that came before their print, with their bytes, until it comes or cannot come any more."""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from streams.core.ticks.corrections.anew import Identity, Word
from streams.core.ticks.letters import Original

MOST: Final = 64
"""So many wait for prints of one pair."""
MOST_RECORD: Final = 1_024
"""A record above so many bytes does not wait."""

_ROW: Final = struct.Struct("<qqq?qddqqii")
MOST_BYTES: Final = MOST * (_ROW.size + 2 * MOST_RECORD)
"""Most bytes of those that wait for one pair."""
_SIZE: Final = struct.Struct("<q")


class Waiting(NamedTuple):
    """One that waits.

    Attributes:
        who: identity of its print.
        word: what it says of it.
        ts: no print of it is later than this.
        offset: its own.
        original: the record.
    """

    who: Identity
    word: Word
    ts: int
    offset: int
    original: Original


def pack(waiting: Iterable[Waiting]) -> bytes:
    """The state."""
    parts = []
    for who, word, ts, offset, (timestamp, key, data) in waiting:
        size = -1 if key is None else len(key)
        parts.append(_ROW.pack(*who, ts, *word, offset, timestamp, size, len(data)) + (key or b"") + data)
    return _SIZE.pack(len(parts)) + b"".join(parts)


def restored(body: bytes) -> list[Waiting]:
    """What ``pack`` gave."""
    at, found = _SIZE.size, []
    for _ in range(_SIZE.unpack_from(body)[0]):
        window, number, ts, *word, offset, timestamp, size, length = _ROW.unpack_from(body, at)
        at += _ROW.size
        key = None if size < 0 else body[at : at + size]
        at += max(size, 0)
        found.append(
            Waiting(
                (window, number), Word(*word), ts, offset, Original(timestamp, key, body[at : at + length])
            )
        )
        at += length
    return found
