"""What must become of one partition's log of ``bars.raw``: final 1m rows and final gaps.

Only two things follow the log record by record: when a minute is decided, and which source's bar it has.
Causes, flat bars and gaps are worked out at the end, from scratch. Each sentence behind ``By law`` is one of
SEMANTICS. Not covered: history sources, sources of files, V08, V17.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from schemas.config import Domain, SymbolConfig, decode, rules_of
from tests.oracle.calendar import MINUTE, Calendar
from tests.oracle.causes import Causes
from tests.oracle.choice import chosen, is_fill_of, replaces
from tests.oracle.fills import Minute, fill, gap
from tests.oracle.flags import flagged
from tests.oracle.prints import Record, refusal
from tests.oracle.quality import session
from tests.oracle.sources import MS, NEVER, Life, Sources

_GRACE: Final = 5_000 * MS
FIELDS: Final = ("open", "high", "low", "close", "volume", "notional", "fill", "source", "flags")
"""What is compared of a row."""

Place = tuple[str, int]
"""Symbol and ts_open."""


class Bars:
    """The oracle.

    Attributes:
        outcomes: ``out``, ``duplicate``, ``late.<code>`` or ``rejected.<code>`` of each bar, by place.
    """

    def __init__(self) -> None:
        self.outcomes: dict[int, str] = {}
        self._place = 0
        self._domain = Domain(0)
        self._calendars: dict[str, Calendar] = {}
        self._sources = Sources()
        self._from: dict[str, int] = {}
        self._came: dict[Place, dict[str, Record]] = defaultdict(dict)  # by source, not refused
        self._real: dict[Place, Record] = {}
        self._decided: dict[Place, str] = {}  # by which source, empty where none was alive
        self._gap_of: dict[Place, int] = {}  # first minute of the gap of a minute that was missing
        self._was: dict[Place, str] = {}  # why it was missing, until a bar came
        self._causes = Causes(self._sources)
        self._flats: dict[str, dict[int, float]] = defaultdict(dict)
        self._newest = NEVER
        self._oldest_of: dict[str, int] = defaultdict(int)
        self._through: dict[str, int] = defaultdict(lambda: NEVER)
        self._past: dict[tuple[str, int], list[Minute]] = {}  # trade dates past revision, as they were
        self._minutes_of: dict[str, list[tuple[int, int]]] = {}
        self._starts_of: dict[str, list[int]] = {}
        self._dates_of: dict[str, set[int]] = {}

    def read(self, log: Iterable[Record]) -> "Bars":
        """Read a log; ``record`` names the type of each, empty for bytes that are none."""
        for record in log:
            if record["record"] == "Config":
                self._configure(record)
            elif record["record"] == "Heartbeat":
                self._hear(record)
            elif record["record"] == "MinuteStatus":
                self._keep()
                self._causes.note(record)
                self._lose(record)
            elif record["record"] == "SourceStatus":
                self._keep()
                self._causes.halt(record, self._domain)
            else:
                self.outcomes[self._place] = self._admit(record)
            self._decide_all(record)
            self._let_go()
            self._place += 1
        return self

    def rows(self) -> dict[Place, Record]:
        """The final 1m rows."""
        found: dict[Place, Record] = {}
        for symbol in self._domain.symbols:
            for minute in self._minutes(symbol):
                if minute.row is not None:
                    row = {"source": "bars", "notional": 0.0, "flags": 0, **minute.row}
                    found[symbol.symbol, minute.ts_open] = {name: row[name] for name in FIELDS}
        return found

    def gaps(self) -> dict[Place, Record]:
        """The final gaps by symbol and first missing minute."""
        found: dict[Place, Record] = {}
        for symbol in self._domain.symbols:
            runs: dict[int, list[Minute]] = defaultdict(list)
            for minute in self._minutes(symbol):
                first = self._gap_of.get((symbol.symbol, minute.ts_open))
                if first is not None:
                    runs[first].append(minute)
            for first, run in runs.items():
                causes = [one.cause or self._was[symbol.symbol, one.ts_open] for one in run]
                past = (symbol.symbol, run[0].session_date) in self._past
                found[symbol.symbol, first] = gap(run, causes, past=past)
        return found

    def sessions(self) -> dict[tuple[str, int, str], Record]:
        """Every closed session by symbol, trade date and interval."""
        found: dict[tuple[str, int, str], Record] = {}
        for symbol in self._domain.symbols:
            calendar = self._calendars[symbol.calendar]
            start = self._from.get(symbol.symbol, 0)
            for date, part in groupby(self._minutes(symbol), key=lambda minute: minute.session_date):
                minutes = [*part]
                if {at for at in calendar.session(date) if at >= start} <= {one.ts_open for one in minutes}:
                    given_up = [not self._decided[symbol.symbol, one.ts_open] for one in minutes]
                    said = session(minutes, given_up, calendar, self._domain)
                    found |= {(symbol.symbol, date, name): row for name, row in said.items()}
        return found

    def statuses(self) -> dict[Place, str]:
        """The cause of every decided minute without a real bar."""
        return {
            (symbol.symbol, minute.ts_open): minute.cause
            for symbol in self._domain.symbols
            for minute in self._minutes(symbol)
            if minute.cause
        }

    def _minutes(self, symbol: SymbolConfig) -> list[Minute]:
        """Every decided minute of a symbol with its cause and its row."""
        found: list[Minute] = []
        for session_date in dict.fromkeys(date for date, _ in self._minutes_of.get(symbol.calendar, [])):
            past = self._past.get((symbol.symbol, session_date))
            found += self._session(symbol, session_date) if past is None else past
        return found

    def _session(self, symbol: SymbolConfig, session_date: int) -> list[Minute]:
        minutes = []
        for ts_open in self._calendars[symbol.calendar].session(session_date):
            place = (symbol.symbol, ts_open)
            if place in self._decided:
                real = self._real.get(place)
                missed = place in self._gap_of and (real is None or real["fill"] != "real")
                cause = "" if not missed else self._was.get(place) or self._cause(symbol, ts_open)
                minutes.append(Minute(session_date, ts_open, cause, real))
        # By law "Fills are a function of the surrounding bars"
        return fill(minutes, symbol, self._flats[symbol.symbol])

    # What the log says.

    def _configure(self, record: Record) -> None:
        domain = decode(record["body"])
        if domain.version > self._domain.version:  # By law "a version not newer changes nothing"
            self._domain = domain
            self._calendars = {name: Calendar(rows) for name, rows in domain.calendars.items()}
            self._minutes_of = {name: list(rows.minutes()) for name, rows in self._calendars.items()}
            self._starts_of = {name: [at for _, at in every] for name, every in self._minutes_of.items()}
            self._dates_of = {name: {date for date, _ in every} for name, every in self._minutes_of.items()}

    def _let_go(self) -> None:
        """Trade dates that may be revised no more stay as they are."""
        for symbol in self._domain.symbols:
            oldest = self._oldest(symbol)
            for session_date in self._dates_of[symbol.calendar]:
                known = (symbol.symbol, session_date) in self._past
                if session_date < oldest and not known:
                    self._past[symbol.symbol, session_date] = self._session(symbol, session_date)

    def _oldest(self, symbol: SymbolConfig) -> int:
        """By law "Bars may revise the current and the previous trade date", or so many as configured."""
        # The current one is that of the time up to which minutes are decided.
        best = self._best(symbol)
        now = self._sources.mark[best] if best else self._newest - _GRACE
        self._through[symbol.symbol] = max(self._through[symbol.symbol], now)
        begun = {
            part.session_date
            for part in self._calendars[symbol.calendar].segments
            if part.opens <= self._through[symbol.symbol]
        }
        kept = sorted(begun)[-1 - self._domain.trailing_dates :]
        # What was let go of stays so, however many are kept by a later configuration.
        found = kept[0] if len(kept) > self._domain.trailing_dates else 0
        self._oldest_of[symbol.symbol] = max(self._oldest_of[symbol.symbol], found)
        return self._oldest_of[symbol.symbol]

    def _keep(self) -> None:
        """What is published flat so far stays, whatever its cause becomes."""
        for symbol in self._domain.symbols:
            for minute in self._minutes(symbol):
                if minute.row is not None and minute.row["fill"] == "flat":
                    self._flats[symbol.symbol][minute.ts_open] = minute.row["close"]

    def _lose(self, status: Record) -> None:
        """By law "V17 hole or reset in seq": records are lost since the last one before it."""
        symbol = next((one for one in self._domain.symbols if one.symbol == status["symbol"]), None)
        segment = self._calendars[symbol.calendar].segment(status["ts_open"]) if symbol else None
        if not status["seq_hole"] or symbol is None or segment is None:
            return
        if segment.session_date < self._oldest(symbol):
            return
        session = self._calendars[symbol.calendar].session(segment.session_date)
        before = [at for at in session if at <= status["ts_open"]]
        for ts_open in reversed(before):
            if ts_open < status["ts_open"] and self._came[symbol.symbol, ts_open]:
                break
            self._causes.lost.add((symbol.symbol, ts_open))

    def _hear(self, beat: Record) -> None:
        if not self._sources.hear(beat, self._domain):
            return
        self._newest = max(self._newest, beat["ts"])
        for symbol in self._domain.symbols:
            # By law "the from of its Config, else its source's mark at the first record or heartbeat
            # after the Config, cut to the minute"
            if symbol.ts_from:
                self._from[symbol.symbol] = symbol.ts_from
            elif symbol.symbol not in self._from and beat["source"] in symbol.sources:
                self._from[symbol.symbol] = beat["ts_through"] - beat["ts_through"] % MINUTE

    # Bars and decisions.

    def _admit(self, bar: Record) -> str:
        symbol = next((one for one in self._domain.symbols if one.symbol == bar.get("symbol")), None)
        refused = refusal(bar, symbol, self._domain)
        if refused:
            if symbol is not None and bar.get("source") in symbol.sources:
                self._keep()
                self._causes.rejected.add((symbol.symbol, bar["ts_open"]))
            return f"rejected.{refused}"
        assert symbol is not None
        if self._calendars[symbol.calendar].segment(bar["ts_open"]) is None:
            return "late.V10"  # By law "outside the session", "LATE, with that reason"
        segment = self._calendars[symbol.calendar].segment(bar["ts_open"])
        if segment is not None and segment.session_date < self._oldest(symbol):
            return "late.V09"  # By law "older ones are late"
        place = (symbol.symbol, bar["ts_open"])
        # By law "a bar whose source revision is not above the one applied for (symbol, ts_open, source) is a
        # duplicate"
        before = self._came[place].get(bar["source"])
        if before is not None and (bar["revision"] <= before["revision"] or is_fill_of(before, bar)):
            return "duplicate"
        if place in self._decided and not replaces(bar, self._real.get(place), symbol.sources):
            return "duplicate"
        self._came[place][bar["source"]] = bar
        if place in self._decided:
            if place not in self._real:
                self._was[place] = self._cause(symbol, bar["ts_open"])
            held = self._real.get(place)
            self._set(symbol, place, bar, [held] if held and held["source"] != bar["source"] else [])
        return "out"

    def _decide_all(self, record: Record) -> None:
        for symbol in self._domain.symbols:
            start = self._from.get(symbol.symbol)
            if start is None:
                continue
            for ts_open in self._expected(symbol, start):
                place = (symbol.symbol, ts_open)
                if place not in self._decided and self._due(symbol, ts_open, record):
                    self._decided[place] = self._best(symbol)
                    bar = chosen(self._came[place], self._decided[place], symbol.sources)
                    if bar is not None:
                        others = [one for name, one in self._came[place].items() if name != bar["source"]]
                        self._set(symbol, place, bar, others)
                    else:
                        self._gap_of[place] = self._gap(symbol, ts_open)

    def _set(self, symbol: SymbolConfig, place: Place, bar: Record, others: list[Record]) -> None:
        """A bar becomes that of its minute."""
        segment = self._calendars[symbol.calendar].segment(bar["ts_open"])
        assert segment is not None
        session = self._calendars[symbol.calendar].session(segment.session_date)
        # By law "V13-V15 go by log order": what is before it at this record
        known = [self._real.get((symbol.symbol, at)) for at in session if at < bar["ts_open"]]
        before = [one for one in known if one is not None and one["fill"] == "real"]
        self._real[place] = {
            **bar,
            "flags": flagged(bar, before, others, rules_of(self._domain, symbol)),
        }

    def _cause(self, symbol: SymbolConfig, ts_open: int) -> str:
        segment = self._calendars[symbol.calendar].segment(ts_open)
        assert segment is not None
        decided_by = self._decided[symbol.symbol, ts_open]
        return self._causes.of(symbol, ts_open, decided_by, segment, self._domain)

    def _gap(self, symbol: SymbolConfig, ts_open: int) -> int:
        """First minute of the gap that a missing minute is in."""
        # By law "it grows by revision and ends at a real bar or the trade date": a gap that is known keeps
        # its minutes, whatever arrives later.
        minutes = self._minutes_of[symbol.calendar]
        number = next(number for number, (_, at) in enumerate(minutes) if at == ts_open)
        date, before = minutes[number - 1] if number else (None, 0)
        held = self._real.get((symbol.symbol, before))
        if date != minutes[number][0] or (held is not None and held["fill"] == "real"):
            return ts_open
        return self._gap_of.get((symbol.symbol, before), ts_open)

    def _expected(self, symbol: SymbolConfig, start: int) -> list[int]:
        """The expected minutes from a start to the newest thing that was heard of."""
        end = max([self._newest, *(ts_open for _, ts_open in self._came)])
        every = self._starts_of[symbol.calendar]
        return every[bisect_left(every, start) : bisect_right(every, end)]

    def _due(self, symbol: SymbolConfig, ts_open: int, record: Record) -> bool:
        """Whether a minute is decided at this record."""
        came, close = self._came[symbol.symbol, ts_open], ts_open + MINUTE
        best = self._best(symbol)
        # By law "the first record where the best alive source (configured order) has delivered its bar m
        # or its watermark passes ts_close"
        if best:
            delivered = best in came and came[best]["fill"] == "real"
            return delivered or self._sources.mark[best] >= close or self._final(record, symbol, ts_open)
        # By law "where none is alive, the first heartbeat of any writer past ts_close + [5 s] decides"
        beat = record["record"] == "Heartbeat" and record["ts"] == self._newest
        return (beat and record["ts"] > close + _GRACE) or self._final(record, symbol, ts_open)

    def _final(self, record: Record, symbol: SymbolConfig, ts_open: int) -> bool:
        """Whether this is a final heartbeat that closes the minute."""
        # By law "a final one at the end, which closes every 1s and 1m bar that holds ticks": here every
        # minute up to the last that holds a bar, so that no hole is left behind it.
        if record["record"] != "Heartbeat" or not record["final"]:
            return False
        return any(
            came and name == symbol.symbol and at >= ts_open for (name, at), came in self._came.items()
        )

    def _best(self, symbol: SymbolConfig) -> str:
        """The best source that may decide, empty where none is alive."""
        lives = {name: self._sources.life(name, self._domain) for name in symbol.sources}
        # By law "Where no source counts, those in probation do"
        for wanted in (Life.COUNTS, Life.PROBATION):
            for name in symbol.sources:
                if lives[name] is wanted:
                    return name
        return ""
