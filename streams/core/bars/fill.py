"""Flat bars: a function of the bars around them and the causes.

::

    minute     1    2    3    4    5    6    7    8    9          limit 3
    bar        101  .    .    .    .    .    .    .    102
    cause           n    o    o    o    o    n    h               n no_trades, o outage, h halt
    flat            101  101  101  101  -    -    -               minute 6 is the fourth o in a row: from
                                                                  there on the previous close is unknown
A halted minute gets none, but the close before it is still the previous close after it.
"""

from math import isnan

import numpy as np
from numpy.typing import NDArray

from schemas.jit import kernel
from streams.core.bars.state import EMPTY, FLAT, HALT, NO_TRADES, REAL, REFETCHED, UNDECIDED, Ints, Rows


def refill(rows: NDArray[np.void], start: int, limit: int) -> tuple[list[int], int]:
    """Compute the flat bars anew from a minute up to the next real bar.

    Args:
        rows: ``MINUTE`` rows of one trade date; kind and close of flat ones are set.
        start: the first minute that may change.
        limit: so many in a row are filled for other causes than no_trades.

    Returns:
        Places of the flat bars that are new or have another price, ascending; and the place after the last
        minute that was looked at.
    """
    places = np.empty(len(rows), np.int64)
    count, end = _refill(rows, start, limit, *_before(rows, start, limit), places)
    return places[:count].tolist(), end


@kernel
def _refill(rows: Rows, start: int, limit: int, close: float, run: int, changed: Ints) -> tuple[int, int]:
    """The same after what ``_before`` found; places go to ``changed``, how many they are comes back."""
    count, place = 0, start
    while place < len(rows) and rows[place]["kind"] in (FLAT, EMPTY):
        row, at = rows[place], place
        kind, cause, place = row["kind"], row["cause"], place + 1
        if kind == EMPTY and cause == HALT:
            continue
        run = 0 if cause == NO_TRADES else run + (cause != HALT)
        if kind == EMPTY and (np.isnan(close) or run > limit):
            close = np.nan
            continue
        if kind == EMPTY or (not np.isnan(close) and close != row["close"]):
            row["kind"], row["close"] = FLAT, close
            changed[count] = at
            count += 1
        close = row["close"]
    return count, place


def before(rows: NDArray[np.void], start: int, limit: int) -> tuple[float | None, int]:
    """The previous close before a minute, None where there is none, and the filled minutes in a row there."""
    close, run = _before(rows, start, limit)
    return (None if isnan(close) else close), run


@kernel
def _before(rows: Rows, start: int, limit: int) -> tuple[float, int]:
    """The same, NaN where there is no previous close."""
    close, run, counting = np.nan, 0, True
    for place in range(start - 1, -1, -1):
        kind, cause = rows[place]["kind"], rows[place]["cause"]
        if kind == UNDECIDED or (kind == EMPTY and cause != HALT):
            break
        if kind == EMPTY:
            continue
        close = rows[place]["close"] if np.isnan(close) else close
        counting = counting and kind == FLAT and cause != NO_TRADES
        run += 1 if counting and cause != HALT else 0
        if kind in (REAL, REFETCHED) or not counting or run > limit:
            break
    return close, run
