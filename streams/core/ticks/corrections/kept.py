"""The prints of one pair that a cancel or correct may still name, in log order: nothing in it ever changes.

A print is an entry, and so is the word of a venue on it, so what counts is worked out by reading. Entries lie
in blocks of 512. A block is saved again only as long as it is not full, under a key of its own; which blocks
there are stands in the state of the pair. A key is not written again before the state that needs its block is
replaced, so a checkpoint that breaks off leaves every block that the state before it names::

    first .................. count          entries ever dropped, and ever appended
      | block | block | bl              dropped from the front: all of it out of reach, or too many kept
       key 2    key 0   key 5
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError
from schemas.market.intervals import MINUTE
from streams.core import slots
from streams.core.ticks.rows import Rows
from streams.core.watermark import NEVER

BLOCK: Final = 512
"""Entries of a full block."""

PRINT, DOUBTED, CONFIRMED, CANCEL, CORRECT = range(5)
"""What an entry is: an admitted print; one that V13 held or refused; that a held one counts, by its offset as
``number``; and what a venue said of the prints of an identity."""

ENTRY: Final = np.dtype(
    [
        ("kind", "<i2"),
        ("window", "<i2"),  # identity, as of a PRINT row
        ("folds", "<i4"),  # what it counts for
        ("flags", "<i8"),
        ("offset", "<i8"),
        ("number", "<i8"),
        ("ts_event", "<i8"),
        ("ts_bar", "<i8"),  # of a correction that of its print
        ("seq", "<i8"),
        ("price", "<f8"),  # NaN in a correction leaves that of the print
        ("size", "<f8"),
    ]
)

_HEAD: Final = struct.Struct("<qqqqi")  # most, first, count, lost, number of blocks


class Kept:
    """Entries of one pair.

    Args:
        most: so many of the newest entries are kept at least.
        lost: see the attribute.

    Attributes:
        most: so many of the newest entries are kept at least, and less than a block more.
        first: number of the first entry, of all that ever were appended.
        lost: minutes up to here (their start, ns) are not kept whole, so no correction is applied to them.
    """

    def __init__(self, most: int, lost: int) -> None:
        self.most, self.lost = most, lost
        self._rows = np.zeros(BLOCK, ENTRY)
        self.first = self._count = self._saved = 0
        self._keys: list[int] = []
        self._needed: set[int] = set()  # keys of the state that was saved last

    @property
    def rows(self) -> Rows:
        """All entries, a view."""
        return self._rows[: self._count - self.first]

    def append(self, entries: Rows) -> int:
        """Append entries; how many prints were dropped for them."""
        used = self._count - self.first
        if used + len(entries) > len(self._rows):
            grown = np.zeros(max(2 * len(self._rows), used + len(entries)), ENTRY)
            grown[:used] = self._rows[:used]
            self._rows = grown
        self._rows[used : used + len(entries)] = entries
        self._count += len(entries)
        while len(self._keys) * BLOCK < self._count - self.first:
            self._keys.append(self._free_key())
        return self.shrink()

    def shrink(self) -> int:
        """Drop what is more than is to be kept; how many prints that are."""
        over = (self._count - self.first - self.most) // BLOCK * BLOCK
        if over <= 0:
            return 0
        gone = self.rows[:over]
        gone = gone[gone["kind"] <= DOUBTED]
        newest = int(gone["ts_bar"].max(initial=NEVER))
        self.lost = max(self.lost, newest - newest % MINUTE)
        count = len(gone)
        self._drop(over)
        return count

    def forget(self, ts: int) -> bool:
        """Drop the blocks whose prints all belong to minutes before an instant; whether there were any."""
        rows, over = self.rows, 0
        while over + BLOCK <= len(rows) and rows["ts_bar"][over : over + BLOCK].max() < ts:
            over += BLOCK
        if over:
            self._drop(over)
        return over > 0

    def _drop(self, over: int) -> None:
        self._rows = self._rows[over:].copy() if len(self._rows) > over else np.zeros(BLOCK, ENTRY)
        self.first += over
        del self._keys[: over // BLOCK]

    def _free_key(self) -> int:
        taken = self._needed.union(self._keys)
        return next(key for key in range(len(taken) + 1) if key not in taken)

    def find(self, window: int, number: int) -> NDArray[np.intp]:
        """Places of the prints of an identity."""
        rows = self.rows
        found = (rows["number"] == number) & (rows["window"] == window) & (rows["kind"] <= DOUBTED)
        return np.flatnonzero(found)

    def head(self) -> bytes:
        """What belongs into the state of the pair."""
        head = _HEAD.pack(self.most, self.first, self._count, self.lost, len(self._keys))
        return head + np.array(self._keys, "<i4").tobytes()

    def dirty(self) -> Iterator[tuple[int, bytes]]:
        """Key and entries of each block that is not as it was saved; they count as saved then."""
        start = (max(self._saved, self.first) - self.first) // BLOCK
        for block in range(start, len(self._keys)):
            yield self._keys[block], self.rows[block * BLOCK : (block + 1) * BLOCK].tobytes()
        self._saved, self._needed = self._count, set(self._keys)

    @classmethod
    def restored(cls, head: bytes, blocks: Mapping[int, bytes]) -> "tuple[Kept, bytes]":
        """What was saved, and the bytes behind the head.

        Raises:
            StateError: a block is missing or too short.
        """
        most, first, count, lost, size = _HEAD.unpack_from(head)
        end = _HEAD.size + 4 * size
        kept = cls(most, lost)
        kept.first = kept._saved = first
        kept._keys = np.frombuffer(head[_HEAD.size : end], "<i4").tolist()
        body = b"".join(blocks.get(key, b"") for key in kept._keys)[: (count - first) * ENTRY.itemsize]
        if len(body) != (count - first) * ENTRY.itemsize:
            raise StateError(f"kept prints must be {count - first}, was {len(body)!r} bytes")
        kept._rows = np.frombuffer(body, ENTRY).copy()
        kept._count = kept._saved = count
        kept._needed = set(kept._keys)
        return kept, head[end:]


def most_bytes(most: int) -> int:
    """Most bytes of the saved states of the prints kept of a pair, blocks not in use any more included.

    Args:
        most: ``correction_prints``.
    """
    blocks = most // BLOCK + 2
    return 2 * blocks * (slots.HEADER_SIZE + BLOCK * ENTRY.itemsize + 4) + _HEAD.size
