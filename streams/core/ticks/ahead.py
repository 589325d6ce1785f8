"""Asking for the rows of the next prints while the ones before them are worked on.

With a few hundred pairs all rows are near. With thousands each print finds its pair, minute and second far
away: a print of 5,000 symbols took three times as long as one of 200.
"""

from typing import Any, Final

from schemas.batches.wire import U
from schemas.jit import inlined
from schemas.prefetch import ask
from streams.core.ticks.rows import HASHED, LINE, MET, PRICES, PRICES_AT, Int, Rows
from streams.core.ticks.session import minute_slot, second_slot
from streams.core.ticks.state import State, fold_of

MANY: Final = 256
"""Above so many pairs their rows are asked for."""
FAR: Final = 16
"""A print asks for its rows when so many are before it,"""
NEAR: Final = 6
"""and for what it finds by them when so many are."""

_HOT = 3  # lines of a pair that each print needs
_FOLDED = 2  # lines of a minute or second


@inlined
def ask_rows(state: State, one: Any) -> None:
    """Ask for pair, minute and second of a print."""
    if one["pair"] < 0:
        return
    for line in range(_HOT):
        ask(state.pairs[one["pair"]], line * LINE)
    ts, pair = one["ts_event"], one["pair"]
    minute = fold_of(state, pair, minute_slot(ts, state.minutes))
    second = fold_of(state, pair, second_slot(ts, state.minutes, state.seconds))
    for line in range(_FOLDED):
        ask(minute, line * LINE)
        ask(second, line * LINE)


@inlined
def ask_memory(state: State, one: Any) -> None:
    """Ask for the bit of a print's number and the place of its price."""
    if one["pair"] < 0:
        return
    owner, window = state.pairs[one["pair"]], one["window"]
    ask(owner, PRICES_AT + 8 * (owner["priced"] & (PRICES - 1)))
    if 0 <= window < HASHED:
        number, top, words = one["number"], owner["tops"][window], owner["words"]
        if number >> 6 != top >> 6 and number - top < 64 * words:
            ask(state.bits, 8 * (owner["bits_at"] + window * words + ((number >> 6) & (words - 1))))


@inlined
def ask_ahead(state: State, prints: Rows, mask: Int, at: Int, end: Int) -> None:
    """Ask for what the prints behind a position will need, where there are many pairs."""
    if state.used[MET] <= MANY:
        return
    if at + FAR < end:
        ask_rows(state, prints[U((at + FAR) & mask)])
    if at + NEAR < end:
        ask_memory(state, prints[U((at + NEAR) & mask)])
