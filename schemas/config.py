"""The domain configuration: what decides the data, as it stands in the body of a ``Config`` record.

It reaches a stage only through its input topic, so a replay has the configuration of its time. Settings of a
process (addresses, batch sizes, ports) are no part of it.
"""

from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec

from schemas.rules import Asset, AssetRules, ConditionTable, RuleChanges, default_rules
from schemas.topics import DERIVED

PriceBasis = Literal["last", "bid", "ask", "mid"]
Policy = Literal["refetch", "flat", "none"]

MOST_TRAILING: Final = 8
"""Most trade dates before the current one that can be kept."""
TrailingDates = Annotated[int, msgspec.Meta(ge=1, le=MOST_TRAILING)]

MOST_EXPIRY_MS: Final = 86_400_000
"""Longest that a value may stay fresh after its next one was due: a day."""
ExpiryMs = Annotated[int, msgspec.Meta(ge=0, le=MOST_EXPIRY_MS, examples=["2_000"])]


class CalendarRows(msgspec.Struct, frozen=True):
    """A calendar as plain segments of trading, ascending and disjoint.

    Attributes:
        name: such as XNYS.
        version: what made it, for manifests.
        anchor: how intervals above 1m are cut: ``session``, ``utc`` or ``local``.
        zone: IANA time zone of wall-clock boundaries.
        session_dates: trade date of each segment, days since 1970-01-01.
        opens: start of each segment, seconds since the epoch, inclusive.
        closes: end of each segment, seconds since the epoch, exclusive.
    """

    name: str
    version: str
    anchor: Literal["session", "utc", "local"]
    zone: str
    session_dates: list[int]
    opens: list[int]
    closes: list[int]


class SourceConfig(msgspec.Struct, frozen=True):
    """One source as the stages see it.

    Attributes:
        name: unique; it belongs to one topic.
        topic: ``ticks.raw`` or ``bars.raw``.
        poll_ms: period of a poller, 0 for a stream.
        gapless: whether its ``seq`` has no holes (V17).
        files: it plays files, so only trade dates on which a symbol has records are expected of it.
        last_price: its ticks are the newest price alone: they move the forming bar and make no other.
    """

    name: str
    topic: Literal["ticks.raw", "bars.raw"]
    poll_ms: int = 0
    gapless: bool = False
    files: bool = False
    last_price: bool = False


class SymbolConfig(msgspec.Struct, frozen=True):
    """One symbol.

    Attributes:
        symbol: canonical name.
        asset: asset class, key of ``Domain.assets``.
        calendar: key of ``Domain.calendars``.
        sources: names of its sources, best first.
        price: which price of a quote counts.
        policy: what is done about a missing minute, in order.
        fill_limit: at most so many minutes in a row are filled where a cause other than no_trades is known.
        history: source that alone decides its minutes until it says history_end; empty for none.
        ts_from: subscribed from then on (ns); 0: from its source's mark at the first record after the Config.
        anchor: overrides the calendar's anchor; empty keeps it.
        tick_size: V12; 0 does not check.
        conditions: key of ``Domain.conditions``; empty gives conditions no meaning.
        rules: what differs from the rules of its class.
    """

    symbol: str
    asset: Asset
    calendar: str
    sources: list[str]
    price: PriceBasis = "last"
    policy: list[Policy] = msgspec.field(default_factory=lambda: ["refetch", "flat"])
    fill_limit: int = 5
    history: str = ""
    ts_from: int = 0
    anchor: Literal["", "session", "utc", "local"] = ""
    tick_size: float = 0.0
    conditions: str = ""
    rules: RuleChanges = RuleChanges()


class IndicatorConfig(msgspec.Struct, frozen=True):
    """One indicator on one or more intervals.

    Attributes:
        name: name of its values, such as rsi_14.
        kind: one of ``schemas.indicators``, else that of a function over a window of bars: an entry point of
            ``barline.indicators``, or one of pandas-ta-classic.
        length: its window in bars, 0 where it has none.
        parameters: the others, by their names in ``schemas.indicators`` or of the function; one left out has
            its default.
        intervals: where it is computed; empty for every interval.
        options: parameters of a function that are texts.
        outputs: which values of a function count; empty for the first one, under the name alone.
        window: bars a function is given, those before the newest included.
        limit_ms: how long a function may take for one bar; one that takes longer is disabled.
    """

    name: str
    kind: str
    length: int = 0
    intervals: list[str] = []
    parameters: dict[str, float] = {}
    options: dict[str, str] = {}
    outputs: list[str] = []
    window: int = 200
    limit_ms: int = 5_000


class SignalConfig(msgspec.Struct, frozen=True):
    """One signal: what the scanner looks for.

    Attributes:
        name: unique.
        when: the condition, such as ``rsi_14@5m < 30 and close > ema_20@1h``.
        interval: interval of what ``when`` names without one.
        debounce_ms: least event time between two signals of one symbol.
        symbols: symbols that it is evaluated for; empty for all.
    """

    name: str
    when: str
    interval: str = "1m"
    debounce_ms: int = 300_000
    symbols: list[str] = []


class VenueConfig(msgspec.Struct, frozen=True):
    """What a provider or a broker calls the symbols.

    Attributes:
        name: unique.
        kind: signals go to brokers; providers are where data comes from.
        names: its name of a symbol, by canonical name.
        others: what it calls symbols not named here: ``same``, their canonical name; ``none``, it lacks them.
    """

    name: str
    kind: Literal["broker", "provider"] = "broker"
    names: dict[str, str] = {}
    others: Literal["same", "none"] = "same"


class Domain(msgspec.Struct, frozen=True):
    """The whole domain configuration of one version.

    Attributes:
        version: grows with every change; a version not newer changes nothing.
        symbols: every symbol; a record of another one is refused (V02).
        sources: every source.
        calendars: by name.
        assets: rules by asset class; a class left out has the defaults.
        conditions: tables of sale conditions by name.
        intervals: derived intervals, ascending.
        indicators: what ``analytics`` computes.
        signals: what the scanner looks for.
        venues: what providers and brokers call the symbols.
        lateness_ms: how long after the close of its minute a tick still counts.
        source_timeout_ms: a source is dead when its last heartbeat is that much older than the newest.
        probation_ms: how long a source that failed must be alive before it counts again.
        silence_ms: silence longer than this is an outage, not no_trades.
        coverage_limit: derived bars below it are flagged, 0 to 1.
        auction_ms: how long after the close a print with an auction condition still counts.
        session_timeout_ms: a session without any known minute for so long after its open, or up to its close,
            is flagged.
        trailing_dates: so many trade dates before the current one may still be revised, 1 to
            ``MOST_TRAILING``.
        expiry_ms: how long an indicator value and a bar stay fresh after the next one was due, 0 to
            ``MOST_EXPIRY_MS``.
        parked_lines: lines of an unknown mode kept while it is asked for.
        parked_bytes: their size in bytes.
        equity_on_change: whether a value equal to the last one is dropped.
        partitions: of every topic; a symbol's minutes are expected in its key's partition alone. 0: unknown,
            then a symbol is expected in a partition from its first record there on.
    """

    version: int
    symbols: list[SymbolConfig] = []
    sources: list[SourceConfig] = []
    calendars: dict[str, CalendarRows] = {}
    assets: dict[Asset, AssetRules] = msgspec.field(default_factory=default_rules)
    conditions: dict[str, ConditionTable] = {}
    intervals: list[str] = msgspec.field(default_factory=lambda: list(DERIVED))
    indicators: list[IndicatorConfig] = []
    signals: list[SignalConfig] = []
    venues: list[VenueConfig] = []
    lateness_ms: int = 900_000
    source_timeout_ms: int = 5_000
    probation_ms: int = 60_000
    silence_ms: int = 300_000
    coverage_limit: float = 0.8
    auction_ms: int = 300_000
    session_timeout_ms: int = 300_000
    trailing_dates: TrailingDates = 1
    expiry_ms: ExpiryMs = 2_000
    parked_lines: int = 200
    parked_bytes: int = 262_144
    equity_on_change: bool = True
    partitions: int = 0


_DEFAULT_ASSETS: Final = default_rules()
_UNCHANGED: Final = RuleChanges()


def rules_of(domain: Domain, symbol: SymbolConfig) -> AssetRules:
    """The rules of a symbol: those of its class with what differs for it."""
    rules = domain.assets.get(symbol.asset, _DEFAULT_ASSETS[symbol.asset])
    return rules if symbol.rules == _UNCHANGED else symbol.rules.over(rules)


def encode(domain: Domain) -> str:
    """The body of a ``Config`` record: JSON with sorted keys, the same text for the same configuration."""
    return msgspec.json.encode(domain, order="sorted").decode()


@lru_cache(maxsize=2)
def decode(body: bytes | str) -> Domain:
    """The configuration in a body, not to be changed: every stage and partition is given the same.

    Raises:
        msgspec.ValidationError: the body is no such configuration.
    """
    return msgspec.json.decode(body, type=Domain)
