"""Saved states on their way out of a stage, in the order in which they must be written.

Of a hundred thousand symbols most change between two checkpoints. A Python object for each key and state took
longer than packing them, so they stand in one buffer from the kernel that packs them to the one that makes
record batches of them.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from schemas.batches.encode import Encoded
from schemas.batches.wire import Bytes, Ints, unpacked


class States(Mapping[bytes, bytes]):
    """Saved states by state key.

    Attributes:
        records: keys and states in order, without timestamps.

    Args:
        records: the same.
    """

    def __init__(self, records: Encoded) -> None:
        self.records = records

    @classmethod
    def packed(cls, data: Bytes, keys: Ints, values: Ints) -> "States":
        """States of packed spans into a buffer."""
        return cls(Encoded(data, unpacked(keys), unpacked(values), np.zeros(len(keys), np.int64)))

    @classmethod
    def of(cls, states: Mapping[bytes, bytes]) -> "States":
        """The same states in one buffer, in their order."""
        if isinstance(states, States):
            return states
        return cls(Encoded.of(states.keys(), states.values(), np.zeros(len(states), np.int64)))

    def part(self, first: int, last: int) -> "States":
        """Those from a position up to, not including, another one; nothing is copied."""
        return States(self.records.part(first, last))

    def key(self, position: int) -> bytes:
        """The key at a position."""
        at, size = self.records.keys[position].item()
        return self.records.data[at : at + size].tobytes()

    @cached_property
    def _known(self) -> dict[bytes, bytes]:
        return {key or b"": state for key, state, _ in self.records.records()}

    def __getitem__(self, key: bytes) -> bytes:
        return self._known[key]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self.records)
