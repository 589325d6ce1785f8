"""Bars of the ticks oracle: every bar keeps its prints and is folded anew each time it is published.

Each sentence behind ``By law`` is one of SEMANTICS, behind ``By text`` one of ``docs/semantics.md``.
"""

from collections import defaultdict
from typing import Any, Final

from schemas.config import Domain, SymbolConfig, decode, rules_of
from schemas.flags import PARTIAL
from tests.oracle.bar import Open, fold, withdrawn
from tests.oracle.calendar import MINUTE, SECOND, Calendar
from tests.oracle.corrections import Words
from tests.oracle.doubts import Doubts, HeldPrint, Pair
from tests.oracle.forming import Forming
from tests.oracle.lives import Lives
from tests.oracle.minutes import Minutes
from tests.oracle.prints import Identities, Record

Key = tuple[str, str, int]
"""Symbol, source, ts_open."""

NEVER: Final = -(10**30)
MS: Final = 1_000_000


class Folded:
    """What a log of ``ticks.raw`` has come to.

    Attributes:
        outcomes: of every record but heartbeats, statuses and valid configurations, in log order:
            ``out``, ``duplicate``, ``held``, ``late.<code>`` or ``rejected.<code>``, by place in the log.
    """

    def __init__(self) -> None:
        self.outcomes: dict[int, str] = {}
        self._place = 0
        self._domain = Domain(0)
        self._calendars: dict[str, Calendar] = {}
        self._disorders: dict[Pair, int] = {}  # of each pair that was ever named, as it was last
        self._admitted: set[Pair] = set()
        self._ended: dict[Pair, int] = defaultdict(lambda: NEVER)  # seconds up to here are closed for good
        self._marks: dict[str, int] = defaultdict(lambda: NEVER)
        self._lives = Lives()
        self._minutes = Minutes()
        self._identities = Identities()
        self._doubts = Doubts()
        self._words = Words()
        self._forming = Forming(self._words)
        self._bars: dict[str, dict[Key, Open]] = {"1m": {}, "1s": {}}
        self._waiting: dict[tuple[str, Key], Open] = {}  # bars that changed since they were published

    @property
    def forming(self) -> list[dict[str, Any]]:
        """Every forming bar in order, apart from its flags."""
        return self._forming.bars

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

    def _symbol(self, name: str) -> Any:
        return next((symbol for symbol in self._domain.symbols if symbol.symbol == name), None)

    def _pairs(self) -> dict[Pair, SymbolConfig]:
        """Every symbol from each of its sources of ticks, as the configuration names them."""
        feeds = {one.name for one in self._domain.sources if one.topic == "ticks.raw"}
        return {
            (one.symbol, name): one for one in self._domain.symbols for name in one.sources if name in feeds
        }

    def _configure(self, record: Record) -> None:
        domain = decode(record["body"])
        if domain.version <= self._domain.version:  # "a version not newer changes nothing"
            return
        before = {pair: self._keeps(symbol) for pair, symbol in self._pairs().items()}
        self._domain = domain
        self._calendars = {name: Calendar(rows) for name, rows in domain.calendars.items()}
        now = self._pairs()
        # Minutes that hold prints of a pair that is taken out close by its last disorder.
        self._disorders |= {pair: rules_of(domain, one).disorder_ms * MS for pair, one in now.items()}
        for pair, symbol in now.items():
            if self._keeps(symbol) and not before.get(pair):
                self._words.begin(pair, self._newest(pair))
        for pair in [pair for pair, kept in before.items() if kept]:
            if pair not in now or not self._keeps(now[pair]):
                # By text "prints kept for its corrections are forgotten"
                for place in self._words.forget(pair, self._forming.prints(pair)):
                    self.outcomes[place] = "rejected.C02"
        self._minutes.forget({name for name, _ in before} - {name for name, _ in now})

    def _keeps(self, symbol: SymbolConfig) -> bool:
        return symbol.price == "last" and rules_of(self._domain, symbol).correction_prints > 0

    def _newest(self, pair: Pair) -> int:
        """Minutes up to the one of this instant have begun; ``NEVER`` where no record was admitted."""
        known = pair in self._admitted
        return max(self._marks[pair[1]], self._forming.largest(pair)) if known else NEVER

    def _watermark(self, symbol: str, source: str) -> int:
        # By law "A symbol's watermark for a source = mark - disorder of its class"
        return self._marks[source] - self._disorders[symbol, source]

    def _close(self, source: str, *, heartbeat: bool = False, final: bool = False) -> None:
        """Publish what the watermarks of a source passed."""
        for pair in [pair for pair in self._disorders if final and pair[1] == source]:
            # By text "a final heartbeat closes every second up to that of the newest print"
            self._ended[pair] = max(
                self._ended[pair], self._forming.largest(pair) // SECOND * SECOND + SECOND
            )
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
            ends = final and (priced or (interval == "1s" and bar.ts_close <= self._ended[symbol, own]))
            if own == source and (passed or ends or (heartbeat and bar.closed)):
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

    def _count(self, print_: Record, symbol: str, source: str, *, is_named: bool = False) -> None:
        """Add an admitted print to the bars it belongs to."""
        print_["counted"], print_["doubted"] = True, False
        stands = bool(self._words.standing([print_])) or not is_named
        if print_["priced"] and not is_named:
            self._doubts.remember((symbol, source), print_["price"])
        auction = print_["bar"] != print_["ts"]
        # An auction print gives no forming bar; one that comes after it for its minute holds it
        self._forming.add(print_, (symbol, source))
        if not auction and stands:
            self._forming.move(print_, (symbol, source), is_named=is_named)
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
            ends = max(watermark, self._ended[symbol, source] if interval == "1s" else NEVER)
            bar = self._bars[interval].get(key, Open(ts_open + length, closed=ts_open + length <= ends))
            # By law "a tick for a closed second counts in the 1m bar only"
            if interval == "1m" or not bar.closed:
                self._bars[interval][key] = bar
                self._waiting[interval, key] = bar
                bar.prints.append(print_)
