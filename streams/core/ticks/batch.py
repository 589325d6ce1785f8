"""A batch as the kernels want it: one print a record, whatever its type, with a first verdict.

Prints are judged in blocks, a few records before they are applied, and stand in a ring that stays in the
processor's nearest cache: a row for each record of the batch was written to memory and read again. Where
prints are kept for corrections, each has its row in the batch.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.batches.lookup import ask_slot, number_from, number_of, same_text, slot_of
from schemas.batches.wire import Bytes, Int, U, packed, sealed, span, span_at, span_size
from schemas.columns import UNDECODABLE, Columns
from schemas.jit import inlined, kernel
from schemas.prefetch import ask
from schemas.records import record_type
from schemas.topics import TOPICS
from streams.core.ticks.ahead import MANY
from streams.core.ticks.book import Book, Known
from streams.core.ticks.rows import CONTROL, MET, PRINT, SKIPPED, TERM, V01, Ints, Rows
from streams.core.ticks.state import SPARE, State, has_room, pair_of
from streams.core.ticks.validate import judge_quote, judge_tick

_TOPIC: Final = TOPICS["ticks.raw"]
_TICK: Final = _TOPIC.kind("Tick")
_QUOTE: Final = _TOPIC.kind("Quote")
_CORRECTION: Final = _TOPIC.kind("Correction")
_NEAR, _FAR = 32, SPARE
"""Prints whose pairs are found before the first of them is judged, a block: few stay near, and where each
pair comes from afar, many are on their way together. A ring has room for a block, and for those before it
that are not applied yet."""
_TYPES: Final = [record_type(name) for name in _TOPIC.records]
_CONTROLS: Final = [kind for kind in range(len(_TOPIC.records)) if kind not in {_TICK, _QUOTE, _CORRECTION}]


class Prints(NamedTuple):
    """Prints and verdicts."""

    rows: Rows  # PRINT[n], by position in the batch, or PRINT[2 * block], by position modulo its length
    verdicts: NDArray[np.int16]  # by position in the batch


class Feed(NamedTuple):
    """The records of a batch as the kernels take them."""

    kinds: NDArray[np.int8]
    rows: NDArray[np.int32]
    ticks: Rows
    quotes: Rows
    data: Bytes
    offsets: Ints
    keys: Ints  # packed spans; none of what a stage made
    values: Ints


def has_prints(batch: Columns) -> bool:
    """Whether there is anything to be judged: a tick, a quote, a correction, or what could not be read."""
    return sum(len(batch.tables[kind]) for kind in _CONTROLS) < len(batch)


def feed_of(batch: Columns) -> Feed:
    """The records of a batch as the kernels take them."""
    return Feed(
        batch.kinds, batch.rows, batch.tables[_TICK], batch.tables[_QUOTE], sealed(batch.data), batch.offsets,
        packed(batch.keys), packed(batch.values),
    )  # fmt: skip


def blank(batch: Columns, offset: int, state: State, *, whole: bool) -> Prints:
    """Nothing judged yet: what is at or below an offset is skipped, what is no print is left to Python.

    Args:
        batch: the records.
        offset: what the stage reflects.
        state: has the pairs, many or few.
        whole: whether each record has its row, instead of a ring.
    """
    verdicts = np.empty(len(batch), np.int16)
    verdicts.fill(CONTROL)
    if len(batch) and batch.offsets[0] <= offset:
        verdicts[: batch.offsets.searchsorted(offset, "right")] = SKIPPED
    ring = 2 * (_FAR if state.used[MET] > MANY else _NEAR)
    return Prints(np.empty(len(batch) if whole else ring, PRINT), verdicts)


def whole(prints: Prints) -> Prints:
    """The same with a row for each: a configuration amid the batch may be the first to ask for it."""
    count = len(prints.verdicts)
    return prints if len(prints.rows) == count else Prints(np.empty(count, PRINT), prints.verdicts)


NO_PRINTS: Final = Prints(np.empty(0, PRINT), np.empty(0, np.int16))
"""Of a batch that has none."""


NO_FEED: Final = Feed(
    np.empty(0, np.int8), np.empty(0, np.int32), _TYPES[_TICK].empty(0), _TYPES[_QUOTE].empty(0),
    sealed(b""), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64),
)  # fmt: skip
"""The same for the kernels."""


def check(state: State, feed: Feed, book: Book, prints: Prints, start: int, end: int) -> int:
    """Fill in the prints from one position up to another, or as far as there is room for their pairs.

    Returns:
        Position of the first record that was not checked.
    """
    return _check(state, feed, book.known, book.conditions, prints, start, end)


@inlined
def mask_of(prints: Prints) -> Int:
    """What turns a position in the batch into a row of its print."""
    return np.int64(-1) if len(prints.rows) == len(prints.verdicts) else np.int64(len(prints.rows) - 1)


@inlined
def block_of(prints: Prints) -> int:
    """How many prints are judged together."""
    return _NEAR if len(prints.rows) == 2 * _NEAR else _FAR


@inlined
def _source(feed: Feed, named: Any, known: Known, last: Int, source: Int) -> tuple[Int, Int]:
    """Span and number of a row's source, given those of the row before it."""
    wanted = span(named["source"]["at"], named["source"]["size"])
    length = span_size(wanted)
    if length != span_size(last) or not same_text(
        feed.data, span_at(wanted), feed.data, span_at(last), length
    ):
        source = number_of(feed.data, wanted, known.sources)
    return wanted, source


@inlined
def _symbol(named: Any) -> Int:
    """Span of a row's symbol."""
    return span(named["symbol"]["at"], named["symbol"]["size"])


@inlined
def _pair(feed: Feed, named: Any, known: Known, last: Int, source: Int) -> tuple[Int, Int, Int]:
    """Number of a row's pair, given span and number of the source before it; then the same of its own."""
    last, source = _source(feed, named, known, last, source)
    symbol = number_of(feed.data, _symbol(named), known.symbols)
    return np.int64(known.pairs[symbol, source]), last, source


@inlined
def _place(state: State, one: Any, number: Int) -> None:
    """Give a print the rows of its pair, given the number of that."""
    one["pair"] = pair_of(state, number)
    if number >= 0:
        one["term"] = state.places[U(number), TERM]


@inlined
def _find_near(
    state: State, feed: Feed, known: Known, prints: Prints, start: Int, end: Int, last: Int, source: Int
) -> tuple[Int, Int]:
    """Give prints their pairs, one after the other; span and number of the last source."""
    mask = mask_of(prints)
    for at in range(start, end):
        kind = feed.kinds[U(at)]
        number: Int = np.int64(-1)
        if kind == _TICK:
            number, last, source = _pair(feed, feed.ticks[U(feed.rows[U(at)])], known, last, source)
        elif kind == _QUOTE:
            number, last, source = _pair(feed, feed.quotes[U(feed.rows[U(at)])], known, last, source)
        _place(state, prints.rows[U(at & mask)], number)
    return last, source


@inlined
def _seek(feed: Feed, named: Any, one: Any, known: Known) -> None:
    """Note where the search for a row's symbol begins, and ask for it."""
    slot = slot_of(feed.data, _symbol(named), known.symbols)
    ask_slot(known.symbols, slot)
    one["pair"] = slot


@inlined
def _name(feed: Feed, named: Any, one: Any, known: Known, last: Int, source: Int) -> tuple[Int, Int]:
    """Note the numbers of a row's symbol and source, and ask for that of the pair."""
    last, source = _source(feed, named, known, last, source)
    symbol = number_from(feed.data, _symbol(named), known.symbols, one["pair"])
    ask(known.pairs, 4 * (symbol * known.pairs.shape[1] + source))
    one["pair"], one["number"] = symbol, source
    return last, source


@inlined
def _find_far(
    state: State, feed: Feed, known: Known, prints: Prints, start: Int, end: Int, last: Int, source: Int
) -> tuple[Int, Int]:
    """The same of prints whose pairs stand far from each other: at each step all of them at once.

    Slot of the name, number of the symbol, number of the pair, and its place each stand in memory of their
    own, and each says where the next one is.
    """
    mask = mask_of(prints)
    for at in range(start, end):
        kind, one = feed.kinds[U(at)], prints.rows[U(at & mask)]
        if kind == _TICK:
            _seek(feed, feed.ticks[U(feed.rows[U(at)])], one, known)
        elif kind == _QUOTE:
            _seek(feed, feed.quotes[U(feed.rows[U(at)])], one, known)
    for at in range(start, end):
        kind, one = feed.kinds[U(at)], prints.rows[U(at & mask)]
        if kind == _TICK:
            last, source = _name(feed, feed.ticks[U(feed.rows[U(at)])], one, known, last, source)
        elif kind == _QUOTE:
            last, source = _name(feed, feed.quotes[U(feed.rows[U(at)])], one, known, last, source)
        else:
            one["pair"] = one["number"] = -1  # the place that says unknown
    _find_rows(state, known, prints, start, end)
    return last, source


@inlined
def _find_rows(state: State, known: Known, prints: Prints, start: Int, end: Int) -> None:
    """Give prints the rows of their pairs, given numbers of symbol and source."""
    mask = mask_of(prints)
    for at in range(start, end):
        one = prints.rows[U(at & mask)]
        one["pair"] = known.pairs[one["pair"], one["number"]]
        ask(state.places, 8 * one["pair"])
    for at in range(start, end):
        one = prints.rows[U(at & mask)]
        _place(state, one, one["pair"])


@inlined
def judge(
    state: State,
    feed: Feed,
    known: Known,
    conditions: NDArray[np.uint8],
    prints: Prints,
    start: Int,
    end: Int,
    last: Int,
    source: Int,
) -> tuple[Int, Int]:
    """Judge a block of prints, for whose pairs there is room; span and number of the last source."""
    mask = mask_of(prints)
    if state.used[MET] > MANY:
        last, source = _find_far(state, feed, known, prints, start, end, last, source)
    else:
        last, source = _find_near(state, feed, known, prints, start, end, last, source)
    for at in range(start, end):
        kind, one = feed.kinds[U(at)], prints.rows[U(at & mask)]
        if kind == _TICK:
            tick = feed.ticks[U(feed.rows[U(at)])]
            prints.verdicts[U(at)] = judge_tick(tick, one, one["pair"], conditions, feed.data, state.terms)
        elif kind == _QUOTE:
            quote = feed.quotes[U(feed.rows[U(at)])]
            prints.verdicts[U(at)] = judge_quote(quote, one, one["pair"], state.terms)
        elif kind == UNDECODABLE:
            prints.verdicts[U(at)] = V01
    return last, source


@kernel
def _check(
    state: State,
    feed: Feed,
    known: Known,
    conditions: NDArray[np.uint8],
    prints: Prints,
    start: int,
    end: int,
) -> int:
    last: Int = span(0, -1)
    source: Int = np.int64(-1)
    block = block_of(prints)
    for low in range(start, end, block):
        if not has_room(state):
            return low
        high = min(low + block, end)
        last, source = judge(state, feed, known, conditions, prints, low, high, last, source)
    return end


@inlined
def size_of(feed: Feed, at: Int) -> Int:
    """Bytes of the record at a position, key and value; 0 of what a stage made."""
    if len(feed.values) == 0:
        return np.int64(0)
    return span_size(feed.values[U(at)]) + span_size(feed.keys[U(at)])
