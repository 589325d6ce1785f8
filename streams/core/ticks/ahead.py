"""Asking for the rows of the next prints while the ones before them are worked on.

With a few hundred pairs all rows are near. With thousands each print finds its pair, minute and second far
away: a print of 5,000 symbols took three times as long as one of 200.
"""

from typing import Any, Final

from schemas.batches.wire import U
from schemas.jit import inlined
from schemas.prefetch import ask
from streams.core.ticks.rows import FOLD_SIZE, HASHED, MET, PAIR, PRICES, PRICES_AT, Int, Rows
from streams.core.ticks.session import minute_slot, second_slot
from streams.core.ticks.state import State

MANY: Final = 256
"""Above so many pairs their rows are asked for."""
FAR: Final = 16
"""A print asks for its rows when so many are before it,"""
NEAR: Final = 6
"""and for what it finds by them when so many are."""

_LINE: Final = 64
_RULES_AT: Final = int(PAIR.fields["future"][1])  # type: ignore[index]  # it has fields
_RULES_END: Final = int(PAIR.fields["spelling"][1])  # type: ignore[index]
_END: Final = int(PAIR.fields["quiet"][1]) + 8  # type: ignore[index]


@inlined
def ask_rules(owner: Any) -> None:
    """Ask for what the configuration says of how a print is judged: less than a line, so two at most."""
    ask(owner, _RULES_AT)
    ask(owner, _RULES_END)


@inlined
def ask_rows(state: State, one: Any) -> None:
    """Ask for pair, minute and second of a print."""
    if one["pair"] < 0:
        return
    for offset in range(0, _END, _LINE):
        ask(state.pairs[one["pair"]], offset)
    ts, pair = one["ts_event"], U(one["pair"])
    minute = state.folds[pair, U(minute_slot(ts, state.minutes))]
    second = state.folds[pair, U(second_slot(ts, state.minutes, state.seconds))]
    for offset in range(0, FOLD_SIZE, _LINE):
        ask(minute, offset)
        ask(second, offset)
    ask(minute, FOLD_SIZE + 8)
    ask(second, FOLD_SIZE + 8)


@inlined
def ask_memory(state: State, one: Any) -> None:
    """Ask for the bit of a print's number and the place of its price."""
    if one["pair"] < 0:
        return
    owner, window = state.pairs[one["pair"]], one["window"]
    ask(owner, PRICES_AT + 8 * (owner["priced"] & (PRICES - 1)))
    if 0 <= window < HASHED:
        words = owner["words"]
        ask(state.bits, 8 * (owner["bits_at"] + window * words + ((one["number"] >> 6) & (words - 1))))


@inlined
def ask_ahead(state: State, prints: Rows, mask: Int, at: Int, end: Int) -> None:
    """Ask for what the prints behind a position will need, where there are many pairs."""
    if state.used[MET] <= MANY:
        return
    if at + FAR < end:
        ask_rows(state, prints[U((at + FAR) & mask)])
    if at + NEAR < end:
        ask_memory(state, prints[U((at + NEAR) & mask)])
