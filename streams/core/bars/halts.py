"""Halts of trading, as the sources tell of them; the oldest are forgotten first."""

from collections import deque
from collections.abc import Mapping
from typing import Final

import numpy as np

from streams.core.bars.roster import Listing
from streams.core.watermark import FOREVER

MOST: Final = 256
"""So many halts are remembered."""
EVERYWHERE: Final = -1
"""A halt of all symbols of a source."""

_ROW: Final = np.dtype([("symbol", "<i8"), ("source", "<i8"), ("start", "<i8"), ("end", "<i8")])


class Halts:
    """The newest halts of a partition, by symbol (or ``EVERYWHERE``) and source."""

    def __init__(self, saved: bytes = b"") -> None:
        rows = np.frombuffer(saved, _ROW).tolist()
        self._found: deque[tuple[int, int, int, int]] = deque(rows, MOST)

    def begin(self, symbol: int, source: int, ts: int) -> bool:
        """Trading of a symbol, or of all symbols of a source, is halted; whether an old halt is forgotten."""
        is_full = len(self._found) == MOST
        self._found.append((symbol, source, ts, FOREVER))
        return is_full

    def end(self, symbol: int, source: int, ts: int) -> None:
        """Trading goes on."""
        ended = [
            (at, who, start, ts if (at, who) == (symbol, source) and end == FOREVER else end)
            for at, who, start, end in self._found
        ]
        self._found = deque(ended, MOST)

    def of(self, listing: Listing) -> list[tuple[int, int]]:
        """Start and end of the halts of a symbol."""
        if not self._found:
            return []
        return [
            (start, end)
            for at, who, start, end in self._found
            if at == listing.index or (at == EVERYWHERE and who in listing.ranks)
        ]

    def move(self, places: Mapping[int, int]) -> None:
        """Follow the symbols to their new places; halts of those that left are forgotten."""
        kept = [(places.get(at, at), *rest) for at, *rest in self._found if at == EVERYWHERE or at in places]
        self._found = deque([(at, who, start, end) for at, who, start, end in kept], MOST)

    def save(self) -> bytes:
        """What the constructor takes."""
        return np.array(list(self._found), _ROW).tobytes()
