"""Fetches: record batches of one partition as they came, from the wanted offset to the last whole batch.

A fetch answers with whole batches, so it may begin below the wanted offset and end within a batch.
"""

import struct
from dataclasses import dataclass
from typing import Final

from schemas.batches.headers import UNCOUNTED

_HEAD: Final = struct.Struct(">qi11xi")  # base offset, length, what is between, last offset delta


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
    data: bytes | memoryview
    aborted: tuple[tuple[int, int], ...]


def end_of(data: bytes | memoryview) -> int:
    """Offset after the last whole batch; -1 where there is none."""
    at, end, size = 0, -1, len(data)
    while at + _HEAD.size <= size:
        base, length, last = _HEAD.unpack_from(data, at)
        at += UNCOUNTED + int(length)
        if at > size or length <= 0:
            break
        end = base + last + 1
    return end
