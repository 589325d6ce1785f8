"""Which modes may have a partition of their own in ``equity``."""

import re
from typing import Final

from connectors.sinks.clickhouse.store import Store

LARGEST_NUMBER: Final = 1_000
"""Modes at most; a partition is a folder and its files."""

LARGEST_IN_BUCKETS: Final = 100_000
"""Modes at most where several share a partition; each is known in memory."""

_NAME: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,127}")

WRONG_NAME: Final = "S01"
TOO_MANY: Final = "S02"


class ModeGuard:
    """Lets a mode through when its name is plain and there is room for it.

    Args:
        known: modes that have a partition already.
        limit: modes at most.
    """

    def __init__(self, known: set[bytes], limit: int = LARGEST_NUMBER) -> None:
        self._known = known
        self._limit = limit

    def refusal(self, mode: bytes) -> tuple[str, str] | None:
        """Code and detail when the mode may have no partition; a new one that may is known from then on."""
        if mode in self._known:
            return None
        if not _NAME.fullmatch(mode):
            text = mode[:200].decode("utf-8", "replace")
            return WRONG_NAME, f"mode must be 1 to 128 of A-Z a-z 0-9 _ . : @ + -, was {text!r}"
        if len(self._known) >= self._limit:
            return TOO_MANY, f"modes must be {self._limit} at most, was one more: {mode.decode()!r}"
        self._known.add(mode)
        return None


def known_modes(store: Store) -> set[bytes]:
    """Modes that have a partition, final or in staging."""
    query = "SELECT DISTINCT mode FROM equity UNION DISTINCT SELECT DISTINCT mode FROM equity_staging"
    return {str(row[0]).encode() for row in store.rows(query)}
