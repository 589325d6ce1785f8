"""One topic and partition kept in memory: what the pipeline has instead of Kafka."""

from collections.abc import Iterator

import numpy as np

from schemas.batches.encode import Encoded
from schemas.batches.frames import Frames


class Log:
    """Records appended in blocks, with offsets counted from 0."""

    def __init__(self) -> None:
        self._blocks: list[Frames] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def append(self, encoded: Encoded) -> None:
        """Append encoded records in order."""
        count = len(encoded.timestamps)
        if count == 0:
            return
        first = len(self)
        offsets = np.arange(first, first + count, dtype=np.int64)
        published = np.zeros(count, np.int64)
        self._blocks.append(
            Frames(encoded.data, offsets, encoded.timestamps, encoded.keys, encoded.values, published)
        )
        self._ends.append(first + count)

    def batches(self, first: int, most: int) -> Iterator[Frames]:
        """The records from an offset on, in batches of at most ``most`` that cross no block."""
        index = int(np.searchsorted(self._ends, first, side="right"))
        for block, end in zip(self._blocks[index:], self._ends[index:], strict=True):
            start = end - len(block.offsets)
            for low in range(max(first, start), end, most):
                yield block.cut(low - start, min(low + most, end) - start)

    def records(self) -> Iterator[tuple[int, bytes | None, bytes | None]]:
        """Timestamp (ms), key and value of every record."""
        for block in self._blocks:
            for row in range(len(block.offsets)):
                yield (
                    int(block.timestamps[row]),
                    _bytes(block, block.keys[row]),
                    _bytes(block, block.values[row]),
                )


def _bytes(block: Frames, span: np.void) -> bytes | None:
    at, size = int(span["at"]), int(span["size"])
    return None if size < 0 else block.data[at : at + size].tobytes()
