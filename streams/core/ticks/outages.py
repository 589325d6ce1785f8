"""Outages of the sources, for the minutes they touched: those of a late print may be many outages ago."""

import struct
from collections.abc import Mapping
from typing import Final

from streams.core.periods import Periods
from streams.core.ticks.rows import Rows
from streams.core.watermark import FOREVER, NEVER, Watermarks

_SIZE: Final = struct.Struct("<q")


class Outages:
    """The newest outages of each source of a partition.

    Attributes:
        evicted: how many were forgotten since the last look.
    """

    def __init__(self) -> None:
        self.evicted = 0
        self._found = Periods()
        self._turns = -1

    def show(self, marks: Watermarks, sources: Rows, *, anew: bool = False) -> None:
        """Let kernels see what is known of the sources; nothing to do where no liveness changed.

        Args:
            marks: of the partition.
            sources: LIVE rows, by number of the source.
            anew: the rows are new.
        """
        if self._turns == marks.turns and not anew:
            return
        self._turns = marks.turns
        for number in range(len(marks)):
            born, start, end = marks.outage(number)
            if start > NEVER:
                self.evicted += self._found.note(number, start, end)
            row, known = sources[number], self._found.of(number)
            row["born"] = born
            row["failed"], row["since"] = FOREVER, NEVER
            row["failed"][: len(known)] = [start for start, _ in known]
            row["since"][: len(known)] = [end for _, end in known]

    def pack(self, places: Mapping[int, int]) -> bytes:
        """The state; the sources get the given numbers."""
        body = self._found.renumbered(places).save()
        return _SIZE.pack(len(body)) + body

    def restore(self, body: bytes) -> bytes:
        """Take up what ``pack`` gave, and give what stands behind it."""
        end = _SIZE.size + _SIZE.unpack_from(body)[0]
        self._found, self._turns = Periods(body[_SIZE.size : end]), -1
        return body[end:]
