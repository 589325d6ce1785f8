"""Prints that wait to be confirmed (V13): their original bytes, until it is known what becomes of them."""

import struct
from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.columns import Columns, Draft
from schemas.errors import StateError
from streams.core.ticks.letters import CODES, Original, original, write_original
from streams.core.ticks.rows import CONFIRMED, HELD, MOST_RECORD, V13, WAITING, Rows

_HEAD: Final = struct.Struct("<qii")  # timestamp, bytes of the key, -1 for none, and of the value

MOST_BYTES: Final = WAITING.itemsize + _HEAD.size + MOST_RECORD
"""Most bytes that one print takes while it waits."""


class Held:
    """Records that are held, by their offset."""

    def __init__(self) -> None:
        self._records: dict[int, Original] = {}

    def keep(self, batch: Columns, verdicts: NDArray[np.int16]) -> None:
        """Take up the records of a batch that are held at first."""
        for at in np.flatnonzero(verdicts == HELD):
            self._records[int(batch.offsets[at])] = original(batch, int(at))

    def settle(self, fates: Rows, draft: Draft, batch: Columns) -> Counter[str]:
        """Let go of what was confirmed or refused, and write the latter.

        Args:
            fates: FOLD[n], what became of which offset, in order.
            draft: gets the dead letters.
            batch: what the stage works on.

        Returns:
            How the counts change.
        """
        counts: Counter[str] = Counter()
        for at, offset, what in zip(
            *(fates[name].tolist() for name in ("at", "offset", "what")), strict=True
        ):
            record = self._records.pop(offset)
            counts["held"] -= 1
            if what == CONFIRMED:
                counts["out"] += 1
            else:
                counts["rejected"] += 1
                counts["rejected.V13"] += 1
                write_original(draft, batch, at, offset, record, CODES[V13])
        return counts

    def pack(self, row: np.void) -> bytes:
        """What a PAIR row holds, with the original records."""
        kept = row["waiting"][: int(row["held"])]
        parts = [kept.tobytes()]
        for offset in kept["offset"].tolist():
            timestamp, key, data = self._records[offset]
            parts += [_HEAD.pack(timestamp, -1 if key is None else len(key), len(data)), key or b"", data]
        return b"".join(parts)

    def restore(self, row: np.void, body: bytes) -> bytes:
        """Take up what ``pack`` gave for a row, and give what stands behind it.

        Raises:
            StateError: it is torn.
        """
        count = int(row["held"])
        at = count * WAITING.itemsize
        row["waiting"][:count] = np.frombuffer(body[:at], WAITING)
        for offset in row["waiting"]["offset"][:count].tolist():
            timestamp, key, data = _HEAD.unpack_from(body, at)
            start = at + _HEAD.size
            at = start + max(key, 0) + data
            name = None if key < 0 else body[start : start + key]
            self._records[offset] = Original(timestamp, name, body[at - data : at])
        if at > len(body):
            raise StateError(f"held prints must have {at} bytes, was {len(body)!r}")
        return body[at:]
