"""All settings of one ``barline.toml``, and the domain configuration that follows from them."""

import os
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from barline.settings.conditions import CONDITIONS
from barline.settings.narrow import of_symbols, signals_of
from barline.settings.sections import (
    BrokerSettings,
    CalendarSettings,
    LinesSettings,
    PolicySettings,
    UrlSettings,
)
from runtime.endpoints import Endpoints
from schemas.config import (
    CalendarRows,
    Domain,
    IndicatorConfig,
    SignalConfig,
    SourceConfig,
    SymbolConfig,
    VenueConfig,
)
from schemas.errors import ConfigurationError
from schemas.rules import Asset, ConditionTable, RuleChanges


class Settings(msgspec.Struct, frozen=True):
    """What one ``barline.toml`` says.

    Attributes:
        intervals: derived intervals, ascending.
        kafka: the brokers.
        registry: the schema registry.
        clickhouse: the database.
        policies: what holds for every symbol.
        lines: strategy lines.
        worker: fields of ``streams.transport.settings.WorkerSettings`` that differ from its defaults.
        sink: fields of ``connectors.sinks.clickhouse.limits.Limits``, likewise.
        assets: what differs from the default rules of an asset class.
        conditions: tables of sale conditions by name; those of ``barline.settings.conditions`` are there.
        calendars: how calendars differ from the tables.
        sources: every source by name.
        symbols: every symbol by name, in order.
        indicators: what is computed.
        signals: what the scanner looks for.
        venues: what providers and brokers call the symbols, by their name.
    """

    intervals: list[str] = msgspec.field(default_factory=lambda: list(Domain(version=0).intervals))
    kafka: BrokerSettings = BrokerSettings()
    registry: UrlSettings = UrlSettings()
    clickhouse: UrlSettings = UrlSettings()
    policies: PolicySettings = PolicySettings()
    lines: LinesSettings = LinesSettings()
    worker: dict[str, Any] = {}
    sink: dict[str, Any] = {}
    assets: dict[Asset, RuleChanges] = {}
    conditions: dict[str, ConditionTable] = {}
    calendars: dict[str, CalendarSettings] = {}
    sources: dict[str, SourceConfig] = {}
    symbols: dict[str, SymbolConfig] = {}
    indicators: list[IndicatorConfig] = []
    signals: list[SignalConfig] = []
    venues: dict[str, VenueConfig] = {}

    def endpoints(self, environ: Mapping[str, str] = os.environ) -> Endpoints:
        """Addresses of the servers: from the environment, else from here, else those of the running stack.

        Raises:
            DependencyError: none of them names a server.
        """
        said = {
            "KAFKA": self.kafka.bootstrap,
            "REGISTRY": self.registry.url,
            "CLICKHOUSE": self.clickhouse.url,
        }
        own = {f"BARLINE_{name}": address for name, address in said.items() if address}
        return Endpoints.load(environ={**own, **environ})

    def worker_settings(self, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
        """Arguments of ``WorkerSettings``; what the environment sets is left to it."""
        return {
            key: value for key, value in self.worker.items() if f"BARLINE_WORKER_{key.upper()}" not in environ
        }

    def calendar_rows(self, first: date, last: date) -> dict[str, CalendarRows]:
        """Segments of every calendar that a symbol names.

        Raises:
            ConfigurationError: a calendar is unknown; one note for each.
        """
        # Reading the calendars' library takes seconds, which a process without need of them does not pay.
        from barline.settings.calendars import calendar_rows  # noqa: PLC0415

        rows: dict[str, CalendarRows] = {}
        errors: list[str] = []
        for name in sorted({symbol.calendar for symbol in self.symbols.values()}):
            try:
                rows[name] = calendar_rows(name, first, last, self.calendars.get(name))
            except ConfigurationError as error:
                errors.append(str(error))
        if errors:
            raise ConfigurationError("; ".join(errors))
        return rows

    def domain(self, first_date: date, last_date: date, version: int = 1) -> Domain:
        """The domain configuration.

        Args:
            first_date: first trade date its calendars hold.
            last_date: last trade date, inclusive; a calendar whose table ends earlier ends there.
            version: grows with every change; the one in force stands in the log.

        Raises:
            ConfigurationError: a calendar is unknown or knows no trade date in the range.
        """
        policies = self.policies
        return Domain(
            version=version,
            symbols=list(self.symbols.values()),
            sources=list(self.sources.values()),
            calendars=self.calendar_rows(first_date, last_date),
            assets={
                name: self.assets.get(name, RuleChanges()).over(rules)
                for name, rules in Domain(version=version).assets.items()
            },
            conditions=CONDITIONS | self.conditions,
            intervals=self.intervals,
            indicators=self.indicators,
            signals=signals_of(self.signals, self.symbols),
            venues=[of_symbols(venue, self.symbols) for venue in self.venues.values()],
            lateness_ms=policies.lateness_ms,
            source_timeout_ms=policies.source_timeout_ms,
            probation_ms=policies.probation_ms,
            silence_ms=policies.silence_ms,
            coverage_limit=policies.coverage_limit,
            auction_ms=policies.auction_ms,
            session_timeout_ms=policies.session_timeout_ms,
            trailing_dates=policies.trailing_dates,
            expiry_ms=policies.expiry_ms,
            parked_lines=self.lines.parked_lines,
            parked_bytes=self.lines.parked_bytes,
            equity_on_change=self.lines.equity_on_change,
        )
