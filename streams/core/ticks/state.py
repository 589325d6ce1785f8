"""Everything that the kernels of the ticks stage change, and how a pair gets its rows when it first comes.

A configuration may name a hundred thousand symbols of which this partition has a quarter, and of those some
never send anything. Memory is set aside for those that belong here, but is used only from a pair's first
record on; pairs that belong elsewhere and come all the same get rows, too.
"""

import math
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import U
from schemas.jit import inlined, kernel
from streams.core.ticks.rows import (
    FOLD,
    HASHES,
    IN_TURN,
    LINE,
    LIVE,
    MET,
    OF_SOURCE,
    PAIR,
    PRICES,
    ROW,
    TERM,
    TERMS,
    TURNS,
    WINDOWS,
    WORDS,
    Int,
    Ints,
    Rows,
)
from streams.core.watermark import FOREVER, MOST_SOURCES, NEVER

_Cell = TypeVar("_Cell", bound=np.generic)

SPARE: Final = 128
"""Before so many records are looked at there is room for the rows of as many pairs."""

MINUTES, SECONDS = 0, 1
"""Places in what a pair notes of its two rings."""

_SHIFT: Final = 10
BLOCK: Final = 1 << _SHIFT
"""Pairs whose minutes and seconds lie together, slot by slot."""


class State(NamedTuple):
    """Everything that kernels change. Few arrays: numba counts references to each at every call.

    A pair has a ring of minutes, then a ring of seconds; both have a power of two as length. In ``folds``
    the rows of one slot of ``BLOCK`` pairs lie side by side: those of the current minute share pages. Rows
    from ``used[MET]`` on are of no pair, and nothing was ever written there.
    """

    pairs: Rows  # PAIR[n]
    folds: Rows  # FOLD[blocks, minutes + seconds, BLOCK or n], by ``fold_of``
    sources: Rows  # LIVE[MOST_SOURCES]
    segments: Rows  # SEGMENT[m], those of all calendars, one after the other
    bits: NDArray[np.uint64]  # of every window, bit number % its size
    recent: Ints  # int64[n, HASHES], a ring of hashes a pair; where none are used its memory is not touched
    scratch: NDArray[np.float64]  # float64[PRICES], nobody's
    out: Rows  # FOLD[room], what was put out, in order
    used: Ints  # int64[WORDS + 1], rows of it in use, then what the places in ``rows`` count
    dues: Ints  # int64[n, 4], mark at which a pair's next minute and next second close, its source, its turn
    listed: Ints  # int64[n], pairs of which something changed since the last checkpoint
    places: NDArray[np.int32]  # int32[k, 2], by number of a pair its rows, -1 for none, and its terms
    terms: Rows  # TERMS[m]
    blank_pair: Rows  # PAIR[1], one that has seen nothing,
    blank_fold: Rows  # FOLD[1], and a free minute or second
    minutes: int  # length of the ring of minutes
    seconds: int  # length of the ring of seconds
    widest: int  # most words that any pair needs


class Shape(NamedTuple):
    """How much a state has room for."""

    pairs: int
    minutes: int  # length of the ring of minutes
    seconds: int  # length of the ring of seconds
    words: int  # of all windows together
    widest: int = 0  # most words that any pair needs


def _room(shape: tuple[int, ...], dtype: np.dtype[_Cell]) -> NDArray[_Cell]:
    """Memory that is not touched yet, from a cache line on, in huge pages: few page walks find a row."""
    size = math.prod(shape) * dtype.itemsize
    room = np.empty(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    found: NDArray[_Cell] = room[start : start + size].view(dtype).reshape(shape)
    return found


def new_state(shape: Shape, segments: Rows) -> State:
    """State without any pair."""
    pair, fold = np.zeros(1, PAIR), np.zeros(1, FOLD)
    for name in ("ts_largest", "ts_seconds", "tops", "lows", "seqs", "ts_until"):
        pair[name] = NEVER
    pair["calm_from"] = pair["lowest"] = np.inf
    pair["calm_until"] = pair["highest"] = -np.inf
    fold["ts_open"] = NEVER
    pair["offset"] = fold["offset"] = -1
    sources = np.zeros(MOST_SOURCES, LIVE)
    sources["mark"], sources["due"] = NEVER, FOREVER
    count, width = shape.pairs, shape.minutes + shape.seconds
    room = 4 * count * width + 8_192  # a minute can put out two rows, and half stays free
    return State(
        _room((count,), PAIR), _room((-(-count // BLOCK), width, min(count, BLOCK)), FOLD), sources, segments,
        _room((shape.words,), np.dtype(np.uint64)), _room((count, HASHES), np.dtype(np.int64)),
        np.empty(PRICES, np.float64), _room((room,), FOLD), np.zeros(WORDS + 1, np.int64),
        _room((count, 4), np.dtype(np.int64)), _room((count,), np.dtype(np.int64)),
        np.empty((0, 2), np.int32), np.zeros(1, TERMS), pair, fold,
        shape.minutes, shape.seconds, shape.widest,
    )  # fmt: skip


@inlined
def fold_of(state: State, pair: Int, slot: Int) -> Any:
    """The row of a pair's minute or second."""
    return state.folds[U(pair) >> U(_SHIFT), U(slot), U(pair) & U(BLOCK - 1)]


def folds_of(state: State, pair: int) -> Rows:
    """All of them, FOLD[minutes + seconds]; a view, for plain Python."""
    found: Rows = state.folds[pair // BLOCK, :, pair % BLOCK]
    return found


@inlined
def fold_place(state: State, pair: Int, slot: Int) -> Int:
    """Its number among all rows of ``folds``."""
    _, width, length = state.folds.shape
    return np.int64(((pair >> _SHIFT) * width + slot) * length + (pair & (BLOCK - 1)))


@inlined
def has_room(state: State) -> bool:
    """Whether there is room for the rows of ``SPARE`` pairs."""
    rows = state.used[MET] + SPARE <= len(state.pairs)
    return bool(rows and state.used[WORDS] + SPARE * WINDOWS * state.widest <= len(state.bits))


@inlined
def is_noted(noted: Int, slot: Int) -> bool:
    """Whether a word notes a slot: few of a ring are in use at a time, and the others stand far away.

    In a ring of more than 64 slots several share a bit, so a slot that is noted need not be in use.
    """
    return bool((noted >> (slot & 63)) & 1)


@inlined
def bit_of(slot: Int) -> Int:
    """What notes a slot."""
    return np.int64(1) << (slot & 63)


@inlined
def ring_of(state: State, slot: Int) -> int:
    """Which ring a slot belongs to."""
    return MINUTES if slot < state.minutes else SECONDS


@inlined
def note(state: State, owner: Any, slot: Int) -> None:
    """Note that a slot is in use."""
    owner["in_use"][ring_of(state, slot)] |= bit_of(slot)


@inlined
def take_terms(owner: Any, term: Any) -> None:
    """Put what the configuration says of a pair into its row."""
    owner["source"], owner["lateness"], owner["window"] = term["source"], term["lateness"], term["window"]
    owner["gapless"], owner["quiet"], owner["future"] = term["gapless"], term["quiet"], term["future"]
    owner["nonpositive"], owner["basis"] = term["nonpositive"], term["basis"]
    owner["tick_size"], owner["spread"] = term["tick_size"], term["spread"]
    owner["conditions"], owner["spelling"] = term["conditions"], term["spelling"]
    owner["share"], owner["sigmas"], owner["median_of"] = term["share"], term["sigmas"], term["median_of"]
    owner["auction"], owner["first"], owner["last"] = term["auction"], term["first"], term["last"]


@kernel
def set_up(state: State, number: Int, words: Int) -> Int:
    """Make rows for a pair that has seen nothing, given the length of its windows; their place."""
    pair, term = state.used[MET], state.terms[state.places[number, TERM]]
    state.used[MET] = pair + 1
    state.places[number, ROW] = pair
    state.pairs[pair] = state.blank_pair[0]
    owner = state.pairs[pair]
    take_terms(owner, term)
    owner["number"], owner["words"], owner["bits_at"] = number, words, state.used[WORDS]
    owner["disorder"], owner["last_price"] = max(term["disorder"], 0), max(term["last_price"], 0)
    if owner["median_of"] == 0:  # no price is doubted
        owner["calm_from"], owner["calm_until"] = -np.inf, np.inf
    for place in range(state.used[WORDS], state.used[WORDS] + WINDOWS * words):
        state.bits[place] = np.uint64(0)
    state.used[WORDS] += WINDOWS * words
    for slot in range(state.minutes + state.seconds):
        state.folds[U(pair) >> U(_SHIFT), U(slot), U(pair) & U(BLOCK - 1)] = state.blank_fold[0]
    for column in range(OF_SOURCE):
        state.dues[pair, column] = FOREVER
    state.dues[pair, OF_SOURCE] = owner["source"]
    return np.int64(pair)


@kernel
def meet(state: State, number: Int) -> Int:
    """Make rows for a pair that comes first; their place."""
    return set_up(state, number, state.terms[state.places[number, TERM]]["words"])


@inlined
def pair_of(state: State, number: Int) -> Int:
    """Rows of the pair of a number, made now where it never came; -1 stays what it is."""
    if number < 0:
        return np.int64(-1)
    pair = np.int64(state.places[U(number), ROW])
    return meet(state, number) if pair < 0 else pair


@kernel
def find_turns(state: State) -> None:
    """Note the order of the pairs by their numbers: they came in another one."""
    count = np.int64(0)
    for number in range(len(state.places)):
        if state.places[number, ROW] >= 0:
            state.dues[count, IN_TURN] = state.places[number, ROW]
            count += 1
    state.used[TURNS] = state.used[MET]
