"""What a configuration means for ``analytics``: per symbol its grid, its allowances and what is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from schemas.config import Domain, IndicatorConfig, SymbolConfig, rules_of
from schemas.errors import ConfigurationError
from schemas.market.grid import Grid
from schemas.market.intervals import MINUTE, Interval
from schemas.topics import TOPICS
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.room import Rooms
from streams.core.analytics.scan.plan import ScanPlan
from streams.core.analytics.window import Window

ONE_MINUTE: Final = Interval.parse("1m")
_MS: Final = 1_000_000
_FIRST_TURN: Final = 3  # the heartbeat that comes with a bar, then the next one
_MOST_TURNS: Final = 100
_AT_ONCE: Final = 64  # symbols whose functions are computed at one heartbeat
_WINDOWS: Final = 8  # windows kept per grid; all symbols move on together


class Layout:
    """One grid and the intervals over it, shared by all symbols of a calendar and anchor."""

    def __init__(self, grid: Grid, intervals: tuple[Interval, ...], trailing: int) -> None:
        self._trailing = trailing
        self.grid = grid
        self.intervals = intervals
        self.lengths = np.array([interval.ns for interval in intervals], np.int64)
        self.window = lru_cache(_WINDOWS)(self._window)
        """The window whose newest and first trade date (days) are given."""

    def _window(self, session_date: int, first_date: int) -> Window:
        return Window(self.grid, self.intervals, session_date, first_date)

    def first_date(self, session_date: int) -> int:
        """The first trade date that is kept when one is the newest, in days."""
        place = int(np.searchsorted(self.grid.sessions, session_date, "right")) - 1
        return int(self.grid.sessions[max(place - self._trailing, 0)])


@dataclass(frozen=True, slots=True, eq=False)
class SymbolPlan:
    """What ``analytics`` does about one symbol.

    Attributes:
        layout: its grid and intervals.
        programs: per interval, what is computed on it.
        expiry: how long after the close of the next expected bar a value is fresh, in ns.
        coverage_limit: derived bars below it are flagged.
        delay: see ``windowed.kept``: the symbols of a minute take turns.
        version: of the configuration.
        rooms: where the arrays of all symbols stand.
    """

    layout: Layout
    programs: tuple[Program, ...]
    expiry: int
    coverage_limit: float
    delay: int
    version: int
    rooms: Rooms


class Plan:
    """A whole configuration, checked.

    Attributes:
        symbols: by name in UTF-8, in the order of the names.
        intervals: 1m first, then the derived ones, ascending.
        scan: what the scanner looks for.

    Raises:
        ConfigurationError: it names what is not there, or the intervals are not ours to derive.
    """

    def __init__(self, domain: Domain) -> None:
        self.intervals = (ONE_MINUTE, *_derived(domain.intervals))
        self._programs = tuple(Program(_wanted(domain, interval)) for interval in self.intervals)
        self._rooms = Rooms(self._programs, -(-len(domain.symbols) // max(domain.partitions, 1)))
        self._layouts: dict[tuple[str, str], Layout] = {}
        turns = min(-(-len(domain.symbols) // _AT_ONCE), _MOST_TURNS)
        plans = {
            symbol.symbol.encode(): self._symbol(domain, symbol, _FIRST_TURN + number % max(turns, 1))
            for number, symbol in enumerate(domain.symbols)
        }
        self.symbols = dict(sorted(plans.items()))
        self.scan = ScanPlan(domain, [interval.name for interval in self.intervals])

    @property
    def programs(self) -> tuple[Program, ...]:
        """What is computed on each interval."""
        return self._programs

    @property
    def functions(self) -> bool:
        """Whether any indicator is computed by a function."""
        return any(program.windowed for program in self._programs)

    def _symbol(self, domain: Domain, symbol: SymbolConfig, delay: int) -> SymbolPlan:
        rules = rules_of(domain, symbol)
        return SymbolPlan(
            self._layout(domain, symbol),
            self._programs,
            (rules.disorder_ms + domain.expiry_ms) * _MS,
            domain.coverage_limit,
            delay,
            domain.version,
            self._rooms,
        )

    def _layout(self, domain: Domain, symbol: SymbolConfig) -> Layout:
        place = (symbol.calendar, symbol.anchor)
        if place not in self._layouts:
            rows = domain.calendars.get(symbol.calendar)
            if rows is None:
                raise ConfigurationError(
                    f"calendar must be one of the configuration, was {symbol.calendar!r} ({symbol.symbol})"
                )
            self._layouts[place] = Layout(Grid(rows, symbol.anchor), self.intervals, domain.trailing_dates)
        return self._layouts[place]


def _derived(names: Sequence[str]) -> list[Interval]:
    intervals = sorted({Interval.parse(name) for name in names} - {ONE_MINUTE})
    for interval in intervals:
        if interval.ns < MINUTE or f"bars.{interval.name}" not in TOPICS:
            raise ConfigurationError(f"interval must be above 1m and have a topic, was {interval.name!r}")
    return intervals


def _wanted(domain: Domain, interval: Interval) -> list[IndicatorConfig]:
    return [one for one in domain.indicators if not one.intervals or interval.name in one.intervals]
