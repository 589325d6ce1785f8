"""The columns of ``lines.raw`` as Python values, taken out field by field, far cheaper than row by row."""

from typing import NamedTuple

from schemas.columns import Columns, Rows
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
    """One batch: ``offsets`` and ``rows`` in log order, None for a record that could not be read."""

    def __init__(self, batch: Columns) -> None:
        self._data = batch.data.tobytes()
        self._timestamps = batch.timestamps.tolist()
        self._keys = batch.keys.tolist()
        self._values = batch.values.tolist()
        self.offsets: list[int] = batch.offsets.tolist()
        tables = [self._table(kind, rows) for kind, rows in zip(_TYPES, batch.tables, strict=True)]
        places = zip(batch.kinds.tolist(), batch.rows.tolist(), strict=True)
        self.rows: list[Row | None] = [tables[kind][row] if kind >= 0 else None for kind, row in places]

    def origin(self, index: int) -> Origin:
        """The record as it stood in the log."""
        key = self._bytes(*self._keys[index])
        value = self._bytes(*self._values[index]) or b""
        return Origin(self.offsets[index], self._timestamps[index], key, value)

    def _bytes(self, at: int, size: int) -> bytes | None:
        return None if size < 0 else self._data[at : at + size]

    def _table(self, kind: type[Row], rows: Rows) -> list[Row]:
        names = kind._fields
        return [kind(*values) for values in zip(*(self._column(rows, name) for name in names), strict=True)]

    def _column(self, rows: Rows, name: str) -> list[object]:
        column = rows[name]
        if column.dtype.names is None:
            numbers: list[object] = column.tolist()
            return numbers
        spans = zip(column["at"].tolist(), column["size"].tolist(), strict=True)
        return [self._data[at : at + size] for at, size in spans]
