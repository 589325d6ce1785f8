"""The records of ``bars.raw`` as the stage reads them: one tuple a row, in the order of the schema."""

from typing import Final, NamedTuple, TypeAlias

import numpy as np

from schemas.columns import Columns
from schemas.flags import WITHDRAWN
from schemas.records import record_type
from streams.core.bars.state import Ints, Rows
from streams.core.bars.validate import check

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


MANY: Final = 8
"""From so many bars on they are taken as columns."""


class Bars:
    """The bars of a batch, each checked.

    Attributes:
        table: their rows.
        failed: bits of the checks that each fails.
        flags: those that each has, and gets.
        columns: of many bars, what the next one of a symbol needs; None where there are few.
    """

    def __init__(self, batch: Columns) -> None:
        self.table: Rows = batch.table("Bar")
        found = np.empty((2, len(self.table)), np.int64)
        if len(self.table):
            check(self.table, batch.data, found[0], found[1])
        self.failed, self.flags = found.tolist()
        self.columns = BarColumns(batch, self.table, *found) if len(self.table) >= MANY else None

    def at(self, row: int) -> BarRow:
        """One of them."""
        return BarRow._make(self.table[row].item())


class BarColumns:
    """What the next bar of a symbol needs of many.

    Attributes:
        symbols: their symbols.
        sources: their sources.
        opens: starts of their minutes.
        revisions: revisions of their sources.
        closes: closes.
        volumes: volumes.
        flags: those that each has, and gets.
        plain: whether each passes the checks, is not refetched and not taken back.
    """

    def __init__(self, batch: Columns, table: Rows, failed: Ints, flags: Ints) -> None:
        texts = Texts(batch)
        self.symbols, self.sources = texts.all(table["symbol"]), texts.all(table["source"])
        self.opens: list[int] = table["ts_open"].tolist()
        self.revisions: list[int] = table["revision"].tolist()
        self.closes: list[float] = table["close"].tolist()
        self.volumes: list[float] = table["volume"].tolist()
        self.flags: list[int] = flags.tolist()
        self.plain: list[bool] = ((failed == 0) & (flags & WITHDRAWN == 0) & (table["fill"] == 0)).tolist()


class Texts:
    """The texts of a batch, by span."""

    def __init__(self, batch: Columns) -> None:
        self._data = batch.data.data  # shared by all batches of a fetch: never copied whole

    def at(self, span: Span) -> bytes:
        """The bytes of a span."""
        start, size = span
        return self._data[start : start + size].tobytes() if size > 0 else b""

    def all(self, spans: Rows) -> list[bytes]:
        """The bytes of spans, at least one."""
        starts, ends = spans["at"], spans["at"] + np.maximum(spans["size"], 0)
        first = int(starts.min())
        data = self._data[first : ends.max()].tobytes()
        bounds = zip((starts - first).tolist(), (ends - first).tolist(), strict=True)
        return [data[at:end] for at, end in bounds]
