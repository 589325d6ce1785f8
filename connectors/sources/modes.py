"""Stored configurations of modes, behind four verbs: get, add, update and load from the database."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

CACHED: Final = 4_096
"""Configurations kept in memory."""


class StoredMode(msgspec.Struct, frozen=True):
    """A configuration as ``trading_instances`` keeps it.

    Attributes:
        mode: its mode.
        strand_id: its run.
        live: whether equity is final at once.
        component: who wrote it.
        ts_event: its time in nanoseconds, 0 where unknown.
        data: the configuration as JSON.
        version: a higher one replaces a lower one.
    """

    mode: str
    strand_id: str
    live: bool
    component: str = ""
    ts_event: int = 0
    data: str = "{}"
    version: int = 0


class ModeTable(Protocol):
    """Where configurations are stored."""

    def read(self, modes: Sequence[str], limit: int) -> list[StoredMode]:
        """The newest configuration of each mode; of any modes where none is named.

        Raises:
            RetryableSourceError: the store does not answer.
        """
        ...

    def write(self, rows: Sequence[StoredMode]) -> None:
        """Store configurations.

        Raises:
            RetryableSourceError: the store does not answer.
        """
        ...


class RowsTable:
    """A table in memory, for pipelines in one process and for tests.

    Args:
        rows: what is stored.
    """

    def __init__(self, rows: Sequence[StoredMode] = ()) -> None:
        self.rows = list(rows)

    def read(self, modes: Sequence[str], limit: int) -> list[StoredMode]:
        """The newest configuration of each mode; of any modes where none is named."""
        newest: dict[str, StoredMode] = {}
        for row in sorted(self.rows, key=lambda row: row.version):
            newest[row.mode] = row
        return [row for row in newest.values() if not modes or row.mode in modes][:limit]

    def write(self, rows: Sequence[StoredMode]) -> None:
        """Store configurations."""
        self.rows.extend(rows)


class ModeStore:
    """Configurations cached by mode, the one used longest ago forgotten first.

    Args:
        table: where they are stored.
        limit: most that are cached; what was added stays until it is stored.
    """

    def __init__(self, table: ModeTable, limit: int = CACHED) -> None:
        self._table = table
        self._limit = limit
        self._cached: OrderedDict[str, StoredMode] = OrderedDict()
        self._added: dict[str, StoredMode] = {}

    def __len__(self) -> int:
        return len(self._cached.keys() | self._added.keys())

    def get(self, mode: str) -> StoredMode | None:
        """The configuration of a mode as far as it is cached or was added."""
        found = self._added.get(mode) or self._cached.get(mode)
        if mode in self._cached:
            self._cached.move_to_end(mode)
        return found

    def add(self, row: StoredMode) -> None:
        """Add a configuration; it is stored by ``update_database``."""
        self._added[row.mode] = row

    def update_database(self) -> int:
        """Store what was added; gives how many that were.

        Raises:
            RetryableSourceError: the store does not answer; nothing is forgotten.
        """
        rows = list(self._added.values())
        if rows:
            self._table.write(rows)
        self._added.clear()
        for row in rows:
            self._cache(row)
        return len(rows)

    def load_from_database(self, modes: Sequence[str] = ()) -> int:
        """Cache what is stored of some modes, or of any as many as are cached; gives how many were found.

        Raises:
            RetryableSourceError: the store does not answer.
        """
        rows = self._table.read(modes, max(self._limit, len(modes)))
        for row in rows:
            self._cache(row)
        return len(rows)

    def _cache(self, row: StoredMode) -> None:
        self._cached[row.mode] = row
        self._cached.move_to_end(row.mode)
        while len(self._cached) > self._limit:
            self._cached.popitem(last=False)
