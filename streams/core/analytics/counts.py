"""Counters: kept in the row of a symbol or of the partition, and given for each step."""

from collections import Counter
from typing import Final

COUNTS: Final = ("in", "out", "rejected", "late", "duplicate", "held")
"""Counters by metric name, in the order of a row."""

_IN: Final = COUNTS.index("in")
_PLACES: Final = {name: place for place, name in enumerate(COUNTS)}


def zeros() -> list[int]:
    """A row that counted nothing."""
    return [0] * len(COUNTS)


class Counts:
    """What one step counted."""

    def __init__(self) -> None:
        self._row = zeros()
        self._codes: Counter[str] = Counter()

    def add(self, row: list[int], name: str) -> None:
        """Count one record that came in and what became of it, in a row too."""
        place = _PLACES[name]
        row[_IN] += 1
        row[place] += 1
        self._row[_IN] += 1
        self._row[place] += 1

    def code(self, code: str) -> None:
        """Count the code of a rejected record."""
        self._codes[f"rejected.{code}"] += 1

    def named(self) -> dict[str, int]:
        """By metric name."""
        counted = {name: count for name, count in zip(COUNTS, self._row, strict=True) if count}
        return counted | dict(self._codes)
