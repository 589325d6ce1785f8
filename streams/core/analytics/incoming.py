"""Bars of ``bars.1m`` as rows of our own, each checked."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.columns import Columns
from schemas.market.intervals import MINUTE
from schemas.records import record_type
from streams.core.analytics.rows import BAR, NONE, NULL, Rows

_BAR: Final = record_type("Bar")
_PRICES: Final = ("open", "high", "low", "close", "volume")
_SAME: Final = ("ts_open", "ts_close", "session_date", *_PRICES, "fill", "revision")
_NULLABLE: Final = ("trades", "ts_first", "ts_last")


def incoming(batch: Columns) -> Rows:
    """The bars of a batch as BAR rows, in the order of its table; their source is not numbered yet."""
    table = batch.table("Bar")
    bars = np.zeros(len(table), BAR)
    if len(table) == 0:
        return bars
    for name in (*_SAME, *_NULLABLE, "notional", "flags"):
        bars[name] = table[name]
    for name in _NULLABLE:
        bars[name][_null(table, name)] = NULL
    bars["notional"][_null(table, "notional")] = np.nan
    for name in ("values_revision", "cause", "source"):
        bars[name] = NONE
    return bars


def faults(batch: Columns) -> dict[int, tuple[str, str]]:
    """Code and detail of each bar of a batch that is refused, by row of its table."""
    table = batch.table("Bar")
    if len(table) == 0:
        return {}
    finite = np.logical_and.reduce([np.isfinite(table[name]) for name in _PRICES])
    finite &= np.isfinite(table["notional"]) | _null(table, "notional")
    minute = (table["ts_open"] % MINUTE == 0) & (table["ts_close"] - table["ts_open"] == MINUTE)
    refused = {int(row): ("V06", "must begin and end on a minute") for row in np.flatnonzero(~minute)}
    refused.update({int(row): ("V01", "numbers must be finite") for row in np.flatnonzero(~finite)})
    for row in np.flatnonzero(~_spelt(batch, table["interval"], b"1m")):
        refused.setdefault(int(row), ("V06", "interval must be 1m"))
    return refused


def _spelt(batch: Columns, spans: Rows, text: bytes) -> NDArray[np.bool_]:
    same = spans["size"] == len(text)
    for number, byte in enumerate(text):
        same &= batch.data[np.where(same, spans["at"] + number, 0)] == byte
    return np.asarray(same)


def _null(table: Rows, name: str) -> NDArray[np.bool_]:
    return np.asarray(table["nulls"] & _BAR.null_bit(name) != 0)
