"""What a log of ``bars.raw`` has said of symbols: which there are, since when, and who decides their minutes.

Each sentence behind ``By law`` is one of SEMANTICS.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import Any, Final

from schemas.config import Domain, SymbolConfig
from tests.oracle.calendar import MINUTE, Calendar
from tests.oracle.sources import MS, NEVER, Life, Sources

GRACE: Final = 5_000 * MS
Record = dict[str, Any]


class Known:
    """The configuration of the moment and what follows from it.

    Attributes:
        domain: the configuration.
        symbols: every symbol that ever was, as it was last configured.
        begins: by symbol, its subscription; none where it has not begun, or has ended.
        waiting: symbols whose history is being loaded.
        recorded: by symbol, the trade dates of which a record has come.
        newest: of all heartbeats.
    """

    def __init__(self, sources: Sources) -> None:
        self.domain = Domain(0)
        self.symbols: dict[str, SymbolConfig] = {}
        self.begins: dict[str, int] = {}
        self.waiting: set[str] = set()
        self.recorded: dict[str, set[int]] = defaultdict(set)
        self.newest = NEVER
        self._sources = sources
        self._calendars: dict[str, Calendar] = {}
        self._minutes: dict[str, list[tuple[int, int]]] = {}
        self._starts: dict[str, list[int]] = {}
        self._through: dict[tuple[str, bool], int] = defaultdict(lambda: NEVER)
        self._oldest: dict[str, int] = defaultdict(int)

    def configure(self, domain: Domain) -> None:
        """Take up a newer configuration."""
        before = {symbol.symbol: symbol.history for symbol in self.domain.symbols}
        self.domain = domain
        self._calendars = {name: Calendar(rows) for name, rows in domain.calendars.items()}
        self._minutes = {name: list(rows.minutes()) for name, rows in self._calendars.items()}
        self._starts = {name: [at for _, at in every] for name, every in self._minutes.items()}
        for symbol in domain.symbols:
            self.symbols[symbol.symbol] = symbol
            # By law "where Config names a history source, it alone decides the symbol's minutes"
            if symbol.history and before.get(symbol.symbol) != symbol.history:
                self.waiting.add(symbol.symbol)
                self._through.pop((symbol.symbol, True), None)
                if symbol.symbol not in self.begins:
                    self._oldest.pop(symbol.symbol, None)  # By law "older ones are late, except history"
            elif not symbol.history:
                self.waiting.discard(symbol.symbol)
            if symbol.ts_from:
                self.begins[symbol.symbol] = symbol.ts_from
        # By law "between a symbol's subscription ... and its end"
        for name in before.keys() - {symbol.symbol for symbol in domain.symbols}:
            self.begins.pop(name, None)
            self.waiting.discard(name)

    def find(self, name: object) -> SymbolConfig | None:
        """A symbol that is configured."""
        return next((one for one in self.domain.symbols if one.symbol == name), None)

    def calendar(self, symbol: SymbolConfig) -> Calendar:
        """The calendar of a symbol."""
        return self._calendars[symbol.calendar]

    def date_of(self, symbol: SymbolConfig, ts_open: int) -> int | None:
        """The trade date of a minute; None outside the session."""
        segment = self.calendar(symbol).segment(ts_open)
        return None if segment is None else segment.session_date

    def dates(self, symbol: SymbolConfig) -> list[int]:
        """All its trade dates."""
        return list(dict.fromkeys(part.session_date for part in self.calendar(symbol).segments))

    def before(self, symbol: SymbolConfig, ts_open: int) -> int | None:
        """The expected minute of the same trade date right before one."""
        minutes = self._minutes[symbol.calendar]
        number = bisect_left(self._starts[symbol.calendar], ts_open)
        same = number > 0 and minutes[number - 1][0] == minutes[number][0]
        return minutes[number - 1][1] if same else None

    def is_played(self, symbol: SymbolConfig) -> bool:
        """Whether files alone speak of it."""
        files = {source.name for source in self.domain.sources if source.files}
        return files.issuperset(symbol.sources)

    def expected(self, symbol: SymbolConfig, end: int) -> list[int]:
        """The expected minutes from its subscription to an instant."""
        if symbol.symbol not in self.begins:
            return []
        every = self._minutes[symbol.calendar]
        starts = self._starts[symbol.calendar]
        part = every[bisect_left(starts, self.begins[symbol.symbol]) : bisect_right(starts, end)]
        # By law "for files only trade dates with records"
        dates = self.recorded[symbol.symbol] if self.is_played(symbol) else {date for date, _ in part}
        return [ts_open for date, ts_open in part if date in dates]

    def hear(self, beat: Record) -> None:
        """A heartbeat that says something new."""
        self.newest = max(self.newest, beat["ts"])
        for symbol in self.domain.symbols:
            waits = symbol.symbol in self.waiting
            if beat["source"] in ([symbol.history] if waits else symbol.sources):
                self._subscribe(symbol, beat["source"], beat["ts_through"])

    def meet(self, symbol: SymbolConfig, source: str, ts_open: int) -> None:
        """A record of a symbol from a source."""
        if symbol.symbol not in self.waiting or source == symbol.history:
            self._subscribe(symbol, source, ts_open)

    def _subscribe(self, symbol: SymbolConfig, source: str, ts: int) -> None:
        # By law "the from of its Config, else its source's mark at the first record or heartbeat after the
        # Config, cut to the minute"; of a source without a mark the first record is all there is
        mark = self._sources.mark[source]
        begin = ts if mark == NEVER else mark
        self.begins.setdefault(symbol.symbol, begin - begin % MINUTE)

    def is_ahead(self, ts_open: int, future_ms: int) -> bool:
        """Whether a minute ends further after the newest heartbeat than V08 allows."""
        return ts_open + MINUTE > self.newest + future_ms * MS

    def is_vendor(self, source: str) -> bool:
        """By text "V08 holds for live vendor sources"."""
        histories = {symbol.history for symbol in self.domain.symbols}
        found = [one for one in self.domain.sources if one.name == source]
        return any(one.topic == "bars.raw" and not one.files for one in found) and source not in histories

    def oldest(self, symbol: SymbolConfig) -> int:
        """By law "Bars may revise the current and the previous trade date", or so many as configured."""
        # The current one is that of the time up to which minutes are decided.
        begun = self._begun(symbol)
        kept = begun[-1 - self.domain.trailing_dates :]
        # What was let go of stays so, however many are kept by a later configuration.
        found = kept[0] if len(kept) > self.domain.trailing_dates else 0
        self._oldest[symbol.symbol] = max(self._oldest[symbol.symbol], found)
        return self._oldest[symbol.symbol]

    def has_begun(self, symbol: SymbolConfig, session_date: int) -> bool:
        """Whether a trade date is the current one or an earlier one."""
        return session_date in self._begun(symbol)

    def _begun(self, symbol: SymbolConfig) -> list[int]:
        best = self.best(symbol)
        now = self._sources.mark[best] if best else self.newest - GRACE
        who = (symbol.symbol, symbol.symbol in self.waiting)
        self._through[who] = max(self._through[who], now)
        parts = self.calendar(symbol).segments
        return sorted({part.session_date for part in parts if part.opens <= self._through[who]})

    def best(self, symbol: SymbolConfig) -> str:
        """The best source that may decide, empty where none is alive."""
        if symbol.symbol in self.waiting:
            return symbol.history
        lives = {name: self._sources.life(name, self.domain) for name in symbol.sources}
        # By law "Where no source counts, those in probation do"
        for wanted in (Life.COUNTS, Life.PROBATION):
            for name in symbol.sources:
                if lives[name] is wanted:
                    return name
        return ""
