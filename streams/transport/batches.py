"""Record batches straight from aiokafka's fetcher.

aiokafka turns every record of a fetch into an object, which costs more than all our work on it. Its fetcher
asks two classes to do that; here are two in their place that hand the bytes on as they came. A fetch answers
with whole batches, so it may begin below the wanted offset and end within a batch.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.consumer import fetcher

_HEAD: Final = struct.Struct(">qi")
_LAST_DELTA: Final = struct.Struct(">i")
_LAST_DELTA_AT: Final = 23
_SMALLEST: Final = 61


@dataclass(frozen=True, slots=True, eq=False)
class Fetch:
    """What one fetch brought for one partition.

    Attributes:
        start: the wanted offset; records below it in the first batch are not to be read.
        end: offset after the last whole batch, records that compaction removed included.
        data: whole batches, then perhaps the beginning of another.
        aborted: (producer id, first offset) of aborted transactions.
    """

    start: int
    end: int
    data: bytes
    aborted: tuple[tuple[int, int], ...]


class RawRecords:
    """Stands for aiokafka's ``MemoryRecords``: keeps the bytes, knows where the last whole batch ends."""

    def __init__(self, data: bytes) -> None:
        self.data = bytes(data)
        self.end = -1
        at = 0
        while at + _SMALLEST <= len(self.data):
            base, length = _HEAD.unpack_from(self.data, at)
            if at + _HEAD.size + length > len(self.data):
                break
            self.end = base + _LAST_DELTA.unpack_from(self.data, at + _LAST_DELTA_AT)[0] + 1
            at += _HEAD.size + length

    def has_next(self) -> bool:
        """Whether there is a whole batch."""
        return self.end >= 0

    def size_in_bytes(self) -> int:
        """Size of all that came; more than nothing without a whole batch means that it was too large."""
        return len(self.data)


class RawPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Stands for aiokafka's ``PartitionRecords``: one ``Fetch`` instead of many records."""

    def __init__(
        self,
        tp: object,
        records: RawRecords,
        aborted_transactions: list[tuple[int, int]] | None,
        fetch_offset: int,
        *_: object,
    ) -> None:
        self._tp = tp
        self.next_fetch_offset = fetch_offset
        aborted = tuple((int(producer), int(first)) for producer, first in aborted_transactions or ())
        self._records_iterator: Any = self._once(Fetch(fetch_offset, records.end, records.data, aborted))

    def _once(self, fetch: Fetch) -> Iterator[Fetch]:
        self.next_fetch_offset = max(fetch.end, fetch.start)
        yield fetch


def install() -> None:
    """Put both in place, for all consumers of this process: the worker has one, and it reads nothing else."""
    fetcher.MemoryRecords = RawRecords
    fetcher.PartitionRecords = RawPartitionRecords
