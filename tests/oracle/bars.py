"""What must become of one partition's log of ``bars.raw``: final 1m rows, gaps, causes and sessions.

Only two things follow the log record by record: when a minute is decided, and which source's bar it has.
Causes, flat bars and gaps are worked out at the end, from scratch. Each sentence behind ``By law`` is one of
SEMANTICS, behind ``By text`` one of ``docs/semantics.md``. Not covered: a history that is named for a symbol
that was taken out and came back; another ``policy``, ``fill_limit``, ``silence_ms`` or limit of liveness in
mid-session; other hours of minutes that are published.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from schemas.config import SymbolConfig, decode, rules_of
from tests.oracle.calendar import MINUTE
from tests.oracle.causes import Causes
from tests.oracle.decided import Decided, Place
from tests.oracle.fills import Minute, gap
from tests.oracle.known import Known
from tests.oracle.prints import Record, refusal
from tests.oracle.quality import session
from tests.oracle.sources import Sources

Session = tuple[str, int, str]
"""Symbol, trade date, interval."""

FIELDS: Final = ("open", "high", "low", "close", "volume", "notional", "fill", "source", "flags")
"""What is compared of a row."""
MOST_WAITING: Final = 2
"""Trade dates of live bars that wait for the history."""


class Bars:
    """The oracle.

    Attributes:
        outcomes: ``out``, ``duplicate``, ``held``, ``late.<code>`` or ``rejected.<code>`` of each bar, by its
            place in the log.
        cut: symbols and trade dates in which they were taken out, whose sessions are not looked at.
        unsent: places of those that are late or refused but not told of, since their bytes are gone.
    """

    def __init__(self) -> None:
        self.outcomes: dict[int, str] = {}
        self.cut: set[tuple[str, int]] = set()
        self.unsent: set[int] = set()
        self._place = 0
        self._told: dict[Session, Record] = {}  # under configurations before
        self._as_told: dict[tuple[str, int], list[Minute]] = {}  # their minutes then
        self._sources = Sources()
        self._known = Known(self._sources)
        self._causes = Causes(self._sources)
        self._decided = Decided(self._known, self._sources, self._causes)
        self._held: dict[str, dict[tuple[int, str], tuple[int, Record]]] = defaultdict(dict)

    def read(self, log: Iterable[Record]) -> "Bars":
        """Read a log; ``record`` names the type of each, empty for bytes that are none."""
        for record in log:
            if record["record"] == "Config":
                self._configure(record)
            elif record["record"] == "Heartbeat":
                if self._sources.hear(record, self._known.domain):
                    self._known.hear(record)
            elif record["record"] == "MinuteStatus":
                self._note(record)
            elif record["record"] == "SourceStatus":
                self._decided.keep()
                self._causes.halt(record, self._known.domain)
                self._end_history(record)
            else:
                self.outcomes[self._place] = self._admit(record)
            self._decided.decide_all(record)
            self._decided.let_go()
            self._place += 1
        return self

    def rows(self) -> dict[Place, Record]:
        """The final 1m rows."""
        found = {place: {name: row[name] for name in FIELDS} for place, row in self._decided.left.items()}
        for symbol in self._known.symbols.values():
            for minute in self._decided.minutes(symbol):
                if minute.row is not None:
                    row = {"source": "bars", "notional": 0.0, "flags": 0, **minute.row}
                    found[symbol.symbol, minute.ts_open] = {name: row[name] for name in FIELDS}
        return found

    def gaps(self) -> dict[Place, Record]:
        """The final gaps by symbol and first missing minute."""
        found: dict[Place, Record] = {}
        for symbol in self._known.symbols.values():
            runs: dict[int, list[Minute]] = defaultdict(list)
            for minute in self._decided.minutes(symbol):
                first = self._decided.gap_of.get((symbol.symbol, minute.ts_open))
                if first is not None:
                    runs[first].append(minute)
            for first, run in runs.items():
                causes = [one.cause or self._decided.was[symbol.symbol, one.ts_open] for one in run]
                past = (symbol.symbol, run[0].session_date) in self._decided.past
                found[symbol.symbol, first] = gap(run, causes, past=past)
        return found

    def sessions(self) -> dict[Session, Record]:
        """Every closed session by symbol, trade date and interval."""
        found = dict(self._told)
        for symbol in self._known.domain.symbols:
            found |= self._anew(symbol)
        return {who: row for who, row in found.items() if who[:2] not in self.cut}

    def _anew(self, symbol: SymbolConfig) -> dict[Session, Record]:
        """The closed sessions of a symbol that changed since they were told under a configuration before."""
        minutes = self._dates(symbol)
        found = self._closed(symbol)
        return {who: row for who, row in found.items() if self._as_told.get(who[:2]) != minutes[who[1]]}

    def _keep_sessions(self) -> None:
        """Another configuration comes: closed sessions are told anew only when a minute of them changes."""
        for symbol in self._known.domain.symbols:
            minutes, closed = self._dates(symbol), self._anew(symbol)
            self._told |= closed
            self._as_told |= {who[:2]: minutes[who[1]] for who in closed}

    def _dates(self, symbol: SymbolConfig) -> dict[int, list[Minute]]:
        """Decided minutes of a symbol by trade date."""
        found: dict[int, list[Minute]] = defaultdict(list)
        for minute in self._decided.minutes(symbol):
            found[minute.session_date].append(minute)
        return found

    def _closed(self, symbol: SymbolConfig) -> dict[Session, Record]:
        """The closed sessions of a symbol that is configured."""
        found: dict[Session, Record] = {}
        calendar, start = self._known.calendar(symbol), self._known.begins.get(symbol.symbol, 0)
        for date, part in groupby(self._decided.minutes(symbol), key=lambda minute: minute.session_date):
            minutes = [*part]
            if {at for at in calendar.session(date) if at >= start} <= {one.ts_open for one in minutes}:
                given_up = [not self._decided.decided[symbol.symbol, one.ts_open] for one in minutes]
                said = session(minutes, given_up, calendar, self._known.domain)
                found |= {(symbol.symbol, date, name): row for name, row in said.items()}
        return found

    def _leave(self, symbol: SymbolConfig) -> None:
        """A symbol is taken out: its closed sessions stay as they were told, the others are cut off."""
        closed = {who[:2] for who in self._closed(symbol)}
        self.cut |= {(symbol.symbol, date) for date in self._dates(symbol)} - closed
        self._decided.remove(symbol)

    def statuses(self) -> dict[Place, str]:
        """The cause of every decided minute without a real bar."""
        return {
            (symbol.symbol, minute.ts_open): minute.cause
            for symbol in self._known.symbols.values()
            for minute in self._decided.minutes(symbol)
            if minute.cause
        }

    # What the log says.

    def _configure(self, record: Record) -> None:
        domain = decode(record["body"])
        if domain.version <= self._known.domain.version:  # By law "a version not newer changes nothing"
            return
        self._keep_sessions()
        for symbol in self._known.domain.symbols:
            if symbol.symbol not in {one.symbol for one in domain.symbols}:
                self._leave(symbol)
        self._known.configure(domain)
        for symbol in domain.symbols:
            self._decided.take_up(symbol)
            if symbol.symbol not in self._known.waiting:
                self._release(symbol)

    def _note(self, status: Record) -> None:
        """What ``ticks`` says of a minute."""
        symbol = self._known.find(status["symbol"])
        date = self._known.date_of(symbol, status["ts_open"]) if symbol else None
        if symbol is None or date is None:
            return
        self._known.meet(symbol, status["source"], status["ts_open"])
        if date < self._known.oldest(symbol):
            return
        self._known.recorded[symbol.symbol].add(date)
        self._decided.keep()
        self._causes.note(status)
        # By law "V17 hole or reset in seq": records are lost since the last one before it.
        session = self._known.calendar(symbol).session(date)
        for ts_open in reversed([at for at in session if status["seq_hole"] and at <= status["ts_open"]]):
            if ts_open < status["ts_open"] and self._decided.came[symbol.symbol, ts_open]:
                break
            self._causes.lost.add((symbol.symbol, ts_open))

    def _end_history(self, status: Record) -> None:
        """By law "until its SourceStatus history_end or history_failed; live bars wait in state"."""
        for symbol in self._known.domain.symbols:
            named = status["symbol"] in (None, symbol.symbol) and status["source"] == symbol.history
            if named and status["status"].startswith("history_") and symbol.symbol in self._known.waiting:
                self._known.waiting.discard(symbol.symbol)
                self._release(symbol)

    def _release(self, symbol: SymbolConfig) -> None:
        """Bars that waited for the end of a history are taken up."""
        held = self._held.pop(symbol.symbol, {})
        for at, bar in (held[who] for who in sorted(held)):
            self.outcomes[at] = self._decided.put(symbol, bar, is_held=True)
            if self.outcomes[at] not in ("out", "duplicate"):
                self.unsent.add(at)

    # Bars and decisions.

    def _admit(self, bar: Record) -> str:
        known, symbol = self._known, self._known.find(bar.get("symbol"))
        refused = refusal(bar, symbol, known.domain)
        if symbol is None:
            return f"rejected.{refused}"
        source, ts_open = bar["source"], bar["ts_open"]
        future_ms = rules_of(known.domain, symbol).future_ms
        is_ahead = known.is_ahead(ts_open, future_ms)
        if not refused and known.newest > 0 and known.is_vendor(source) and is_ahead:
            refused = "V08"  # By text "ts_close against the newest heartbeat"
        on_grid = bar["interval"] == "1m" and bar["ts_close"] == ts_open + MINUTE
        date = known.date_of(symbol, ts_open) if on_grid and ts_open % MINUTE == 0 else None
        if refused:
            # By text "a refused bar of a trade date that has not begun, further ahead than V08 allows, is the
            # cause of no minute"
            if date is not None and not (is_ahead and not known.has_begun(symbol, date)):
                self._decided.keep()
                self._causes.rejected.add((symbol.symbol, ts_open))
                known.recorded[symbol.symbol].update([date] if date >= known.oldest(symbol) else [])
            return f"rejected.{refused}"
        if date is None:
            return "late.V10"  # By law "outside the session", "LATE, with that reason"
        known.meet(symbol, source, ts_open)
        if symbol.symbol in known.waiting and source != symbol.history:
            return self._hold(symbol, bar, date)
        if date < known.oldest(symbol):
            return "late.V09"  # By law "older ones are late"
        return self._decided.put(symbol, bar)

    def _hold(self, symbol: SymbolConfig, bar: Record, date: int) -> str:
        """By law "live bars wait in state [2 trade dates, then left to refetch]"."""
        held, who = self._held[symbol.symbol], (bar["ts_open"], bar["source"])
        if who in held and bar["revision"] <= held[who][1]["revision"]:
            return "duplicate"
        if len({self._known.date_of(symbol, ts) for ts, _ in held} | {date}) > MOST_WAITING:
            return "late.V09"
        if who in held:
            self.outcomes[held[who][0]] = "duplicate"  # the newest revision is enough
        held[who] = (self._place, bar)
        return "held"
