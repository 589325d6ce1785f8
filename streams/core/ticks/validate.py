"""Checks of one tick or quote by itself: V01, V02, V03, V05, V08, V11 and V12.

They need no state, so a record that is read a second time is judged the same; only they decide whether it
moves a mark (V11 and V12 do not: a crossed quote still says what time it is).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import Bytes, Int, U
from schemas.flags import NONPOSITIVE, OFF_TICK, TS_FROM_RECV, WIDE_SPREAD
from schemas.jit import inlined
from schemas.market.limits import LARGEST
from schemas.records import record_type
from streams.core.ticks.conditions import AUCTION, FOR_VOLUME, IGNORED, meaning_of
from streams.core.ticks.identity import decimal, digest
from streams.core.ticks.rows import (
    ADMITTED,
    HASHED,
    NO_IDENTITY,
    NOTHING,
    PRICED,
    QUOTE_NUMBERS,
    TICK_NUMBERS,
    TRADE_NUMBERS,
    V01,
    V02,
    V03,
    V05,
    V08,
    V11,
    VOLUME_ONLY,
    Rows,
)
from streams.core.watermark import FOREVER, NEVER

Bytes2 = NDArray[np.uint8]

_TICK, _QUOTE = record_type("Tick"), record_type("Quote")
_SIZE: Final = np.uint64(_TICK.null_bit("size"))
_SEQ: Final = np.uint64(_TICK.null_bit("seq"))
_CONDITIONS: Final = np.uint64(_TICK.null_bit("conditions"))
_TRADE_ID: Final = np.uint64(_TICK.null_bit("trade_id"))
_BID_SIZE: Final = np.uint64(_QUOTE.null_bit("bid_size"))
_ASK_SIZE: Final = np.uint64(_QUOTE.null_bit("ask_size"))
_QUOTE_SEQ: Final = np.uint64(_QUOTE.null_bit("seq"))

_FORBID, _FLAG = 0, 1  # positions in schemas.config.Action
_LAST, _BID, _ASK = 0, 1, 2  # positions in schemas.config.PriceBasis
_OFF: Final = 1e-6  # V12: share of a tick that rounding may take


@inlined
def _is_null(row: Any, bit: Any) -> bool:
    return bool((row["nulls"] & bit) != np.uint64(0))


@inlined
def _is_number(value: float) -> bool:
    """Whether it is one that sums are good for: no NaN, and not too large."""
    return bool(abs(value) <= LARGEST)


@inlined
def _check_times(one: Any, rule: Any) -> Int:
    if one["ts_event"] > one["ts_recv"] + rule["future"]:
        return V08
    return ADMITTED


@inlined
def _flag_price(one: Any, rule: Any, lowest: float) -> Int:
    """V03 and V12: flags of the price, -1 where it is refused."""
    flags = 0
    if lowest <= 0.0 and rule["nonpositive"] == _FORBID:
        return -1
    if lowest <= 0.0 and rule["nonpositive"] == _FLAG:
        flags |= NONPOSITIVE
    if rule["tick_size"] > 0.0:
        ticks = one["price"] / rule["tick_size"]
        if abs(ticks - np.rint(ticks)) > _OFF:
            flags |= OFF_TICK
    return flags


@inlined
def _begin(row: Any, one: Any, pair: Int) -> None:
    one["pair"] = pair
    one["ts_event"] = row["ts_event"]
    one["ts_recv"] = row["ts_recv"]
    one["flags"] = row["flags"] & TS_FROM_RECV
    one["window"] = NO_IDENTITY
    one["number"] = 0
    one["folds"] = NOTHING
    one["auction"] = 0
    one["ts_bar"] = row["ts_event"]


@inlined
def _is_sound(one: Any) -> bool:
    """Whether instants and seq are within what can be reckoned with."""
    times = 0 < one["ts_event"] < FOREVER and 0 < one["ts_recv"] < FOREVER
    return bool(times and NEVER <= one["seq"] < FOREVER)


@inlined
def _tick(row: Any, one: Any, rule: Any) -> Int:
    """Verdict on a tick of a known pair; fills its print."""
    one["price"] = row["price"]
    one["size"] = np.nan if _is_null(row, _SIZE) else row["size"]
    one["folds"] = PRICED if rule["basis"] == _LAST else NOTHING
    flags = _flag_price(one, rule, row["price"])
    if flags < 0:
        return V03
    one["flags"] |= flags
    if one["size"] <= 0.0:
        return V05
    return _check_times(one, rule)


@inlined
def _name_tick(row: Any, one: Any, data: Bytes) -> None:
    """Identity of a tick."""
    if not _is_null(row, _TRADE_ID):
        at, size = np.int64(row["trade_id"]["at"]), np.int64(row["trade_id"]["size"])
        number = decimal(data, at, size)
        one["window"] = HASHED if number < 0 else TRADE_NUMBERS
        one["number"] = digest(data, at, size) if number < 0 else number
    elif one["seq"] != NEVER:
        one["window"], one["number"] = TICK_NUMBERS, one["seq"]


@inlined
def _apply_conditions(one: Any, meaning: Int) -> None:
    """What its sale conditions make of a tick that counts for bars."""
    if meaning & IGNORED:
        one["folds"] = NOTHING
    elif meaning & FOR_VOLUME and one["folds"] == PRICED:
        one["folds"] = VOLUME_ONLY
    one["auction"] = 1 if meaning & AUCTION else 0


@inlined
def judge_tick(row: Any, one: Any, pair: Int, tables: Bytes2, data: Bytes, rules: Rows) -> Int:
    """First verdict on a tick; fills its print."""
    _begin(row, one, pair)
    one["seq"] = NEVER if _is_null(row, _SEQ) else row["seq"]
    sized = _is_null(row, _SIZE) or _is_number(row["size"])
    if not (_is_sound(one) and sized and _is_number(row["price"])):
        return V01
    if pair < 0:
        return V02
    rule = rules[U(one["term"])]
    _name_tick(row, one, data)
    verdict = _tick(row, one, rule)
    if rule["conditions"] >= 0 and not _is_null(row, _CONDITIONS):
        _apply_conditions(
            one, meaning_of(data, row["conditions"]["at"], row["conditions"]["size"], tables, rule)
        )
    return verdict


@inlined
def _quote(row: Any, one: Any, rule: Any) -> Int:
    """Verdict on a quote of a known pair; fills its print."""
    bid, ask, basis = row["bid"], row["ask"], rule["basis"]
    middle = (bid + ask) / 2.0
    one["price"] = bid if basis == _BID else ask if basis == _ASK else middle
    one["folds"] = NOTHING if basis == _LAST else PRICED
    flags = _flag_price(one, rule, min(bid, ask))
    if flags < 0:
        return V03
    one["flags"] |= flags | (WIDE_SPREAD if ask - bid > rule["spread"] * abs(middle) else 0)
    if row["bid_size"] < 0.0 or row["ask_size"] < 0.0:
        return V05
    verdict = _check_times(one, rule)
    return V11 if verdict == ADMITTED and bid > ask else verdict


@inlined
def judge_quote(row: Any, one: Any, pair: Int, rules: Rows) -> Int:
    """First verdict on a quote; fills its print."""
    _begin(row, one, pair)
    one["size"] = np.nan
    one["seq"] = NEVER if _is_null(row, _QUOTE_SEQ) else row["seq"]
    if one["seq"] != NEVER:
        one["window"], one["number"] = QUOTE_NUMBERS, one["seq"]
    sized = _is_number(row["bid_size"]) and _is_number(row["ask_size"])
    if not (_is_sound(one) and sized and _is_number(row["bid"]) and _is_number(row["ask"])):
        return V01
    if pair < 0:
        return V02
    return _quote(row, one, rules[U(one["term"])])
