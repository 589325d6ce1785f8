"""A correction as it comes: what it names, what it says, and the checks that need no state."""

import math
from typing import Final, NamedTuple

import numpy as np

from schemas.batches.wire import Bytes, Int
from schemas.columns import Columns
from schemas.jit import kernel
from schemas.market.limits import LARGEST
from schemas.records import record_type
from streams.core.ticks.corrections.anew import Identity, Word
from streams.core.ticks.identity import decimal, digest
from streams.core.ticks.rows import HASHED, NO_IDENTITY, TICK_NUMBERS, TRADE_NUMBERS
from streams.core.watermark import FOREVER, NEVER

_TYPE: Final = record_type("Correction")
_CANCEL: Final = _TYPE.code("action", "cancel")
_FORBID: Final = 0  # position in schemas.config.Action


class Said(NamedTuple):
    """What a correction says.

    Attributes:
        who: identity of the print; its window is NO_IDENTITY where none is named.
        word: what is said of it.
        ts_recv: when it was received.
        ts: no print of it is later than this: ``ts_print``, else its own instant.
    """

    who: Identity
    word: Word
    ts_recv: int
    ts: int


@kernel
def _named(data: Bytes, at: Int, size: Int) -> tuple[Int, Int]:
    """Window and number of a trade_id, as of a tick that has it."""
    number = decimal(data, at, size)
    if number < 0:
        return np.int64(HASHED), digest(data, at, size)
    return np.int64(TRADE_NUMBERS), number


def read(batch: Columns, at: int) -> Said:
    """The correction at a position of a batch."""
    row = batch.table("Correction")[batch.rows[at]]
    absent = {name for name in _TYPE.names if int(row["nulls"]) & int(_TYPE.null_bit(name))}
    who = NO_IDENTITY, 0
    if "trade_id" not in absent:
        window, number = _named(batch.data, int(row["trade_id"]["at"]), int(row["trade_id"]["size"]))
        who = int(window), int(number)
    elif "seq" not in absent:
        who = TICK_NUMBERS, int(row["seq"])
    price, size = (math.nan if name in absent else float(row[name]) for name in ("price", "size"))
    is_cancel = bool(row["action"] == _CANCEL)
    word = Word(is_cancel, int(row["ts_event"]), *((math.nan, math.nan) if is_cancel else (price, size)))
    ts = int(row["ts_event"] if "ts_print" in absent else row["ts_print"])
    return Said(who, word, int(row["ts_recv"]), ts)


def is_sound(batch: Columns, at: int, said: Said) -> bool:
    """V01: whether it names a print, says something of it, and all numbers are in range."""
    row = batch.table("Correction")[batch.rows[at]]
    window, number = said.who
    if window == NO_IDENTITY or (window == TICK_NUMBERS and not NEVER < number < FOREVER):
        return False
    if not all(0 < ts < FOREVER for ts in (said.word.ts_event, said.ts_recv, said.ts)):
        return False
    numbers = [
        float(row[name]) for name in ("price", "size") if not int(row["nulls"]) & int(_TYPE.null_bit(name))
    ]
    are_numbers = all(abs(number) <= LARGEST for number in numbers)
    return are_numbers and (said.word.is_cancel or len(numbers) > 0)


def refusal(said: Said, owner: np.void) -> str:
    """Code of the first of V03, V05 and V08 that it fails, empty where it passes.

    Args:
        said: what it says.
        owner: PAIR row.
    """
    if said.word.price <= 0.0 and owner["nonpositive"] == _FORBID:
        return "V03"
    if said.word.size <= 0.0:
        return "V05"
    return "V08" if max(said.word.ts_event, said.ts) > said.ts_recv + int(owner["future"]) else ""
