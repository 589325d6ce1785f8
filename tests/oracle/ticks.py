"""What must become of one partition's log of ``ticks.raw``: outcomes, final 1m and 1s bars, statuses.

Slow and obvious: every bar keeps its prints and is folded anew each time it is published. Each
sentence behind ``By law`` is one of SEMANTICS. Not covered: symbols taken out;
prints forgotten before a cancel or correct of them comes.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from schemas.config import AssetRules, Domain, decode, rules_of
from schemas.flags import PARTIAL, STUCK
from tests.oracle.bar import Open, fold, withdrawn
from tests.oracle.calendar import MINUTE, SECOND, Calendar
from tests.oracle.corrections import Words, identity, refusal
from tests.oracle.doubts import Doubts, HeldPrint, Pair
from tests.oracle.lives import Lives
from tests.oracle.minutes import COUNTED, Minutes, is_gapless
from tests.oracle.prints import Identities, Record, flags, folded_price, meaning, stateless

Key = tuple[str, str, int]
"""Symbol, source, ts_open."""

NEVER: Final = -(10**30)
MS: Final = 1_000_000
SLOT: Final = 250 * MS


class Ticks:
    """The oracle.

    Attributes:
        outcomes: of every record but heartbeats, statuses and valid configurations, in log order:
            ``out``, ``duplicate``, ``held``, ``late.<code>`` or ``rejected.<code>``, by place in the log.
        forming: every forming bar in order, apart from its flags.
    """

    def __init__(self) -> None:
        self.outcomes: dict[int, str] = {}
        self._place = 0
        self._domain = Domain(0)
        self._calendars: dict[str, Calendar] = {}
        self._marks: dict[str, int] = defaultdict(lambda: NEVER)
        self._lives = Lives()
        self._minutes = Minutes()
        self._identities = Identities()
        self._doubts = Doubts()
        self._words = Words()
        self._largest: dict[Pair, int] = defaultdict(lambda: NEVER)
        self._bars: dict[str, dict[Key, Open]] = {"1m": {}, "1s": {}}
        self.forming: list[dict[str, Any]] = []
        self._shown: dict[Key, list[Record]] = defaultdict(list)
        self._waiting: dict[tuple[str, Key], Open] = {}  # bars that changed since they were published

    def read(self, log: Iterable[Record]) -> "Ticks":
        """Read a log; ``record`` names the type of each, empty for bytes that are none."""
        for record in log:
            kind = record["record"]
            if kind == "Config":
                self._configure(record)
            elif kind == "Heartbeat":
                self._hear(record)
            elif kind == "SourceStatus":
                self._minutes.halt(record)
            elif kind == "Correction":
                self.outcomes[self._place] = self._correct(record)
            else:
                outcome = self.outcomes[self._place] = self._admit(record)
                self._remark(record, outcome)
            self._place += 1
        return self

    def bars(self, interval: str) -> dict[Key, dict[str, Any]]:
        """The final published bars of ``1m`` or ``1s``."""
        return {key: bar.published for key, bar in self._bars[interval].items() if bar.published is not None}

    def statuses(self) -> dict[Key, dict[str, Any]]:
        """What was said of minutes beside their bars."""
        counts, bits = ("rejected", "late", "duplicate"), ("seq_hole", "halted")
        return {
            key: {name: row[name] for name in counts} | {name: row[name] > 0 for name in bits}
            for key, row in self._minutes.told.items()
        }

    def _configure(self, record: Record) -> None:
        domain = decode(record["body"])
        if domain.version > self._domain.version:  # "a version not newer changes nothing"
            self._domain = domain
            self._calendars = {name: Calendar(rows) for name, rows in domain.calendars.items()}

    def _symbol(self, name: str) -> Any:
        return next((symbol for symbol in self._domain.symbols if symbol.symbol == name), None)

    def _watermark(self, symbol: str, source: str) -> int:
        # By law "A symbol's watermark for a source = mark - disorder of its class"
        return self._marks[source] - self._domain.assets[self._symbol(symbol).asset].disorder_ms * MS

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
            expired = word["until"] <= self._watermark(word["symbol"], source)
            if word["source"] == source and (expired or beat["final"]):
                self._words.give_up(place)
                self.outcomes[place] = "rejected.C01"
        for symbol in self._domain.symbols:
            if source in symbol.sources:
                calendar = self._calendars[symbol.calendar]
                self._minutes.tell_halts(
                    symbol.symbol, source, calendar, self._watermark(symbol.symbol, source)
                )

    def _close(self, source: str, *, heartbeat: bool = False, final: bool = False) -> None:
        """Publish what the watermarks of a source passed."""
        for pair, held in self._doubts.all():
            ts_close = held.ts_bar - held.ts_bar % MINUTE + MINUTE
            # By law "otherwise, or when its minute closes: REJECT"
            if pair[1] == source and (final or ts_close <= self._watermark(*pair)):
                self._refuse(pair, held)
                self._doubts.drop(pair, held)
        for key in self._minutes.open(source):
            priced = self._is_priced(self._bars["1m"].get(key, Open(0)).prints)
            if key[2] + MINUTE <= self._watermark(key[0], source) or (final and priced):
                self._minutes.tell(key)
        for (interval, key), bar in list(self._waiting.items()):
            symbol, own, ts_open = key
            # By law "A 1s or 1m bar from ticks is published when its source's watermark passes ts_close."
            passed = not bar.closed and bar.ts_close <= self._watermark(symbol, own)
            prints = self._words.standing(bar.prints)
            priced = self._is_priced(prints)
            if own == source and (passed or (final and priced) or (heartbeat and bar.closed)):
                bar.closed = True
                # By law "partial when the source was not alive for the whole minute (heartbeats in the log),
                # its first minute included"; it is set at the first publication and kept
                if bar.published is None and interval == "1m":
                    whole = self._lives.was_whole(own, ts_open, bar.ts_close)
                    bar.partial = 0 if whole else PARTIAL
                before, now = bar.published, Open(bar.ts_close, prints, partial=bar.partial)
                # By text "a published minute without any price left is withdrawn"
                bar.published = fold(symbol, own, ts_open, now) if priced else before and withdrawn(before)
                del self._waiting[interval, key]

    def _is_priced(self, prints: list[Record]) -> bool:
        return any(one["priced"] for one in self._words.standing(prints))

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

    def _change(self, print_: Record, symbol: str, source: str, *, is_cancel: bool) -> None:
        """A print counts otherwise from now on."""
        if print_["doubted"] and not is_cancel and not print_["counted"]:
            self._count(print_, symbol, source, is_named=True)
        for interval, length in (("1m", MINUTE), ("1s", SECOND)):
            key = (symbol, source, print_["bar"] - print_["bar"] % length)
            bar = self._bars[interval].get(key)
            # By text "an open second follows, a closed one never changes"
            if (
                bar is not None
                and any(one is print_ for one in bar.prints)
                and not (interval == "1s" and bar.closed)
            ):
                self._waiting[interval, key] = bar

    def _refuse(self, pair: Pair, held: HeldPrint) -> None:
        """A held print that is refused counts in its minute, where that is open."""
        self.outcomes[held.place] = "rejected.V13"
        key = (*pair, held.ts_bar - held.ts_bar % MINUTE)
        if not self._bars["1m"].get(key, Open(0)).closed:
            self._minutes.note(key, rejected=1)

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
        ts_bar = self._bar_of(record, symbol)
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

    def _bar_of(self, record: Record, symbol: Any) -> int | None:
        """An instant of the minute a record counts into; None outside the session."""
        ts, calendar = record["ts_event"], self._calendars[symbol.calendar]
        if calendar.segment(ts) is not None:
            return int(ts)
        # By law "ticks within [5 min] after the close with an auction condition count into the last bar"
        if "auction" not in meaning(record, symbol, self._domain):
            return None
        within = self._domain.auction_ms * MS
        ends = [part.closes for part in calendar.segments if part.closes == calendar.close(part.session_date)]
        return next((close - 1 for close in ends if 0 <= ts - close <= within), None)

    def _weigh(self, record: Record, symbol: Any, ts_bar: int) -> str:
        """V13, and the record into its bars."""
        price, said = folded_price(record, symbol.price), meaning(record, symbol, self._domain)
        pair, rules = (symbol.symbol, record["source"]), rules_of(self._domain, symbol)
        one = {"ts": record["ts_event"], "seq": record["seq"], "price": price, "size": record.get("size")}
        one |= {"bar": ts_bar, "priced": "volume_only" not in said, "doubted": False, "counted": False}
        one["who"] = identity(record) if record["record"] == "Tick" else None
        self._words.keep(one)
        if price is None or "ignored" in said:
            one["priced"] = False
            self._settle(one)
            return "out"
        is_named = self._words.is_named(one["who"])
        silence = 0 if is_named else self._silence(one, symbol, record["source"], rules)
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

    def _settle(self, print_: Record) -> None:
        """What waited for a print is applied."""
        for place in self._words.came(print_["who"]):
            self.outcomes[place] = "out"

    def _silence(self, one: Record, symbol: Any, source: str, rules: AssetRules) -> int:
        """V15: "no tick in an open session for [60 s]": FLAG."""
        segment = self._calendars[symbol.calendar].segment(one["ts"])
        if segment is None or not rules.quiet_ms:
            return 0
        since = max(self._largest[symbol.symbol, source], segment.opens)
        return STUCK if one["ts"] - since > rules.quiet_ms * MS else 0

    def _form(self, print_: Record, symbol: str, source: str) -> None:
        """By law "bars.forming when the largest ts_event of a symbol enters a new 250 ms slot"."""
        ts, largest = print_["ts"], self._largest[symbol, source]
        key = (symbol, source, ts - ts % MINUTE)
        if ts // SLOT > largest // SLOT and self._is_priced(self._shown[key]):
            row = fold(*key, Open(key[2] + MINUTE, self._words.standing(self._shown[key])))
            self.forming.append({name: row[name] for name in row if name != "flags"})

    def _count(self, print_: Record, symbol: str, source: str, *, is_named: bool = False) -> None:
        """Add an admitted print to the bars it belongs to."""
        print_["counted"], print_["doubted"] = True, False
        stands = bool(self._words.standing([print_])) or not is_named
        if print_["priced"] and not is_named:
            self._doubts.remember((symbol, source), print_["price"])
        auction = print_["bar"] != print_["ts"]
        # An auction print gives no forming bar; one that comes after it for its minute holds it
        self._shown[symbol, source, print_["bar"] - print_["bar"] % MINUTE].append(print_)
        if not auction and stands:
            if not is_named:
                self._form(print_, symbol, source)
            self._largest[symbol, source] = max(self._largest[symbol, source], print_["ts"])
        # By law "A last-price feed moves the forming bar only"
        if any(one.name == source and one.last_price for one in self._domain.sources):
            return
        watermark = self._watermark(symbol, source)
        for interval, length in (("1m", MINUTE), ("1s", SECOND)):
            if interval == "1s" and auction:
                continue
            # By law "A tick exactly on a boundary belongs to the new interval."
            ts_open = print_["bar"] - print_["bar"] % length
            key = (symbol, source, ts_open)
            bar = self._bars[interval].get(key, Open(ts_open + length, closed=ts_open + length <= watermark))
            # By law "a tick for a closed second counts in the 1m bar only"
            if interval == "1m" or not bar.closed:
                self._bars[interval][key] = bar
                self._waiting[interval, key] = bar
                bar.prints.append(print_)
