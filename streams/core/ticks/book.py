"""A configuration as the ticks stage needs it: pairs, what it says of them, and where names stand.

Nearly all of it is the same in every partition, so it is made once for all of them: from a configuration of
100,000 symbols it takes half a second.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.batches.lookup import Lookup, number_of
from schemas.batches.lookup import Names as LookupNames
from schemas.batches.wire import Bytes, packed, sealed
from schemas.columns import Names
from schemas.config import Domain
from schemas.errors import ConfigurationError
from schemas.jit import kernel
from schemas.market.grid import Grid
from schemas.market.intervals import MINUTE, SECOND
from schemas.partition import partitions_of
from schemas.rules import ConditionTable
from streams.core.ticks.conditions import compiled
from streams.core.ticks.rows import SEGMENT, Ints, Rows
from streams.core.ticks.rule_rows import Rules, Terms, power, strange
from streams.core.ticks.rules import check_limits, reach, read
from streams.core.watermark import Watermarks

Pair: TypeAlias = tuple[bytes, bytes]
"""A symbol and a source."""

_MS: Final = 1_000_000
_NONE: Final = np.zeros(0, np.int64)


class PairNames(NamedTuple):
    """Names of the pairs."""

    pairs: tuple[Pair, ...]
    keys: tuple[bytes, ...]  # of their saved states
    texts: Bytes  # symbol and source of each, one after the other,
    spans: Ints  # packed, of both in turn


class Known(NamedTuple):
    """Where kernels find the number of a pair."""

    symbols: LookupNames
    sources: LookupNames
    pairs: NDArray[np.int32]  # [symbol, source]; -1 unknown, as is the last of both


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """The pairs of a partition under one configuration, numbered in the order of their names.

    Attributes:
        domain: the configuration.
        body: its text.
        pairs: every pair known, ascending; those taken out of the configuration too.
        names: the same, to be written.
        terms: TERMS[k], what the configuration says of pairs that it treats alike.
        term_of: int32[n], by pair its row of them.
        homes: int64[n], by pair the partition of its symbol.
        feeds: sources of the pairs, as ``terms`` numbered them before they were met.
        segments: SEGMENT[m], those of all calendars, one calendar after the other.
        conditions: uint8[k, 256], tables of sale conditions.
        relay_ns: how far behind its mark a source's passed-on heartbeats are: the largest disorder.
        minutes: length of the ring of minutes, a power of two.
        seconds: length of the ring of seconds, a power of two.
        horizons: last close of each calendar in use, ns.
        known: numbers of the pairs that the configuration names, for kernels.
    """

    domain: Domain
    body: bytes
    pairs: tuple[Pair, ...]
    names: PairNames
    terms: Rows
    term_of: NDArray[np.int32]
    homes: Ints
    feeds: tuple[bytes, ...]
    segments: Rows
    conditions: NDArray[np.uint8]
    relay_ns: int
    minutes: int
    seconds: int
    horizons: dict[str, int]
    known: Known

    @property
    def version(self) -> int:
        """Of the configuration, -1 before any."""
        return self.domain.version

    def knows(self, symbol: bytes) -> bool:
        """Whether the configuration names a symbol."""
        return any(self.terms[self.term_of[number]]["disorder"] >= 0 for number in self.numbers(symbol))

    def numbers(self, symbol: bytes) -> range:
        """Numbers of all pairs of a symbol."""
        return range(bisect_left(self.pairs, (symbol, b"")), bisect_left(self.pairs, (symbol + b"\0", b"")))

    def number(self, pair: Pair) -> int:
        """Number of a pair, -1 for one that is not there."""
        found = bisect_left(self.pairs, pair)
        return found if found < len(self.pairs) and self.pairs[found] == pair else -1

    def named(self, pair: Pair) -> int:
        """Number of a pair that the configuration names, else -1."""
        found = self.number(pair)
        return found if found >= 0 and self.terms[self.term_of[found]]["disorder"] >= 0 else -1

    def names_at(self, numbers: Ints) -> PairNames:
        """Names of some pairs, in the order of the numbers given."""
        spans = self.names.spans.reshape(-1, 2)[numbers].reshape(-1)
        listed = numbers.tolist()
        pairs, keys = (
            tuple(map(self.pairs.__getitem__, listed)),
            tuple(map(self.names.keys.__getitem__, listed)),
        )
        return PairNames(pairs, keys, self.names.texts, spans)

    def lives(self, partition: int) -> NDArray[np.bool_]:
        """By pair, whether its symbol belongs to a partition; to every one where nobody knows."""
        found: NDArray[np.bool_] = (
            np.ones(len(self.pairs), np.bool_) if self.domain.partitions == 0 else self.homes == partition
        )
        return found


def book(version: int, body: bytes, known: PairNames, marks: Watermarks) -> Book:
    """The pairs and rules of a configuration; their sources get numbers among the marks.

    Args:
        version: that of the record.
        body: the configuration.
        known: pairs that have state, whether or not the configuration names them.
        marks: met with the sources.

    Raises:
        ConfigurationError: it is none, or of another version, or says what cannot be.
    """
    return _met(_with(_shared(version, body), known), marks)


def empty_book(known: PairNames, marks: Watermarks) -> Book:
    """What holds before any configuration: every symbol is unknown."""
    return _met(_with(_empty(), known), marks)


@lru_cache(maxsize=2)
def _shared(version: int, body: bytes) -> Book:
    return _of(read(version, body), body)


def _of(domain: Domain, body: bytes) -> Book:
    """What a configuration says, the sources numbered among themselves."""
    rules = Rules(domain)
    check_limits(domain, rules)
    sources = {source.name: source for source in domain.sources if source.topic == "ticks.raw"}
    numbers = {source: number for number, source in enumerate(sources)}
    feeds = tuple(source.encode() for source in sources)
    terms = Terms(domain, rules, list(sources.values()))
    named = {
        (symbol.symbol.encode(), feeds[numbers[source]]): terms.of(symbol, numbers[source])
        for symbol in domain.symbols
        for source in symbol.sources
        if source in numbers
    }
    grids = {name: Grid(domain.calendars[name]) for name in terms.calendars()}
    firsts = dict(zip(grids, _starts(list(grids.values())), strict=True))
    pairs, furthest = tuple(sorted(named)), max(reach(one) for one in rules.all())
    names = names_of(pairs)
    return Book(
        domain=domain,
        body=body,
        pairs=pairs,
        names=names,
        terms=terms.rows({name: (first, first + len(grids[name].opens)) for name, first in firsts.items()}),
        term_of=np.array([named[pair] for pair in pairs], np.int32),
        homes=_homes(names, domain.partitions),
        feeds=feeds,
        segments=_segments(list(grids.values())),
        conditions=_conditions(domain),
        relay_ns=max(one.disorder_ms for one in rules.all()) * _MS,
        minutes=power((domain.lateness_ms * _MS + furthest) // MINUTE + 5),
        seconds=power(furthest // SECOND + 4),
        horizons={name: grid.horizon for name, grid in grids.items()},
        known=_known(pairs),
    )


def _with(shared: Book, known: PairNames) -> Book:
    """A book with the pairs that are known beside those that the configuration names."""
    found = _numbers_of(known.texts, known.spans, shared.known)
    others = [known.pairs[place] for place in np.flatnonzero(found < 0).tolist()]
    if not others:
        return shared
    feeds = tuple(dict.fromkeys((*shared.feeds, *(source for _, source in others))))
    terms = np.concatenate([shared.terms, *(strange(number) for number in range(len(feeds)))])
    term_of = dict(zip(shared.pairs, shared.term_of.tolist(), strict=True))
    term_of |= {pair: len(shared.terms) + feeds.index(pair[1]) for pair in others}
    pairs = tuple(sorted(term_of))
    names = names_of(pairs)
    return replace(
        shared,
        pairs=pairs,
        names=names,
        terms=terms,
        term_of=np.array([term_of[pair] for pair in pairs], np.int32),
        homes=_homes(names, shared.domain.partitions),
        feeds=feeds,
        known=_known(pairs, named=frozenset(shared.pairs)),
    )


def _met(one: Book, marks: Watermarks) -> Book:
    """A book whose terms have the numbers of the sources among the marks."""
    numbers = np.full(len(one.feeds), -1, np.int64)
    for feed in np.unique(one.terms["source"][one.term_of]).tolist():
        numbers[feed] = marks.add(one.feeds[feed])
        if numbers[feed] < 0:
            raise ConfigurationError(f"source must find room in its partition, was {one.feeds[feed]!r}")
    terms = one.terms.copy()
    terms["source"] = numbers[terms["source"]]
    return replace(one, terms=terms)


def names_of(pairs: Sequence[Pair]) -> PairNames:
    """Names of pairs, as they are written."""
    joined = Names(name for pair in pairs for name in pair)
    return PairNames(tuple(pairs), tuple(map(b"|".join, pairs)), sealed(joined.data), packed(joined.spans))


def numbers_of(pairs: PairNames, one: Book) -> Ints:
    """Numbers of pairs in a book that has them all, int64[n]."""
    found = _numbers_of(pairs.texts, pairs.spans, one.known)
    for place in np.flatnonzero(found < 0).tolist():  # those that its configuration does not name
        found[place] = one.number(pairs.pairs[place])
    return found


@kernel
def _numbers_of(texts: Bytes, spans: Ints, known: Known) -> Ints:
    found = np.empty(len(spans) // 2, np.int64)
    for pair in range(len(found)):
        symbol = number_of(texts, spans[2 * pair], known.symbols)
        found[pair] = known.pairs[symbol, number_of(texts, spans[2 * pair + 1], known.sources)]
    return found


def _homes(names: PairNames, partitions: int) -> Ints:
    if partitions == 0:
        return np.full(len(names.pairs), -1, np.int64)
    found: Ints = partitions_of(names.texts, np.ascontiguousarray(names.spans[::2]), partitions)
    return found


def _conditions(domain: Domain) -> NDArray[np.uint8]:
    """The tables in the order of their names; one is always there, so that kernels see one type."""
    tables = [compiled(table) for _, table in sorted(domain.conditions.items())]
    return np.stack(tables or [compiled(ConditionTable("letters"))])


def _starts(grids: list[Grid]) -> list[int]:
    lengths = [len(grid.opens) for grid in grids]
    return [sum(lengths[:number]) for number in range(len(lengths))]


def _segments(grids: list[Grid]) -> Rows:
    rows = np.zeros(sum(len(grid.opens) for grid in grids), SEGMENT)
    for name, of in (("ts_open", "opens"), ("ts_close", "closes"), ("session_date", "session_dates")):
        rows[name] = np.concatenate([_NONE, *(getattr(grid, of) for grid in grids)])
    return rows


def _known(pairs: tuple[Pair, ...], named: frozenset[Pair] | None = None) -> Known:
    """Where those pairs stand that a configuration names [all]; the last row and column say unknown."""
    symbols, sources = dict[bytes, int](), dict[bytes, int]()
    numbers = [number for number, pair in enumerate(pairs) if named is None or pair in named]
    rows = [symbols.setdefault(pairs[number][0], len(symbols)) for number in numbers]
    columns = [sources.setdefault(pairs[number][1], len(sources)) for number in numbers]
    table = np.full((len(symbols) + 1, len(sources) + 1), -1, np.int32)
    table[rows, columns] = numbers
    return Known(Lookup(list(symbols)).names, Lookup(list(sources)).names, table)


@lru_cache(maxsize=1)
def _empty() -> Book:
    return _of(Domain(-1), b"")


NO_PAIRS: Final = names_of(())
