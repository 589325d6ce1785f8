"""Rows that wait to be stored, by table, and how they are cut into inserts."""

import time
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from connectors.sinks.clickhouse.native import Chunk, Column, Texts
from connectors.sinks.clickhouse.tables import DATE, INSTANT, Table
from runtime.reader import Partition
from schemas.batches.lookup import distinct
from schemas.batches.wire import Ints
from schemas.columns import Columns
from schemas.partition import partition_of

PARTITIONS_PER_INSERT: Final = 50


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Rows for a table and the batch they come from."""

    columns: Columns
    chunk: Chunk


def stamped(chunk: Chunk, published: Ints) -> Chunk:
    """Rows with the time when each was sent, in ns, of those of all records of their batch."""
    return chunk.with_column("ts_published", Column(INSTANT, published[chunk.places]))


class Batch:
    """What was read and is not stored yet.

    Attributes:
        pieces: rows by table.
        positions: the next offset of each partition, to be committed once the rows are stored.
        rows: how many rows wait.
    """

    def __init__(self) -> None:
        self.pieces: dict[Table, list[Piece]] = defaultdict(list)
        self.positions: dict[Partition, int] = {}
        self.rows = 0
        self._since = 0.0

    def add(self, table: Table, columns: Columns, chunk: Chunk) -> None:
        """Add rows for a table.

        Args:
            table: where they go.
            columns: the batch they come from.
            chunk: the rows.
        """
        if chunk.count:
            chunk.block()  # made here, while ClickHouse is busy with the batch before
            self.pieces[table].append(Piece(columns, chunk))
            self.rows += chunk.count

    def reached(self, partition: Partition, offset: int) -> None:
        """Say that everything below an offset was added."""
        if not self.positions:
            self._since = time.monotonic()
        self.positions[partition] = offset

    def age(self) -> float:
        """Seconds since the first record in it; 0 when it is empty."""
        return time.monotonic() - self._since if self.positions else 0.0

    def forget(self, partition: Partition) -> None:
        """Commit nothing of a partition; its rows may be stored all the same, they replace themselves."""
        self.positions.pop(partition, None)


def inserts(table: Table, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The rows of a table in as few inserts as the limit of partitions allows, in order within each."""
    numbers: dict[Hashable, int] = {}
    groups = []
    for piece in pieces:
        local, keys = _partitions(table, piece.chunk)
        places = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
        groups.append(places[local] // PARTITIONS_PER_INSERT)
    if len(numbers) <= PARTITIONS_PER_INSERT:
        yield list(pieces)
        return
    for group in range((len(numbers) - 1) // PARTITIONS_PER_INSERT + 1):
        found = [(piece, np.flatnonzero(own == group)) for piece, own in zip(pieces, groups, strict=True)]
        yield [Piece(piece.columns, piece.chunk.take(rows)) for piece, rows in found if len(rows)]


def _partitions(table: Table, chunk: Chunk) -> tuple[Ints, list[Hashable]]:
    """Number of each row's partition within the chunk and what each number stands for."""
    if table.month:
        column = chunk.columns[table.month]
        unit = "D" if column.type == DATE else "ns"
        months = (
            np.asarray(column.values).astype(f"datetime64[{unit}]").astype("datetime64[M]").view(np.int64)
        )
        keys, local = np.unique(months, return_inverse=True)
        return local.astype(np.int64), keys.tolist()
    texts: list[tuple[bytes, ...]] = [()]
    local = np.zeros(chunk.count, np.int64)
    for name in table.parts:
        numbers, own = _texts(chunk.columns[name])
        pairs, local = np.unique(local * len(own) + numbers, return_inverse=True)
        texts = [(*texts[pair // len(own)], own[pair % len(own)]) for pair in pairs.tolist()]
    if table.buckets:
        return local, [partition_of(text[0], table.buckets) for text in texts]
    return local, list(texts)


def _texts(column: Column) -> tuple[Ints, list[bytes]]:
    values = column.values
    if not isinstance(values, Texts):
        raise TypeError("partitions by text must be of text columns")
    numbers, firsts = distinct(values.data, values.spans)
    return numbers, texts_at(values, firsts)


def texts_at(values: Texts, rows: Ints) -> list[bytes]:
    """The texts of some rows."""
    spans = values.spans[rows].tolist()
    return [values.data[at : at + size].tobytes() for at, size in spans]


def halves(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """The rows in two halves, in order."""
    half = sum(piece.chunk.count for piece in pieces) // 2
    first: list[Piece] = []
    second: list[Piece] = []
    for piece in pieces:
        rows = np.arange(piece.chunk.count)
        for part, own in ((first, rows[:half]), (second, rows[half:])):
            if len(own):
                part.append(Piece(piece.columns, piece.chunk.take(own)))
        half = max(half - piece.chunk.count, 0)
    return first, second
