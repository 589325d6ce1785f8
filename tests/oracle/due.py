"""Whether a minute is decided at a record. Each sentence behind ``By law`` is one of SEMANTICS."""

from collections.abc import Mapping
from typing import Any

from schemas.config import SymbolConfig
from tests.oracle.calendar import MINUTE
from tests.oracle.known import GRACE, Known
from tests.oracle.sources import Sources

Record = dict[str, Any]


def is_due(
    known: Known,
    sources: Sources,
    symbol: SymbolConfig,
    ts_open: int,
    came: Mapping[str, Record],
    record: Record,
    newest: int,
) -> bool:
    """Whether a minute is decided at a record.

    Args:
        known: the symbols.
        sources: the sources, as of the record.
        symbol: the symbol of the minute.
        ts_open: the minute.
        came: its bars by source.
        record: the record.
        newest: the newest minute of the trade date that has a bar.
    """
    close, best = ts_open + MINUTE, known.best(symbol)
    waits = symbol.symbol in known.waiting
    named = [symbol.history] if waits else symbol.sources
    is_beat = record["record"] == "Heartbeat"
    # By text "a final heartbeat decides, of each trade date, every minute up to the newest one"
    if is_beat and record["final"] and record["source"] in named and ts_open <= newest:
        return True
    if close <= known.begins[symbol.symbol]:
        return True  # nothing is expected before the subscription, so nothing is waited for
    # By law "the first record where the best alive source (configured order) has delivered its bar m
    # or its watermark passes ts_close"
    if best:
        delivered = best in came and (waits or came[best]["fill"] == "real")
        return delivered or sources.mark[best] >= close
    # By law "where none is alive, the first heartbeat of any writer past ts_close + [5 s] decides"
    return known.newest >= close + GRACE
