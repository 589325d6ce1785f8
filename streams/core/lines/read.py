"""The records of ``lines.raw``: which mode each is of, and each as Python values where it is asked for."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.batches.wire import packed
from schemas.columns import Columns, Ints
from schemas.jsnl import TEXT_LIMIT
from schemas.records import SPAN
from streams.core.lines.items import named
from streams.core.lines.modes import Origin


class LineRow(NamedTuple):
    """A ``Line``."""

    mode: bytes
    file_id: bytes
    line: int
    ts_event: int
    data: bytes
    detail: bytes


class ModeConfigRow(NamedTuple):
    """A ``ModeConfig``."""

    mode: bytes
    strand_id: bytes
    component: bytes
    file_id: bytes
    line: int
    scanned: int
    ts_event: int
    live: int
    data: bytes
    version: int


class ModeUnknownRow(NamedTuple):
    """A ``ModeUnknown``."""

    mode: bytes
    detail: bytes


class RunEndRow(NamedTuple):
    """A ``RunEnd``."""

    mode: bytes
    strand_id: bytes
    file_id: bytes
    line: int
    ts_event: int
    reason: int
    replace: int


class ConfigRow(NamedTuple):
    """A ``Config``."""

    version: int
    body: bytes


Row = LineRow | ModeConfigRow | ModeUnknownRow | RunEndRow | ConfigRow
_TYPES: tuple[type[Row], ...] = (LineRow, ModeConfigRow, ModeUnknownRow, RunEndRow, ConfigRow)


class Batch:
    """One batch, its rows taken out one by one where they are asked for.

    Attributes:
        offsets: int64[n], in log order.
        mode_of: int64[n], number of each record's mode, -1 where it has none that can be.
        modes: the modes by number.
    """

    def __init__(self, batch: Columns) -> None:
        self.columns = batch
        self.offsets = batch.offsets
        self.mode_of, self.modes = _modes(batch)
        self._keys, self._values = packed(batch.keys), packed(batch.values)

    def __len__(self) -> int:
        return len(self.columns)

    def row(self, index: int) -> Row | None:
        """The record at an index of the batch; None where it could not be read."""
        number = int(self.columns.kinds[index])
        if number < 0:
            return None
        kind = _TYPES[number]
        cells = self.columns.tables[number][int(self.columns.rows[index])]
        return kind._make(self._value(cells[name]) for name in kind._fields)

    def origin(self, index: int) -> Origin:
        """The record as it stood in the log."""
        key = int(self._keys[index])
        return Origin(
            int(self.offsets[index]),
            int(self.columns.timestamps[index]),
            None if key < 0 else self._bytes(key),
            self._bytes(int(self._values[index])),
        )

    def _bytes(self, span: int) -> bytes:
        at = span & 0xFFFF_FFFF
        return self.columns.data[at : at + max(span >> 32, 0)].tobytes()

    def _value(self, cell: np.generic) -> object:
        return self.columns.bytes_at(cell) if isinstance(cell, np.void) else cell.item()


def _modes(batch: Columns) -> tuple[Ints, Sequence[bytes]]:
    spans = np.zeros(len(batch), np.int64)
    for number, kind in enumerate(_TYPES):
        if "mode" in kind._fields:
            places = np.flatnonzero(batch.kinds == number)
            spans[places] = packed(batch.tables[number]["mode"])[batch.rows[places]]
    sizes = spans >> 32
    numbers, names = named(batch.data, spans.view(SPAN))
    return np.where((sizes > 0) & (sizes <= TEXT_LIMIT), numbers, -1), names
