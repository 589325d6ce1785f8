"""Many lines of a file as they stand in one piece: where each is, its mode and its time."""

from typing import Final

import numpy as np

from connectors.sources.jsnl.tail import HEAD, LINE_LIMIT, Raw
from schemas.batches.glances import glances
from schemas.batches.lookup import distinct
from schemas.batches.wire import sealed
from schemas.columns import Ints
from schemas.records import SPAN

_NEWLINE: Final = 10
_RETURN: Final = 13


class Block:
    """Lines read together.

    Attributes:
        data: their bytes, line ends included.
        sizes: int64[n], bytes of each line without its end.
        spans: int64[n], packed spans of the lines.
        instants: int64[n], time of each; negative where it must be looked at by itself.
        modes: different modes of the others.
        names: the same as text.
        numbers: int64[n], position of each line's mode in ``modes``, where it has one.
    """

    def __init__(self, data: bytes, offset: int, number: int) -> None:
        """Read.

        Args:
            data: complete lines; the end of the last one may be missing.
            offset: where they begin in the file.
            number: number of the line before them.
        """
        self.data = data
        self._offset, self._number = offset, number
        view = sealed(data)
        ends = np.flatnonzero(view == _NEWLINE)
        if data[-1] != _NEWLINE:
            ends = np.append(ends, len(data))
        self._starts = np.concatenate([[0], ends[:-1] + 1])
        returns = (ends > self._starts) & (view[ends - 1] == _RETURN)
        self.sizes = ends - self._starts - returns
        self.spans = (self.sizes << 32) | self._starts
        modes, self.instants = np.empty(len(ends), np.int64), np.empty(len(ends), np.int64)
        glances(view, self.spans, modes, self.instants)
        self.instants[self.sizes > LINE_LIMIT] = -1
        good = np.flatnonzero(self.instants >= 0)
        self.modes: list[bytes] = []
        self.numbers = np.zeros(len(ends), np.int64)
        if len(good):
            self.numbers[good], firsts = distinct(view, modes[good].view(SPAN))
            self.modes = [self._bytes(int(span)) for span in modes[good][firsts]]
        self.names = [mode.decode() for mode in self.modes]

    def __len__(self) -> int:
        return len(self.sizes)

    def raw(self, row: int) -> Raw:
        """One line by itself."""
        at, size = int(self._starts[row]), int(self.sizes[row])
        data = self.data[at : at + (size if size <= LINE_LIMIT else HEAD)]
        end = self._starts[row + 1] if row + 1 < len(self) else len(self.data)
        return Raw(self.number(row), data, size, self._offset + int(end))

    def number(self, row: int) -> int:
        """Number of a line."""
        return self._number + row + 1

    def numbered(self, rows: Ints) -> Ints:
        """Numbers of lines."""
        return rows + (self._number + 1)

    def _bytes(self, span: int) -> bytes:
        at = span & 0xFFFF_FFFF
        return self.data[at : at + (span >> 32)]
