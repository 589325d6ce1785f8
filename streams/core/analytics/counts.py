"""Counters: kept in the row of a symbol or of the partition, and given for each step."""

from collections import Counter
from typing import Final

COUNTS: Final = ("in", "out", "rejected", "late", "duplicate", "held")
"""Counters by metric name, in the order of a row."""


def zeros() -> list[int]:
    """A row that counted nothing."""
    return [0] * len(COUNTS)


class Counts:
    """What one step counted."""

    def __init__(self) -> None:
        self._named: Counter[str] = Counter()

    def add(self, row: list[int], *names: str) -> None:
        """Count one record under each name, in a row too."""
        for name in names:
            row[COUNTS.index(name)] += 1
            self._named[name] += 1

    def code(self, code: str) -> None:
        """Count the code of a rejected record."""
        self._named[f"rejected.{code}"] += 1

    def named(self) -> dict[str, int]:
        """By metric name."""
        return dict(self._named)
