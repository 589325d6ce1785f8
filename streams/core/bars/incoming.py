"""The records of ``bars.raw`` as the stage reads them: one tuple a row, in the order of the schema."""

from typing import NamedTuple, TypeAlias

from schemas.columns import Columns
from schemas.records import record_type

Span: TypeAlias = tuple[int, int]


class BarRow(NamedTuple):
    """A Bar."""

    symbol: Span
    interval: Span
    ts_open: int
    ts_close: int
    session_date: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    notional: float
    trades: int
    ts_first: int
    ts_last: int
    revision: int
    fill: int
    expected: int
    actual: int
    filled: int
    complete: int
    coverage: float
    source: Span
    flags: int
    nulls: int


class MinuteRow(NamedTuple):
    """A MinuteStatus."""

    symbol: Span
    source: Span
    ts_open: int
    rejected: int
    late: int
    duplicate: int
    seq_hole: int
    halted: int
    cause: int
    filled: int
    nulls: int


class BeatRow(NamedTuple):
    """A Heartbeat."""

    source: Span
    writer: Span
    ts: int
    alive: int
    ts_last: int
    ts_through: int
    final: int
    nulls: int


class SourceRow(NamedTuple):
    """A SourceStatus."""

    source: Span
    ts: int
    status: int
    symbol: Span
    detail: Span
    nulls: int


class ConfigRow(NamedTuple):
    """A Config."""

    version: int
    ts: int
    body: Span
    nulls: int


STATUS_SYMBOL_NULL = int(record_type("SourceStatus").null_bit("symbol"))
"""Bit of a SourceStatus that concerns all symbols of its source."""
CONNECTED, DISCONNECTED, HISTORY_END, HISTORY_FAILED, HALTED, RESUMED = range(6)
"""What a SourceStatus says."""


class Texts:
    """The texts of a batch, by span."""

    def __init__(self, batch: Columns) -> None:
        self._data = batch.data.data  # shared by all batches of a fetch: never copied whole

    def at(self, span: Span) -> bytes:
        """The bytes of a span."""
        start, size = span
        return self._data[start : start + size].tobytes() if size > 0 else b""
