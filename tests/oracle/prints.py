"""Checks of one tick, quote or bar, and the identities of V16, for the oracles."""

import re
from collections import defaultdict
from typing import Any, Final

from schemas.config import Domain, SymbolConfig, rules_of
from schemas.flags import NONPOSITIVE, OFF_TICK, TS_FROM_RECV, WIDE_SPREAD
from schemas.rules import AssetRules
from tests.oracle.calendar import MINUTE, Calendar

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
    # By text "too large for sums, from 1e100 on"
    if not all(abs(float(value)) <= 1e100 for value in [*prices, *sizes] if value is not None):
        return "V01"  # "NaN, infinity"
    symbol = next((one for one in domain.symbols if one.symbol == record["symbol"]), None)
    sources = [one.name for one in domain.sources if one.topic == "ticks.raw"]
    if symbol is None or record["source"] not in symbol.sources or record["source"] not in sources:
        # By law "unknown symbol"; of a source that the symbol does not name there is no symbol either
        return "V02"
    rules = rules_of(domain, symbol)
    if min(prices) <= 0 and rules.nonpositive_price == "forbid":
        return "V03"  # "price <= 0 (per asset class forbid, flag, allow)"
    if any(size is not None and (size < 0 if quoted else size <= 0) for size in sizes):
        return "V05"  # "volume < 0; trade size <= 0"
    if record["ts_event"] > record["ts_recv"] + rules.future_ms * 1_000_000:
        return "V08"  # "ts_event later than ts_recv by more than [5 s]"
    return ""


def refusal(bar: Record, symbol: SymbolConfig | None, domain: Domain) -> str:  # noqa: PLR0911  # a line a check
    """Code of the first check that a bar fails, empty where it passes."""
    if not bar["record"]:
        return "V01"
    prices = [bar["open"], bar["high"], bar["low"], bar["close"]]
    sums = [bar["volume"], *([] if bar["notional"] is None else [bar["notional"]])]
    if not all(abs(price) <= 1e100 for price in prices) or not all(abs(one) <= 1e250 for one in sums):
        return "V01"
    if symbol is None:
        return "V02"
    if min(prices) <= 0 and rules_of(domain, symbol).nonpositive_price == "forbid":
        return "V03"
    # By law "high >= open, low, close and low <= open, high, close"
    if bar["high"] != max(prices) or bar["low"] != min(prices):
        return "V04"
    if bar["volume"] < 0:
        return "V05"
    # By law "bar not on its grid (start or length)"
    if bar["interval"] != "1m" or bar["ts_open"] % MINUTE or bar["ts_close"] != bar["ts_open"] + MINUTE:
        return "V06"
    return ""


def folded_price(record: Record, basis: str) -> float | None:
    """The price that counts in bars; None where the symbol goes by the other kind of record."""
    if record["record"] == "Tick":
        return record["price"] if basis == "last" else None
    bid, ask = record["bid"], record["ask"]
    return {"last": None, "bid": bid, "ask": ask, "mid": (bid + ask) / 2}[basis]


def meaning(record: Record, symbol: SymbolConfig, domain: Domain) -> set[str]:
    """What the sale conditions of a tick make of it."""
    text = record.get("conditions")
    if text is None or not symbol.conditions:
        return set()
    table = domain.conditions[symbol.conditions]
    if table.spelling == "letters":
        codes = set(text)
    elif table.spelling == "numbers":
        codes = {str(int(part)) for part in re.findall(r"[0-9]+", text)}
    else:
        number = int(text, 16)
        codes = {str(bit) for bit in range(64) if number >> bit & 1}
    kinds = {"volume_only": table.volume_only, "ignored": table.ignored, "auction": table.auction}
    return {kind for kind, listed in kinds.items() if codes & {*listed}}


def bar_of(record: Record, symbol: SymbolConfig, calendar: Calendar, domain: Domain) -> int | None:
    """An instant of the minute a record counts into; None outside the session."""
    ts = record["ts_event"]
    if calendar.segment(ts) is not None:
        return int(ts)
    # By law "ticks within [5 min] after the close with an auction condition count into the last bar"
    if "auction" not in meaning(record, symbol, domain):
        return None
    within = domain.auction_ms * 1_000_000
    ends = [part.closes for part in calendar.segments if part.closes == calendar.close(part.session_date)]
    return next((close - 1 for close in ends if 0 <= ts - close <= within), None)


def flags(record: Record, price: float, symbol: SymbolConfig, rules: AssetRules) -> int:
    """Flags of one record by itself: V03, V11 and V12."""
    found = int(record["flags"]) & TS_FROM_RECV if "flags" in record else 0
    quoted = record["record"] == "Quote"
    lowest = min(record["bid"], record["ask"]) if quoted else price
    found |= NONPOSITIVE if lowest <= 0 and rules.nonpositive_price == "flag" else 0
    if symbol.tick_size:
        ticks = price / symbol.tick_size
        found |= OFF_TICK if abs(ticks - round(ticks)) > 1e-6 else 0
    if quoted:
        bid, ask = record["bid"], record["ask"]
        found |= WIDE_SPREAD if ask - bid > rules.spread_limit * abs((bid + ask) / 2) else 0
    return found


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
