"""A configuration as the ticks stage needs it: pairs, their rules, and where names stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.batches.lookup import Lookup
from schemas.batches.lookup import Names as LookupNames
from schemas.batches.wire import Bytes, packed, sealed
from schemas.columns import Names
from schemas.config import AssetRules, ConditionTable, Domain, SymbolConfig, decode
from schemas.errors import ConfigurationError
from schemas.market.grid import Grid
from schemas.market.intervals import DAY, MINUTE, SECOND
from streams.core.ticks.conditions import compiled
from streams.core.ticks.rows import PRICES, SEGMENT, Rows
from streams.core.ticks.rule_rows import Rules, rule_rows
from streams.core.watermark import Watermarks, is_name

Pair: TypeAlias = tuple[bytes, bytes]
"""A symbol and a source."""

_MS: Final = 1_000_000
_LONGEST: Final = 2 * DAY  # lateness beyond it would keep thousands of minutes a symbol in memory
_WIDEST: Final = 1 << 20  # numbers of a window of identities: 128 KiB
_MOST_KEPT: Final = 1 << 22  # prints of a symbol kept for corrections: 288 MiB
_NONE: Final = np.zeros(0, np.int64)


class PairNames(NamedTuple):
    """Names of the pairs."""

    pairs: tuple[Pair, ...]
    keys: tuple[bytes, ...]  # of their saved states
    texts: Bytes  # symbol and source of each, one after the other,
    spans: NDArray[np.int64]  # packed, of both in turn


class Known(NamedTuple):
    """Where kernels find the number of a pair."""

    symbols: LookupNames
    sources: LookupNames
    pairs: NDArray[np.int32]  # [symbol, source]; -1 unknown, as is the last of both


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """The pairs of a partition under one configuration.

    Attributes:
        version: of the configuration, -1 before any.
        body: its text.
        pairs: every pair known, ascending; those taken out of the configuration too.
        names: the same, to be written.
        rules: RULE[n], by pair.
        segments: SEGMENT[m], those of all calendars, one calendar after the other.
        disorders: int64[n], ns, by pair; -1 where the configuration does not know the pair.
        last_prices: int64[n], 1 where a pair moves the forming bar alone.
        words: int64[n], length of each window of identities.
        conditions: uint8[k, 256], tables of sale conditions.
        kept: int64[n], how many prints of a pair are kept for corrections.
        relay_ns: how far behind its mark a source's passed-on heartbeats are: the largest disorder.
        minutes: length of the ring of minutes, a power of two.
        seconds: length of the ring of seconds, a power of two.
        partitions: of the topic; a symbol's halts are told in its key's partition alone. 0: unknown.
        horizons: last close of each calendar in use, ns.
        known: numbers of the pairs that the configuration names, for kernels.
    """

    version: int
    body: str
    pairs: tuple[Pair, ...]
    names: PairNames
    rules: Rows
    segments: Rows
    disorders: NDArray[np.int64]
    last_prices: NDArray[np.int64]
    words: NDArray[np.int64]
    conditions: NDArray[np.uint8]
    kept: NDArray[np.int64]
    relay_ns: int
    minutes: int
    seconds: int
    partitions: int
    horizons: dict[str, int]
    known: Known

    def symbols(self) -> set[bytes]:
        """The symbols that the configuration names."""
        return {name for (name, _), at in zip(self.pairs, self.disorders.tolist(), strict=True) if at >= 0}

    def knows(self, symbol: bytes) -> bool:
        """Whether the configuration names a symbol."""
        return symbol in self.symbols()


def read(version: int, body: bytes | str) -> Domain:
    """The configuration in a record.

    Raises:
        ConfigurationError: it is none, or of another version, or says what cannot be.
    """
    try:
        domain = decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"configuration must be readable: {error}") from None
    if domain.version != version:
        raise ConfigurationError(f"version must be that of the record, {version}, was {domain.version!r}")
    for symbol in domain.symbols:
        if symbol.calendar not in domain.calendars:
            raise ConfigurationError(f"calendar of {symbol.symbol} must be known, was {symbol.calendar!r}")
        if symbol.conditions not in {"", *domain.conditions}:
            said = symbol.conditions
            raise ConfigurationError(f"conditions of {symbol.symbol} must be known, was {said!r}")
    for name in [*(symbol.symbol for symbol in domain.symbols), *(source.name for source in domain.sources)]:
        if not is_name(name.encode()) or "|" in name or name.startswith("!"):
            raise ConfigurationError(f"a name must be short and free of '|' and '!', was {name!r}")
    _check_limits(domain)
    return domain


def _check_limits(domain: Domain) -> None:
    """Refuse what would keep too much in memory."""
    rules = Rules(domain).all()
    if max(domain.lateness_ms * _MS, *(_reach(one) for one in rules)) > _LONGEST:
        raise ConfigurationError(f"lateness must be at most two days, was {domain.lateness_ms!r} ms")
    for one in rules:
        if not 0 <= one.correction_prints <= _MOST_KEPT:
            said = one.correction_prints
            raise ConfigurationError(f"correction_prints must be at most {_MOST_KEPT}, was {said!r}")
        if not (0 <= one.outlier_prints <= PRICES and 64 <= one.identity_window <= _WIDEST):
            raise ConfigurationError(
                f"outlier_prints must be at most {PRICES} and identity_window 64 to {_WIDEST}, "
                f"was {one.outlier_prints!r} and {one.identity_window!r}"
            )


def book(domain: Domain, body: str, known: Iterable[Pair], marks: Watermarks) -> Book:
    """The pairs and rules of a configuration; its tick sources get numbers among the marks.

    Args:
        domain: the configuration.
        body: its text.
        known: pairs that have state, whether or not the configuration names them.
        marks: met with the sources.

    Raises:
        ConfigurationError: a calendar cannot be.
    """
    feeds = {source.name.encode(): source for source in domain.sources if source.topic == "ticks.raw"}
    named = {
        (symbol.symbol.encode(), source.encode()): symbol
        for symbol in domain.symbols
        for source in symbol.sources
        if source.encode() in feeds
    }
    rules = Rules(domain)
    calendars = sorted({symbol.calendar for symbol in named.values()})
    grids = {name: Grid(domain.calendars[name]) for name in calendars}
    pairs = tuple(sorted({*known, *named}))
    firsts = dict(zip(calendars, _starts(list(grids.values())), strict=True))
    spans = {name: (first, first + len(grids[name].opens)) for name, first in firsts.items()}
    rows = rule_rows(domain, rules, [named.get(pair) for pair in pairs], spans)
    rows["source"] = [_source(marks, source) for _, source in pairs]
    rows["gapless"] = [pair in named and feeds[pair[1]].gapless for pair in pairs]
    reach = max(_reach(one) for one in rules.all())
    return Book(
        version=domain.version,
        body=body,
        pairs=pairs,
        names=_names(pairs),
        rules=rows,
        segments=_segments(list(grids.values())),
        disorders=_of_pairs(pairs, {pair: rules.of(named[pair]).disorder_ms * _MS for pair in named}),
        last_prices=_of_pairs(pairs, {pair: int(feeds[pair[1]].last_price) for pair in named}),
        words=np.array([power(int(window)) // 64 for window in rows["window"]], np.int64),
        conditions=_conditions(domain),
        kept=_of_pairs(pairs, {pair: _kept(rules, named[pair]) for pair in named}),
        relay_ns=max(one.disorder_ms for one in rules.all()) * _MS,
        minutes=power((domain.lateness_ms * _MS + reach) // MINUTE + 5),
        seconds=power(reach // SECOND + 4),
        partitions=domain.partitions,
        horizons={name: grid.horizon for name, grid in grids.items()},
        known=_known(pairs, named),
    )


def _names(pairs: tuple[Pair, ...]) -> PairNames:
    joined = Names(name for pair in pairs for name in pair)
    return PairNames(pairs, tuple(map(b"|".join, pairs)), sealed(joined.data), packed(joined.spans))


def _of_pairs(pairs: tuple[Pair, ...], said: dict[Pair, int]) -> NDArray[np.int64]:
    return np.array([said.get(pair, -1) for pair in pairs], np.int64)


def _kept(rules: Rules, symbol: SymbolConfig) -> int:
    """How many prints of a symbol are kept for corrections; where quotes are folded there are none."""
    return rules.of(symbol).correction_prints if symbol.price == "last" else 0


def _conditions(domain: Domain) -> NDArray[np.uint8]:
    """The tables in the order of their names; one is always there, so that kernels see one type."""
    tables = [compiled(table) for _, table in sorted(domain.conditions.items())]
    return np.stack(tables or [compiled(ConditionTable("letters"))])


def _source(marks: Watermarks, name: bytes) -> int:
    number = marks.add(name)
    if number < 0:
        raise ConfigurationError(f"source must find room in its partition, was {name!r}")
    return number


def _reach(rules: AssetRules) -> int:
    """How far apart the watermark and a print that is not refused can be, in ns."""
    return (rules.disorder_ms + rules.future_ms) * _MS


def power(count: int) -> int:
    """The power of two that is not below a count."""
    return 1 << (int(count) - 1).bit_length()


def _starts(grids: list[Grid]) -> list[int]:
    lengths = [len(grid.opens) for grid in grids]
    return [sum(lengths[:number]) for number in range(len(lengths))]


def _segments(grids: list[Grid]) -> Rows:
    rows = np.zeros(sum(len(grid.opens) for grid in grids), SEGMENT)
    for name, of in (("ts_open", "opens"), ("ts_close", "closes"), ("session_date", "session_dates")):
        rows[name] = np.concatenate([_NONE, *(getattr(grid, of) for grid in grids)])
    return rows


def _known(pairs: tuple[Pair, ...], named: Iterable[Pair]) -> Known:
    """Names of symbols and sources, and the pair of each two; the last row and column say unknown."""
    symbols = sorted({symbol for symbol, _ in named})
    sources = sorted({source for _, source in named})
    table = np.full((len(symbols) + 1, len(sources) + 1), -1, np.int32)
    numbers = {pair: number for number, pair in enumerate(pairs)}
    rows = {symbol: number for number, symbol in enumerate(symbols)}
    columns = {source: number for number, source in enumerate(sources)}
    for symbol, source in named:
        table[rows[symbol], columns[source]] = numbers[symbol, source]
    return Known(Lookup(symbols).names, Lookup(sources).names, table)


def empty_book(known: Iterable[Pair], marks: Watermarks) -> Book:
    """What holds before any configuration: every symbol is unknown."""
    return book(Domain(-1), "", known, marks)
