"""The minutes of a partition: which are decided, by which source, and what has become of each.

Each sentence behind ``By law`` is one of SEMANTICS, behind ``By text`` one of ``docs/semantics.md``.
"""

from collections import defaultdict

from schemas.config import SymbolConfig, rules_of
from schemas.flags import WITHDRAWN
from tests.oracle.causes import Causes
from tests.oracle.choice import chosen, is_fill_of, replaces
from tests.oracle.due import is_due
from tests.oracle.fills import Minute, fill
from tests.oracle.flags import flagged
from tests.oracle.known import Known
from tests.oracle.prints import Record
from tests.oracle.sources import Sources

Place = tuple[str, int]
"""Symbol and ts_open."""


class Decided:
    """Bars and decisions so far.

    Attributes:
        came: by place and source, the bars that were admitted.
        decided: by place, which source decided it, empty where none was alive.
        gap_of: by place, the first minute of the gap of a minute that was missing.
        was: by place, why it was missing, until a bar came.
        left: by place, what was published, and taken back before its turn.
        past: by symbol, trade dates past revision, as they were.
    """

    def __init__(self, known: Known, sources: Sources, causes: Causes) -> None:
        self._known, self._sources, self._causes = known, sources, causes
        self.came: dict[Place, dict[str, Record]] = defaultdict(dict)
        self.decided: dict[Place, str] = {}
        self.gap_of: dict[Place, int] = {}
        self.was: dict[Place, str] = {}
        self.left: dict[Place, Record] = {}
        self.past: dict[tuple[str, int], list[Minute]] = {}
        self._applied: dict[tuple[Place, str], int] = {}  # newest revision
        self._real: dict[Place, Record] = {}
        self._flats: dict[str, dict[int, float]] = defaultdict(dict)
        self._gone: dict[str, list[Minute]] = {}  # symbols that were removed, as they were

    def minutes(self, symbol: SymbolConfig) -> list[Minute]:
        """Every decided minute of a symbol with its cause and its row."""
        if symbol.symbol in self._gone:
            return self._gone[symbol.symbol]
        found: list[Minute] = []
        for session_date in self._known.dates(symbol):
            past = self.past.get((symbol.symbol, session_date))
            found += self._session(symbol, session_date) if past is None else past
        return found

    def _session(self, symbol: SymbolConfig, session_date: int) -> list[Minute]:
        minutes = []
        for ts_open in self._known.calendar(symbol).session(session_date):
            place = (symbol.symbol, ts_open)
            real, cause = self._real.get(place), ""
            if place in self.gap_of and (real is None or real["fill"] != "real"):
                cause = self.was.get(place) or self._cause(symbol, ts_open)
            minutes.append(Minute(session_date, ts_open, cause, real))
        # By law "Fills are a function of the surrounding bars"
        filled = fill(minutes, symbol, self._flats[symbol.symbol])
        return [one for one in filled if (symbol.symbol, one.ts_open) in self.decided]

    def let_go(self) -> None:
        """Trade dates that may be revised no more stay as they are."""
        for symbol in self._known.domain.symbols:
            oldest = self._known.oldest(symbol)
            for session_date in self._known.dates(symbol):
                if session_date < oldest and (symbol.symbol, session_date) not in self.past:
                    self.past[symbol.symbol, session_date] = self._session(symbol, session_date)

    def keep(self) -> None:
        """What is published flat so far stays, whatever its cause becomes."""
        for symbol in self._known.domain.symbols:
            for minute in self.minutes(symbol):
                if minute.row is not None and minute.row["fill"] == "flat":
                    self._flats[symbol.symbol][minute.ts_open] = minute.row["close"]

    def put(self, symbol: SymbolConfig, bar: Record, *, is_held: bool = False) -> str:
        """A bar into its minute."""
        place, source = (symbol.symbol, bar["ts_open"]), bar["source"]
        date = self._known.date_of(symbol, bar["ts_open"])
        assert date is not None
        if is_held and (symbol.symbol, date) in self.past:
            return "late.V09"
        self._known.recorded[symbol.symbol].add(date)
        # By law "a bar whose source revision is not above the one applied for (symbol, ts_open, source) is a
        # duplicate"
        before = self.came[place].get(source)
        if bar["revision"] <= self._applied.get((place, source), -1) or (before and is_fill_of(before, bar)):
            return "duplicate"
        if bar["flags"] & WITHDRAWN:
            return self._withdraw(symbol, place, bar)
        if place in self.decided and not replaces(bar, self._real.get(place), symbol.sources):
            return "duplicate"
        self.came[place][source], self._applied[place, source] = bar, bar["revision"]
        if place in self.decided:
            if place not in self._real:
                self.was[place] = self._cause(symbol, bar["ts_open"])
            held = self._real.get(place)
            self._set(symbol, place, bar, [held] if held and held["source"] != source else [])
        return "out"

    def _withdraw(self, symbol: SymbolConfig, place: Place, bar: Record) -> str:
        """By text "A bar flagged WITHDRAWN says that its source has none any more."."""
        held, source = self._real.get(place), bar["source"]
        if held is None or held["fill"] != "real" or held["source"] != source:
            # By text "A minute that waits forgets it"
            self._applied[place, source] = bar["revision"]
            waited = self.came[place].pop(source, None)
            return "out" if waited and place not in self.decided else "duplicate"
        start = self._known.begins[symbol.symbol]
        session = self._known.calendar(symbol).session(self._known.date_of(symbol, place[1]) or 0)
        if any((symbol.symbol, at) not in self.decided for at in session if start <= at < place[1]):
            # By text "one that was published before its turn waits for it again, and stays until then"
            self.left[place] = self._real.pop(place)
            del self.decided[place]
        elif not self._fills(symbol, place, held):
            return "rejected.C04"  # By text "where it cannot be flat ... what is published stays"
        self.came[place].pop(source)
        self._applied[place, source] = bar["revision"]
        return "out"

    def _fills(self, symbol: SymbolConfig, place: Place, held: Record) -> bool:
        """Take the bar of a minute back, as if it had never come, where a flat one comes in its place."""
        self.keep()
        kept = {**self.gap_of}, {**self.was}
        del self._real[place]
        self.was.pop(place, None)
        self.gap_of.setdefault(place, self._gap(symbol, place[1]))
        date = self._known.date_of(symbol, place[1])
        now = next(one for one in self._session(symbol, date or 0) if one.ts_open == place[1])
        if now.row is None:
            self._real[place], (self.gap_of, self.was) = held, kept
        self.keep()
        return now.row is not None

    def decide_all(self, record: Record) -> None:
        """Decide every minute that is due at a record."""
        for symbol in self._known.domain.symbols:
            if symbol.symbol not in self._known.begins:
                continue
            came = [at for (name, at), bars in self.came.items() if name == symbol.symbol and bars]
            newest = {self._known.date_of(symbol, at): at for at in sorted(came)}
            expected = self._known.expected(symbol, max([*came, self._known.newest]))
            for ts_open in sorted({*expected, *came}):
                place, date = (symbol.symbol, ts_open), self._known.date_of(symbol, ts_open)
                if place not in self.decided and is_due(
                    self._known, self._sources, symbol, ts_open, self.came[place], record, newest.get(date, 0)
                ):
                    self._decide(symbol, place)

    def _decide(self, symbol: SymbolConfig, place: Place) -> None:
        self.decided[place] = self._known.best(symbol)
        bar = chosen(self.came[place], self.decided[place], symbol.sources)
        self.left.pop(place, None) if bar else None
        if bar is None:
            self.gap_of[place] = self._gap(symbol, place[1])
            return
        others = [one for name, one in self.came[place].items() if name != bar["source"]]
        self._set(symbol, place, bar, others)

    def _set(self, symbol: SymbolConfig, place: Place, bar: Record, others: list[Record]) -> None:
        """A bar becomes that of its minute."""
        session = self._known.calendar(symbol).session(self._known.date_of(symbol, place[1]) or 0)
        # By law "V13-V15 go by log order": what is before it at this record
        known = [self._real.get((symbol.symbol, at)) for at in session if at < place[1]]
        before = [one for one in known if one is not None and one["fill"] == "real"]
        rules = rules_of(self._known.domain, symbol)
        self._real[place] = {**bar, "flags": flagged(bar, before, others, rules)}

    def _cause(self, symbol: SymbolConfig, ts_open: int) -> str:
        segment = self._known.calendar(symbol).segment(ts_open)
        assert segment is not None
        decided_by = self.decided[symbol.symbol, ts_open]
        return self._causes.of(symbol, ts_open, decided_by, segment, self._known.domain)

    def _gap(self, symbol: SymbolConfig, ts_open: int) -> int:
        """First minute of the gap that a missing minute is in."""
        # By law "it grows by revision and ends at a real bar or the trade date": a gap that is known keeps
        # its minutes, whatever arrives later.
        before = self._known.before(symbol, ts_open)
        held = self._real.get((symbol.symbol, before or 0))
        if before is None or (held is not None and held["fill"] == "real"):
            return ts_open
        return self.gap_of.get((symbol.symbol, before), ts_open)

    def remove(self, symbol: SymbolConfig) -> None:
        """A symbol leaves the configuration: what is published of it stays as it is."""
        self._gone[symbol.symbol] = self.minutes(symbol)
        for place in [one for one, kept in self.past.items() if one[0] == symbol.symbol and not kept]:
            del self.past[place]  # By text "What it had let go of is forgotten then"

    def take_up(self, symbol: SymbolConfig) -> None:
        """A symbol is configured, perhaps again: what was over by then stays as it was."""
        gone, oldest = self._gone.pop(symbol.symbol, []), self._known.oldest(symbol)
        for date in {minute.session_date for minute in gone if minute.session_date < oldest}:
            was = [minute for minute in gone if minute.session_date == date]
            self.past.setdefault((symbol.symbol, date), was)
