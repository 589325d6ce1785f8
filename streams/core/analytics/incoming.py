"""Bars of ``bars.1m`` as rows of our own, each checked."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from schemas.columns import Bytes, Columns
from schemas.jit import kernel
from schemas.market.intervals import MINUTE
from schemas.records import record_type
from streams.core.analytics.rows import BAR, NONE, NULL, Ints, Row, Rows

_BAR: Final = record_type("Bar")
_NO_NOTIONAL: Final = _BAR.null_bit("notional")
_NO_TRADES: Final = _BAR.null_bit("trades")
_NO_FIRST: Final = _BAR.null_bit("ts_first")
_NO_LAST: Final = _BAR.null_bit("ts_last")
_NO_ROWS: Final = np.zeros(0, BAR)
_NONE_SET: Final = np.uint64(0)
_MOST_REVISION: Final = 2**31 - 1  # of the bars there are

FAULTS: Final = (
    ("", ""),
    ("V01", "numbers must be finite"),
    ("V06", "must begin and end on a minute"),
    ("V06", "interval must be 1m"),
    ("V01", "revision must be below 2147483648"),
)
"""Code and detail of each fault; the first is none."""


class Incoming:
    """The bars of a batch.

    Attributes:
        rows: BAR rows in the order of the table; their source is not numbered yet.
        faults: number in ``FAULTS`` of each row.
        symbols: name of each row in UTF-8.
        sources: source of each row in UTF-8.
        opens: start of each row.
        revisions: revision of each row.
    """

    def __init__(self, batch: Columns) -> None:
        table = batch.table("Bar")
        self.rows = np.zeros(len(table), BAR) if len(table) else _NO_ROWS
        self.faults: list[int] = []
        self.symbols: list[bytes] = []
        self.sources: list[bytes] = []
        self.opens: list[int] = []
        self.revisions: list[int] = []
        if len(table):
            self._take(batch, table)

    def _take(self, batch: Columns, table: Rows) -> None:
        faults = np.zeros(len(table), np.int64)
        _take(table, batch.data, self.rows, faults)
        self.faults = faults.tolist()
        self.symbols = list(texts(batch, table["symbol"]))
        self.sources = list(texts(batch, table["source"]))
        self.opens = self.rows["ts_open"].tolist()
        self.revisions = self.rows["revision"].tolist()


class Promises:
    """The heartbeats of a batch.

    Attributes:
        sources: source of each row in UTF-8.
        fields: ts, alive, ts_last, ts_through and final of each row.
    """

    def __init__(self, batch: Columns) -> None:
        table = batch.table("Heartbeat")
        self.sources = list(texts(batch, table["source"]))
        self.fields: list[tuple[int, ...]] = [row[2:-1] for row in table.tolist()]


def texts(batch: Columns, spans: Rows) -> Iterator[bytes]:
    """The texts of several spans."""
    data = batch.data
    for at, size in zip(spans["at"].tolist(), spans["size"].tolist(), strict=True):
        yield data[at : at + max(size, 0)].tobytes()


@kernel
def _take(table: Rows, data: Bytes, rows: Rows, faults: Ints) -> None:
    for i in range(len(table)):
        bar, out = table[i], rows[i]
        out["ts_open"], out["ts_close"] = bar["ts_open"], bar["ts_close"]
        out["session_date"], out["fill"] = bar["session_date"], bar["fill"]
        out["revision"], out["flags"] = bar["revision"], bar["flags"]
        out["open"], out["high"] = bar["open"], bar["high"]
        out["low"], out["close"], out["volume"] = bar["low"], bar["close"], bar["volume"]
        _nullable(bar, out)
        out["values_revision"], out["cause"], out["source"] = NONE, NONE, NONE
        faults[i] = _fault(bar, data)


@kernel
def _nullable(bar: Row, out: Row) -> None:
    nulls = bar["nulls"]
    out["notional"] = bar["notional"] if nulls & _NO_NOTIONAL == _NONE_SET else np.nan
    out["trades"] = bar["trades"] if nulls & _NO_TRADES == _NONE_SET else NULL
    out["ts_first"] = bar["ts_first"] if nulls & _NO_FIRST == _NONE_SET else NULL
    out["ts_last"] = bar["ts_last"] if nulls & _NO_LAST == _NONE_SET else NULL


@kernel
def _fault(bar: Row, data: Bytes) -> int:
    numbers = bar["open"] + bar["high"] + bar["low"] + bar["close"] + bar["volume"]
    finite = np.isfinite(numbers) or _finite(bar)
    known = bar["nulls"] & _NO_NOTIONAL == _NONE_SET
    if not finite or (known and not np.isfinite(bar["notional"])):
        return 1
    if bar["ts_open"] % MINUTE != 0 or bar["ts_close"] - bar["ts_open"] != MINUTE:
        return 2
    at, size = bar["interval"]["at"], bar["interval"]["size"]
    if size != 2 or data[at] != 49 or data[at + 1] != 109:  # b"1m"
        return 3
    return 4 if bar["revision"] > _MOST_REVISION else 0


@kernel
def _finite(bar: Row) -> bool:
    """The sum of finite numbers may be infinite."""
    prices = np.isfinite(bar["open"]) and np.isfinite(bar["high"]) and np.isfinite(bar["low"])
    return bool(prices and np.isfinite(bar["close"]) and np.isfinite(bar["volume"]))
