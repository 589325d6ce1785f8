"""What must become of one partition's log of ``ticks.raw``: an outcome a record, the final 1m and 1s bars.

Slow and obvious: every bar keeps its prints and is folded anew each time it is published. Each
sentence behind ``By law`` is one of SEMANTICS. Not covered: V12-V15, V17, auction prints, symbols taken out.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from schemas.config import Domain, decode
from tests.oracle.calendar import MINUTE, SECOND, Calendar
from tests.oracle.prints import Identities, Record, folded_price, stateless

Key = tuple[str, str, int]
"""Symbol, source, ts_open."""

NEVER: Final = -(10**30)
MS: Final = 1_000_000


@dataclass
class Open:
    """One bar that holds prints."""

    ts_close: int
    prints: list[Record] = field(default_factory=list)
    closed: bool = False
    published: dict[str, Any] | None = None


class Ticks:
    """The oracle.

    Attributes:
        outcomes: of every record but heartbeats, statuses and valid configurations, in log order:
            ``out``, ``duplicate``, ``late.<code>`` or ``rejected.<code>``, by place in the log.
    """

    def __init__(self) -> None:
        self.outcomes: dict[int, str] = {}
        self._place = 0
        self._domain = Domain(0)
        self._calendars: dict[str, Calendar] = {}
        self._marks: dict[str, int] = defaultdict(lambda: NEVER)
        self._beats: dict[tuple[str, str], int] = defaultdict(lambda: NEVER)
        self._identities = Identities()
        self._bars: dict[str, dict[Key, Open]] = {"1m": {}, "1s": {}}
        self._waiting: dict[tuple[str, Key], Open] = {}  # bars that changed since they were published

    def read(self, log: Iterable[Record]) -> "Ticks":
        """Read a log; ``record`` names the type of each, empty for bytes that are none."""
        for record in log:
            kind = record["record"]
            if kind == "Config":
                self._configure(record)
            elif kind == "Heartbeat":
                self._hear(record)
            elif kind != "SourceStatus":
                self.outcomes[self._place] = self._admit(record)
            self._place += 1
        return self

    def bars(self, interval: str) -> dict[Key, dict[str, Any]]:
        """The final published bars of ``1m`` or ``1s``."""
        return {key: bar.published for key, bar in self._bars[interval].items() if bar.published is not None}

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
        # By law "one not newer than its source's last (per writer and partition) is ignored"
        source, writer = beat["source"], (beat["source"], beat["writer"])
        if beat["ts"] <= self._beats[writer]:
            return
        self._beats[writer] = beat["ts"]
        # By law "the mark = max(ts_through, ...), monotone"
        self._marks[source] = max(self._marks[source], beat["ts_through"])
        # By law "a closed minute that changed is published anew ... at its source's next heartbeat";
        # By law "a final one at the end, which closes every 1s and 1m bar that holds ticks"
        self._close(source, heartbeat=True, final=beat["final"])

    def _close(self, source: str, *, heartbeat: bool = False, final: bool = False) -> None:
        """Publish what the watermarks of a source passed."""
        for (interval, key), bar in list(self._waiting.items()):
            symbol, own, ts_open = key
            # By law "A 1s or 1m bar from ticks is published when its source's watermark passes ts_close."
            passed = not bar.closed and bar.ts_close <= self._watermark(symbol, own)
            if own == source and (passed or final or (heartbeat and bar.closed)):
                bar.closed = True
                bar.published = fold(symbol, own, ts_open, bar)
                del self._waiting[interval, key]

    def _admit(self, record: Record) -> str:
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
        # V10 "outside the session": "LATE, with that reason"
        if self._calendars[symbol.calendar].segment(ts) is None:
            return "late.V10"
        # V11 "bid > ask": REJECT
        if record["record"] == "Quote" and record["bid"] > record["ask"]:
            return "rejected.V11"
        seen = self._identities.seen(record)
        if seen:
            return seen
        self._count(record, symbol)
        return "out"

    def _count(self, record: Record, symbol: Any) -> None:
        """Add an admitted record to the bars it belongs to."""
        price = folded_price(record, symbol.price)
        if price is None:
            return
        ts, watermark = record["ts_event"], self._watermark(symbol.symbol, record["source"])
        print_ = {"ts": ts, "seq": record["seq"], "price": price, "size": record.get("size")}
        for interval, length in (("1m", MINUTE), ("1s", SECOND)):
            # By law "A tick exactly on a boundary belongs to the new interval."
            ts_open = ts - ts % length
            key = (symbol.symbol, record["source"], ts_open)
            bar = self._bars[interval].get(key, Open(ts_open + length, closed=ts_open + length <= watermark))
            # By law "a tick for a closed second counts in the 1m bar only"
            if interval == "1m" or not bar.closed:
                self._bars[interval][key] = bar
                self._waiting[interval, key] = bar
                bar.prints.append(print_)


def fold(symbol: str, source: str, ts_open: int, bar: Open) -> dict[str, Any]:
    """The bar of its prints."""
    # By law "fold order is (ts_event, seq, price, size); open is the first, close the last; ..."
    low = float("-inf")
    order = sorted(
        bar.prints,
        key=lambda one: (
            one["ts"],
            low if one["seq"] is None else one["seq"],
            one["price"],
            low if one["size"] is None else one["size"],
        ),
    )
    prices = [one["price"] for one in order]
    # By law "size, trades, notional may be null: nothing is added to volume"
    sized = [(Fraction(one["price"]), Fraction(one["size"])) for one in order if one["size"] is not None]
    return {
        "symbol": symbol,
        "source": source,
        "ts_open": ts_open,
        "ts_close": bar.ts_close,
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": float(sum(size for _, size in sized)),
        # By law "notional (sum of price*size)"
        "notional": float(sum(price * size for price, size in sized)) if sized else None,
        "trades": len(sized) if sized else None,
        "ts_first": order[0]["ts"],
        "ts_last": order[-1]["ts"],
    }
