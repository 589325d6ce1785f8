"""Checks of one tick or quote, and the identities of V16, for the oracle of ticks."""

import math
import re
from collections import defaultdict
from typing import Any, Final

from schemas.config import Domain

Record = dict[str, Any]

_WINDOW: Final = 4_096
_NAMES: Final = 512
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")


def stateless(record: Record, domain: Domain) -> str:  # noqa: PLR0911  # one line a check, in their order
    """Code of the first of V01-V03, V05 and V08 that a record fails; empty where it passes."""
    quoted = record["record"] == "Quote"
    if not record["record"]:
        return "V01"  # "undecodable"
    prices = [record["bid"], record["ask"]] if quoted else [record["price"]]
    sizes = [record["bid_size"], record["ask_size"]] if quoted else [record["size"]]
    if not all(math.isfinite(float(value)) for value in [*prices, *sizes] if value is not None):
        return "V01"  # "NaN, infinity"
    symbol = next((one for one in domain.symbols if one.symbol == record["symbol"]), None)
    sources = [one.name for one in domain.sources if one.topic == "ticks.raw"]
    if symbol is None or record["source"] not in symbol.sources or record["source"] not in sources:
        # By law "unknown symbol"; of a source that the symbol does not name there is no symbol either
        return "V02"
    rules = domain.assets[symbol.asset]
    if min(prices) <= 0 and rules.nonpositive_price == "forbid":
        return "V03"  # "price <= 0 (per asset class forbid, flag, allow)"
    if any(size is not None and (size < 0 if quoted else size <= 0) for size in sizes):
        return "V05"  # "volume < 0; trade size <= 0"
    if record["ts_event"] > record["ts_recv"] + rules.future_ms * 1_000_000:
        return "V08"  # "ts_event later than ts_recv by more than [5 s]"
    return ""


def folded_price(record: Record, basis: str) -> float | None:
    """The price that counts in bars; None where the symbol goes by the other kind of record."""
    if record["record"] == "Tick":
        return record["price"] if basis == "last" else None
    bid, ask = record["bid"], record["ask"]
    return {"last": None, "bid": bid, "ask": ask, "mid": (bid + ask) / 2}[basis]


class Identities:
    """V16: "duplicate: same (symbol, source, trade_id), else (symbol, source, seq)"."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Any, ...], set[int]] = defaultdict(set)
        self._newest: dict[tuple[Any, ...], int] = {}
        self._names: dict[tuple[Any, ...], list[str]] = defaultdict(list)

    def seen(self, record: Record) -> str:
        """``duplicate``, ``late.V16`` or empty, after which the identity is taken."""
        trade_id, seq = record.get("trade_id"), record["seq"]
        where = (record["symbol"], record["source"], record["record"], trade_id is not None)
        if trade_id is None and seq is None:
            return ""  # "Without trade_id and seq a tick has no identity and the check does not apply"
        if trade_id is None:
            return self._number(where, seq)
        if _NUMBER.fullmatch(trade_id):
            return self._number(where, int(trade_id))
        # By law "others: the last [512] hashes, first in first out"
        names = self._names[where]
        if trade_id in names:
            return "duplicate"
        names.append(trade_id)
        del names[:-_NAMES]
        return ""

    def _number(self, where: tuple[Any, ...], number: int) -> str:
        # By law "Numeric, growing identities: a sliding window of the last [4,096] numbers
        # (...; below it: LATE with that reason)"
        newest = self._newest.get(where, number)
        if number <= newest - _WINDOW:
            return "late.V16"
        if number in self._numbers[where]:
            return "duplicate"
        self._numbers[where].add(number)
        self._newest[where] = max(newest, number)
        return ""
