"""Periods of sources, such as outages and long silences; the oldest of each source are forgotten first."""

from collections import deque
from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np

Period: TypeAlias = tuple[int, int]
"""Start and end in ns."""

MOST: Final = 16
"""So many periods of a source are remembered."""

_ROW: Final = np.dtype([("source", "<i8"), ("start", "<i8"), ("end", "<i8")])


class Periods:
    """The newest periods of each source, by its number."""

    def __init__(self, saved: bytes = b"") -> None:
        self._found: dict[int, deque[Period]] = {}
        for number, start, end in np.frombuffer(saved, _ROW).tolist():
            self.note(number, start, end)

    def note(self, number: int, start: int, end: int) -> bool:
        """Add a period of a source; one with the start of its last takes that one's place.

        Returns:
            Whether the oldest one is forgotten for it.
        """
        known = self._found.setdefault(number, deque(maxlen=MOST))
        if known and known[-1][0] == start:
            known.pop()
        is_full = len(known) == MOST
        known.append((start, end))
        return is_full

    def of(self, number: int) -> tuple[Period, ...]:
        """Periods of a source, oldest first."""
        return tuple(self._found.get(number, ()))

    def renumbered(self, places: Mapping[int, int]) -> "Periods":
        """The same of sources that have other numbers."""
        found = Periods()
        found._found = {places[number]: known for number, known in self._found.items()}
        return found

    def save(self) -> bytes:
        """What the constructor takes."""
        rows = [(number, *ends) for number, found in sorted(self._found.items()) for ends in found]
        return np.array(rows, _ROW).tobytes()
