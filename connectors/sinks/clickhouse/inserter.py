"""Inserts beside the reading: the rows of one batch are stored while those of the next are read.

::

    the sink's thread    read 1  read 2           commit 1  read 3           commit 2
    this one's                   insert 1 ................  insert 2 ................

One batch at most is on its way. What goes wrong with it is left to the sink, which stores all of it once
more, with care: a row that is stored twice replaces itself.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from prometheus_client import Counter

from connectors.sinks.clickhouse.batch import Batch, Piece, inserts
from connectors.sinks.clickhouse.errors import RowsRefusedError, StoreDownError
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import Table
from runtime.metrics import REGISTRY, Durations

_STORED: Final = Counter("barline_sink_rows_total", "Rows stored", ["table"], registry=REGISTRY)
TIMES: Final = Durations("barline_sink_seconds", "Time of inserts and publications")


def insert(store: Store, table: Table, pieces: Sequence[Piece]) -> None:
    """Insert rows of a table, all or none of each partition of it.

    Raises:
        StoreDownError: later, perhaps.
        RowsRefusedError: never, as they are.
        TablesError: the table is another one.
    """
    with TIMES.time("insert"):
        store.insert(table.name, [piece.chunk for piece in pieces])
    _STORED.labels(table.name).inc(sum(piece.chunk.count for piece in pieces))


class Inserter:
    """Stores one batch at a time, in a thread and over a connection of its own.

    Args:
        store: the database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.another()
        self._thread = ThreadPoolExecutor(1, "inserts")
        self._batch: Batch | None = None
        self._done: Future[None] = Future()

    @property
    def batch(self) -> Batch | None:
        """What is on its way, None for nothing."""
        return self._batch

    @property
    def is_done(self) -> bool:
        """Whether something is on its way and need not be waited for."""
        return self._batch is not None and self._done.done()

    def begin(self, batch: Batch) -> None:
        """Store a batch; nothing may be on its way."""
        self._batch = batch
        self._done = self._thread.submit(self._insert, batch)

    def wait(self, again: Callable[[Table, Sequence[Piece]], None]) -> Batch | None:
        """Return when all of what was on its way is stored; gives it.

        Args:
            again: makes one insert with care; called for all of them where one failed.
        """
        if self._batch is None:
            return None
        try:
            self._done.result()
        except (StoreDownError, RowsRefusedError):
            self._each_insert(self._batch, again)
        batch, self._batch = self._batch, None
        return batch

    def close(self) -> None:
        """Wait for the thread and close the connection."""
        self._thread.shutdown()
        self._store.close()

    def _insert(self, batch: Batch) -> None:
        self._each_insert(batch, lambda table, pieces: insert(self._store, table, pieces))

    @staticmethod
    def _each_insert(batch: Batch, make: Callable[[Table, Sequence[Piece]], None]) -> None:
        for table, pieces in batch.pieces.items():
            for part in inserts(table, pieces):
                make(table, part)
