"""What must become of one partition's log of ``ticks.raw``: outcomes, final 1m and 1s bars, statuses.

Slow and obvious: every bar keeps its prints and is folded anew each time it is published. Each
sentence behind ``By law`` is one of SEMANTICS. Not covered: prints forgotten for want of room before a
cancel or correct of them comes; a source that is ``last_price`` for a while; another tick size between a
print and its correction.
"""

from collections.abc import Iterable
from typing import Any

from schemas.config import rules_of
from tests.oracle.bar import Open
from tests.oracle.calendar import MINUTE
from tests.oracle.corrections import identity, refusal
from tests.oracle.doubts import Pair
from tests.oracle.folded import MS, NEVER, Folded, Key
from tests.oracle.minutes import COUNTED, is_gapless
from tests.oracle.prints import Record, bar_of, flags, folded_price, meaning, stateless


class Ticks(Folded):
    """The oracle: what becomes of each record."""

    def read(self, log: Iterable[Record]) -> "Ticks":
        """Read a log; ``record`` names the type of each, empty for bytes that are none."""
        for record in log:
            kind = record["record"]
            if kind == "Config":
                self._configure(record)
            elif kind == "Heartbeat":
                self._hear(record)
            elif kind == "SourceStatus":
                if record["symbol"] is None or self._symbol(record["symbol"]) is not None:
                    self._minutes.halt(record)
            elif kind == "Correction":
                self.outcomes[self._place] = self._correct(record)
            else:
                outcome = self.outcomes[self._place] = self._admit(record)
                self._remark(record, outcome)
            if self.outcomes.get(self._place) == "out":
                self._admitted.add((record["symbol"], record["source"]))
            self._place += 1
        return self

    def _hear(self, beat: Record) -> None:
        source = beat["source"]
        if not self._lives.hear(beat, self._domain):
            return
        # By law "the mark = max(ts_through, ...), monotone"
        self._marks[source] = max(self._marks[source], beat["ts_through"])
        # By law "a closed minute that changed is published anew ... at its source's next heartbeat";
        # By law "a final one at the end, which closes every 1s and 1m bar that holds ticks"
        self._close(source, heartbeat=True, final=beat["final"])
        for place, word in list(self._words.waiting.items()):
            # By text "until ... its minute could be no longer admitted"
            until = word["ends"] + self._domain.lateness_ms * MS
            mine = word["source"] == source
            if mine and (beat["final"] or until <= self._watermark(word["symbol"], source)):
                self._words.give_up(place)
                self.outcomes[place] = "rejected.C01"
        for pair, symbol in self._pairs().items():
            if pair[1] == source:
                calendar = self._calendars[symbol.calendar]
                self._minutes.tell_halts(*pair, calendar, self._marks[source], self._disorders[pair])
        self._minutes.heard(source, self._marks[source])

    def _correct(self, word: Record) -> str:
        """The outcome of a cancel or correct."""
        symbol = self._symbol(word["symbol"])
        refused = refusal(word, symbol, self._domain)
        if refused:
            return f"rejected.{refused}"
        pair = (word["symbol"], word["source"])
        lateness = self._domain.lateness_ms * MS
        outcome = self._words.place(word, self._place, self._watermark(*pair), lateness)
        for one in self._words.prints(word) if outcome == "out" else []:
            # By text "a print that V13 holds is doubted no longer"
            for other, held in self._doubts.all():
                if held.print is one:
                    self._doubts.drop(other, held)
                    self.outcomes[held.place] = "out"
            self._change(one, *pair, is_cancel=word["action"] == "cancel")
        return outcome

    def _remark(self, record: Record, outcome: str) -> None:
        """Note what is to be said of the minute of a record."""
        if outcome in ("rejected.V01", "rejected.V02"):
            return
        key, source = self._open_minute(record), record["source"]
        is_hole = (
            is_gapless(source, self._domain) and record["seq"] is not None and outcome != "duplicate"
        ) and not self._minutes.follows(record)
        if key is None:
            return
        if is_hole:
            self._minutes.note(key, seq_hole=1)
        kind = COUNTED.get(outcome) or COUNTED.get(outcome.partition(".")[0])
        if kind:
            self._minutes.note(key, **{kind: 1})

    def _open_minute(self, record: Record) -> Key | None:
        """The minute of a record, where it is in a session and open."""
        ts, source, symbol = record["ts_event"], record["source"], self._symbol(record["symbol"])
        watermark, ts_open = self._watermark(symbol.symbol, source), ts - ts % MINUTE
        rules, key = rules_of(self._domain, symbol), (symbol.symbol, source, ts_open)
        # A minute is not believed that is further ahead than a record can be, and one more
        if self._marks[source] == NEVER or ts > self._marks[source] + rules.future_ms * MS + MINUTE:
            return None
        outside = self._calendars[symbol.calendar].segment(ts) is None
        closed = ts_open + MINUTE <= watermark or self._bars["1m"].get(key, Open(0)).closed
        return None if outside or closed else key

    def _admit(self, record: Record) -> str:  # noqa: PLR0911  # one line a check, in their order
        """The outcome of a record that is counted."""
        refused = stateless(record, self._domain)
        if refused:
            return f"rejected.{refused}"
        source, ts = record["source"], record["ts_event"]
        # By law "on ticks.raw min(ts_event, ts_recv)"; "Only stateless checks (V01-V03, V05, V08)
        # decide whether a record moves a mark"
        self._marks[source] = max(self._marks[source], min(ts, record["ts_recv"]))
        self._close(source)
        symbol = self._symbol(record["symbol"])
        # Which of several codes a record gets is not said; here the one that stands first in the table.
        # By law "A tick is late when ts_close of its minute + [15 min] <= watermark, published or not."
        close = ts - ts % MINUTE + MINUTE
        if close + self._domain.lateness_ms * MS <= self._watermark(symbol.symbol, source):
            return "late.V09"
        ts_bar = bar_of(record, symbol, self._calendars[symbol.calendar], self._domain)
        # V10 "outside the session": "LATE, with that reason"
        if ts_bar is None:
            return "late.V10"
        if ts_bar - ts_bar % MINUTE + MINUTE + self._domain.lateness_ms * MS <= self._watermark(
            symbol.symbol, source
        ):
            return "late.V09"
        # V11 "bid > ask": REJECT
        if record["record"] == "Quote" and record["bid"] > record["ask"]:
            return "rejected.V11"
        seen = self._identities.seen(record)
        if seen:
            return seen
        return self._weigh(record, symbol, ts_bar)

    def _weigh(self, record: Record, symbol: Any, ts_bar: int) -> str:
        """V13, and the record into its bars."""
        price, said = folded_price(record, symbol.price), meaning(record, symbol, self._domain)
        pair, rules = (symbol.symbol, record["source"]), rules_of(self._domain, symbol)
        one = {"ts": record["ts_event"], "seq": record["seq"], "price": price, "size": record.get("size")}
        one |= {"bar": ts_bar, "priced": "volume_only" not in said, "doubted": False, "counted": False}
        one["who"] = identity(record) if record["record"] == "Tick" else None
        self._words.keep(one)
        self._check_words(one, pair)
        if price is None or "ignored" in said:
            one["priced"] = False
            self._settle(one)
            return "out"
        is_named = self._words.is_named(one["who"])
        segment = self._calendars[symbol.calendar].segment(record["ts_event"])
        silence = 0 if is_named else self._forming.silence(one, pair, segment, rules)
        one["flag_of"] = lambda price: flags(record, price, symbol, rules) | silence
        one["flags"] = one["flag_of"](price)
        if is_named:
            # By text "a print that a venue has spoken of is not doubted, and gives no forming bar"
            self._settle(one)
            self._count(one, *pair, is_named=True)
            return "out"
        if not one["priced"]:
            self._count(one, *pair)
            return "out"
        refused, confirmed = self._doubts.settle(pair, price)
        for held in refused:
            self._refuse(pair, held)
        for held in confirmed:
            self.outcomes[held.place] = "out"
            self._count(held.print, *pair)
        if not confirmed:
            closed = ts_bar - ts_bar % MINUTE + MINUTE <= self._watermark(*pair)
            held = self._doubts.doubt(pair, price, rules)
            one["doubted"] = held is not None
            if held is not None and closed:
                return "rejected.V13"
            if held is not None:
                held.print, held.place, held.ts_bar = one, self._place, ts_bar
                self._doubts.keep(pair, held)
                return "held"
        self._count(one, *pair)
        return "out"

    def _check_words(self, print_: Record, pair: Pair) -> None:
        """What waited for a print whose minute is not kept whole is refused."""
        if self._words.is_named(print_["who"]) and not self._words.is_whole(pair, print_["bar"]):
            for place in self._words.refuse(print_["who"]):
                self.outcomes[place] = "rejected.C02"

    def _settle(self, print_: Record) -> None:
        """What waited for a print is applied."""
        for place in self._words.came(print_["who"]):
            self.outcomes[place] = "out"
