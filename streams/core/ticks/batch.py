"""A batch as the kernels want it: one print a record, whatever its type, with a first verdict."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.batches.lookup import ask_name, number_of, same_text
from schemas.batches.wire import Bytes, Int, packed, sealed, span, span_at, span_size
from schemas.columns import UNDECODABLE, Columns
from schemas.jit import inlined, kernel
from schemas.topics import TOPICS
from streams.core.ticks.ahead import MANY, ask_rules
from streams.core.ticks.rows import CONTROL, PRINT, SKIPPED, V01, Ints, Rows
from streams.core.ticks.rules import Book, Known
from streams.core.ticks.validate import judge_quote, judge_tick

_TOPIC: Final = TOPICS["ticks.raw"]
_TICK: Final = _TOPIC.kind("Tick")
_QUOTE: Final = _TOPIC.kind("Quote")
_CORRECTION: Final = _TOPIC.kind("Correction")
_BLOCK: Final = 32  # prints whose pairs are found before the first of them is judged
_CONTROLS: Final = [kind for kind in range(len(_TOPIC.records)) if kind not in {_TICK, _QUOTE, _CORRECTION}]


class Prints(NamedTuple):
    """Prints and verdicts by position in the batch."""

    rows: Rows  # PRINT[n]
    verdicts: NDArray[np.int16]
    sizes: Ints  # bytes of each record


class _Feed(NamedTuple):
    """The records of a batch as the kernel takes them."""

    kinds: NDArray[np.int8]
    rows: NDArray[np.int32]
    ticks: Rows
    quotes: Rows
    data: Bytes
    keys: Ints  # packed spans; none of what a stage made
    values: Ints


def has_prints(batch: Columns) -> bool:
    """Whether there is anything to be judged: a tick, a quote, a correction, or what could not be read."""
    return sum(len(batch.tables[kind]) for kind in _CONTROLS) < len(batch)


def blank(batch: Columns, offset: int) -> Prints:
    """Nothing judged yet: what is at or below an offset is skipped, what is no print is left to Python."""
    verdicts = np.full(len(batch), CONTROL, np.int16)
    if len(batch) and batch.offsets[0] <= offset:
        verdicts[: batch.offsets.searchsorted(offset, "right")] = SKIPPED
    return Prints(np.empty(len(batch), PRINT), verdicts, np.zeros(len(batch), np.int64))


NO_PRINTS: Final = Prints(np.empty(0, PRINT), np.empty(0, np.int16), np.empty(0, np.int64))
"""Of a batch that has none."""


def check(batch: Columns, book: Book, owners: Rows, prints: Prints, start: int, end: int) -> None:
    """Fill in the prints from one position up to another; owners are the PAIR rows."""
    feed = _Feed(
        batch.kinds, batch.rows, batch.tables[_TICK], batch.tables[_QUOTE], sealed(batch.data),
        packed(batch.keys), packed(batch.values),
    )  # fmt: skip
    _check(feed, book.known, book.conditions, owners, prints, start, end)


@inlined
def _pair(feed: _Feed, named: Any, known: Known, last: Int, source: Int) -> tuple[Int, Int, Int]:
    """Pair of a row, given span and number of the source before it; then the same of its own."""
    wanted = span(named["source"]["at"], named["source"]["size"])
    length = span_size(wanted)
    if length != span_size(last) or not same_text(
        feed.data, span_at(wanted), feed.data, span_at(last), length
    ):
        source = number_of(feed.data, wanted, known.sources)
    symbol = number_of(feed.data, span(named["symbol"]["at"], named["symbol"]["size"]), known.symbols)
    return np.int64(known.pairs[symbol, source]), wanted, source


@inlined
def _ask_symbol(feed: _Feed, named: Any, known: Known) -> None:
    ask_name(feed.data, span(named["symbol"]["at"], named["symbol"]["size"]), known.symbols)


@inlined
def _find_pairs(
    feed: _Feed, known: Known, owners: Rows, prints: Rows, start: Int, end: Int, last: Int, source: Int
) -> tuple[Int, Int]:
    """Give prints their pairs; span and number of the last source."""
    if len(owners) > MANY:
        for at in range(start, end):
            if feed.kinds[at] == _TICK:
                _ask_symbol(feed, feed.ticks[feed.rows[at]], known)
            elif feed.kinds[at] == _QUOTE:
                _ask_symbol(feed, feed.quotes[feed.rows[at]], known)
    for at in range(start, end):
        kind, one = feed.kinds[at], prints[at]
        if kind == _TICK:
            one["pair"], last, source = _pair(feed, feed.ticks[feed.rows[at]], known, last, source)
        elif kind == _QUOTE:
            one["pair"], last, source = _pair(feed, feed.quotes[feed.rows[at]], known, last, source)
        else:
            one["pair"] = -1
        if one["pair"] >= 0 and len(owners) > MANY:
            ask_rules(owners[one["pair"]])
    return last, source


@kernel
def _check(
    feed: _Feed,
    known: Known,
    conditions: NDArray[np.uint8],
    owners: Rows,
    prints: Prints,
    start: int,
    end: int,
) -> None:
    last: Int = span(0, -1)
    source: Int = np.int64(-1)
    sized = len(feed.values) > 0
    for low in range(start, end, _BLOCK):
        high = min(low + _BLOCK, end)
        last, source = _find_pairs(feed, known, owners, prints.rows, low, high, last, source)
        for at in range(low, high):
            kind, one = feed.kinds[at], prints.rows[at]
            if kind == _TICK:
                tick = feed.ticks[feed.rows[at]]
                prints.verdicts[at] = judge_tick(tick, one, one["pair"], conditions, feed.data, owners)
            elif kind == _QUOTE:
                prints.verdicts[at] = judge_quote(feed.quotes[feed.rows[at]], one, one["pair"], owners)
            elif kind == UNDECODABLE:
                prints.verdicts[at] = V01
            if sized:
                prints.sizes[at] = span_size(feed.values[at]) + span_size(feed.keys[at])
