"""Which signals must come of one partition's log of ``bars.1m``: every condition judged anew at every record.

Each sentence behind ``By law`` is one of SEMANTICS or of docs/scanner.md.
"""

import ast
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from schemas.config import Domain, SignalConfig, SymbolConfig, decode
from schemas.market.intervals import Interval
from tests.oracle.analytics import Analytics, expiry_of, fresh_until
from tests.oracle.calendar import MINUTE, Calendar
from tests.oracle.condition import EVER, Bar, Judge, View, python
from tests.oracle.indicators import compute
from tests.oracle.prints import Record

BITS = {"partial": 1 << 1}


class Scan:
    """The oracle of signals.

    Attributes:
        signals: what must have gone out, as (symbol, name, ts_event, revision, ts_expires, values).
        swallowed: how many the debounce kept back.
    """

    def __init__(self) -> None:
        self.signals: list[tuple[str, str, int, int, int, dict[str, float]]] = []
        self.swallowed = 0
        self._bars = Analytics()
        self._domain = Domain(0)
        self._watermark = -EVER
        self._true: dict[tuple[str, str], bool] = {}
        self._fired: dict[tuple[str, str], tuple[int, int]] = {}
        self._seen: set[str] = set()
        self._published: set[tuple[str, str, int]] = set()
        self._cut: dict[tuple[str, str], list[tuple[int, list[int]]]] = {}

    def read(self, log: Iterable[Record]) -> "Scan":
        """Read a log of good records."""
        for record in log:
            self._bars.read([record])
            if record["record"] == "Config":
                self._domain, self._cut = decode(record["body"]), {}
            elif record["record"] == "Heartbeat":
                moved = record["ts_through"] > self._watermark
                self._watermark = max(self._watermark, record["ts_through"])
                self._judge_all(moved=moved)
            else:
                self._judge(record["symbol"], self._view(record["symbol"]), ranked=False)
                self._seen.add(record["symbol"])
        return self

    def _judge_all(self, *, moved: bool) -> None:
        for symbol in sorted(self._seen):
            self._judge(symbol, self._view(symbol), ranked=False)
        if moved:
            # By law "at each heartbeat that moves the watermark on, over the bars closed by it"
            views = {symbol: self._view(symbol, by=self._watermark) for symbol in sorted(self._seen)}
            for signal in self._domain.signals:
                self._rank(signal, views)
                for symbol, view in views.items():
                    self._judge(symbol, view, ranked=True, only=signal.name)

    def _rank(self, signal: SignalConfig, views: dict[str, View]) -> None:
        for view in views.values():
            view.ranks = {}
        for call in ast.walk(python(signal.when)):
            if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in {"rank", "percentile"}:
                continue
            among = {symbol: view for symbol, view in views.items() if symbol in (signal.symbols or views)}
            known = {
                symbol: value
                for symbol, view in among.items()
                if (value := Judge(view, signal.interval).value(call.args[0])) is not None
            }
            for symbol, value in known.items():
                # By law "the largest is 1, ties share the better place; a percentile is the share of the
                # others that are smaller"
                above = sum(other > value for other in known.values())
                below = sum(other < value for other in known.values())
                share = 100 * below / (len(known) - 1) if len(known) > 1 else None
                ranked = getattr(call.func, "id", "") == "rank"
                views[symbol].ranks[ast.dump(call)] = float(above + 1) if ranked else share

    def _judge(self, symbol: str, view: View, *, ranked: bool, only: str = "") -> None:
        for signal in self._domain.signals:
            if only not in {"", signal.name}:
                continue
            tree = python(signal.when)
            across = any(name in signal.when for name in ("rank(", "percentile("))
            if across != ranked or symbol not in (signal.symbols or [symbol]):
                continue
            key, judge = (symbol, signal.name), Judge(view, signal.interval)
            true = judge.value(tree) is True
            was, self._true[key] = self._true.get(key, False), true
            if true and not was:
                self._raise(key, signal, judge, tree, view)

    def _raise(
        self, key: tuple[str, str], signal: SignalConfig, judge: Judge, tree: ast.expr, view: View
    ) -> None:
        # By law "the event time is the close of the newest bar that the condition reads"
        read = {interval for _, interval in judge.names(tree)}
        newest = [view.newest(interval, EVER) for interval in read]
        ts_event = max(bar["ts_close"] for bar in newest if bar is not None)
        last, revision = self._fired.get(key, (None, -1))
        if last is not None and ts_event - last < signal.debounce_ms * 1_000_000:
            self.swallowed += 1
            return
        revision = revision + 1 if ts_event == last else 0
        self._fired[key] = ts_event, revision
        values = {text: value for text, value in self._told(judge, tree) if value is not None}
        self.signals.append((*key, ts_event, revision, self._until(signal, tree, view), values))

    def _until(self, signal: SignalConfig, tree: ast.expr, view: View) -> int:
        """By law "true until then if nothing else comes": the first expiry at which it is not."""
        newest = [rows[-1] for rows in (*view.bars.values(), view.decided) if rows]
        known = [bar for bar in newest if bar["ts_close"] <= view.by]
        early = [view.newest(name, EVER) for name in [*view.bars, "quality"]]
        for expires in sorted({bar["expires"] for bar in [*known, *(one for one in early if one)]}):
            later = View(view.bars, view.decided, expires, view.by, view.ranks)
            if expires > view.watermark and self._holds(signal, tree, later, view) is not True:
                return int(expires)
        raise AssertionError(signal.when)

    def _holds(self, signal: SignalConfig, tree: ast.expr, later: View, view: View) -> Any:
        # A rank holds as long as the symbol's own value is fresh.
        kept = {}
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.dump(call) in view.ranks:
                own = Judge(later, signal.interval).value(call.args[0])
                kept[ast.dump(call)] = None if own is None else view.ranks[ast.dump(call)]
        later.ranks = kept
        return Judge(later, signal.interval).value(tree)

    def _told(self, judge: Judge, node: ast.expr) -> Iterator[tuple[str, Any]]:
        """Every value that stands in a condition by its text; of a change or a rank the result alone."""
        if isinstance(node, ast.Name) or (isinstance(node, ast.Call) and self._text(judge, node)):
            value = judge.value(node)
            yield self._text(judge, node), float(value) if value is not None else None
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) and not (isinstance(node, ast.Call) and child is node.func):
                yield from self._told(judge, child)

    def _text(self, judge: Judge, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return f"{node.value}"
        name = getattr(getattr(node, "func", None), "id", "")
        if isinstance(node, ast.Call) and name in {"change", "rank", "percentile"}:
            return f"{name}({', '.join(self._text(judge, one) for one in node.args)})"
        if isinstance(node, ast.Name) or name == "at_":
            ((name, interval),) = judge.names(node)
            return name if name == "quality" else f"{name}@{interval}"
        return ""

    def _view(self, symbol: str, by: int = EVER) -> View:
        config = next(one for one in self._domain.symbols if one.symbol == symbol)
        calendar = Calendar(self._domain.calendars[config.calendar])
        expiry = expiry_of(self._domain, config)
        bars: dict[str, list[Bar]] = {"1m": []}
        for (name, ts_open), bar in sorted(self._bars._bars.items()):
            if name == symbol:
                bars["1m"].append({**bar, **_minute(bar, self._bars._statuses.get((symbol, ts_open)))})
        _expiring(bars["1m"], [(ts, ts + MINUTE) for _, ts in calendar.minutes()], expiry)
        for interval in self._domain.intervals:
            slots = [slot for _, slot in self._slots(config, interval)]
            rows = [(slot, self._derived(config, interval, slot)) for slot in slots]
            bars[interval] = [
                {"ts_open": slot[0], **_derived(bar, self._domain)} for slot, bar in rows if bar
            ]
            _expiring(bars[interval], [(slot[0], slot[-1] + MINUTE) for slot in slots], expiry)
            dates = {slot[0]: date for date, slot in self._slots(config, interval)}
            for bar in bars[interval]:
                bar["session_date"] = dates[bar["ts_open"]]
        named = " ".join(signal.when for signal in self._domain.signals)
        for interval, rows in bars.items():
            for number in range(len(rows)):
                for one in self._domain.indicators:
                    if one.name in named and interval in (one.intervals or bars):
                        rows[number][one.name] = compute(one, rows[: number + 1])
        return View(bars, self._decided(symbol, calendar, bars["1m"], expiry), self._watermark, by)

    def _slots(self, config: SymbolConfig, interval: str) -> list[tuple[int, list[int]]]:
        """Trade date and minutes of each slot."""
        key = (config.symbol, interval)
        if key not in self._cut:
            self._cut[key] = list(self._bars._slots(config, Interval.parse(interval)))
        return self._cut[key]

    def _derived(self, config: SymbolConfig, interval: str, slot: list[int]) -> Bar | None:
        """A derived bar; one that was published once stays."""
        key, through = (config.symbol, interval, slot[0]), self._bars._through
        self._bars._through = EVER if key in self._published else through
        bar = self._bars._derive(config.symbol, slot)
        self._bars._through = through
        if bar is not None:
            self._published.add(key)
        return bar

    def _decided(self, symbol: str, calendar: Calendar, bars: list[Bar], expiry: int) -> list[Bar]:
        """Minutes of which it is known what became of them, with the session's quality as of each."""
        own = {bar["ts_open"]: bar for bar in bars}
        known: list[Bar] = []
        for _, minutes in groupby(calendar.minutes(), key=lambda minute: minute[0]):
            good = expected = 0
            for _, ts in minutes:
                bar, status = own.get(ts), self._bars._statuses.get((symbol, ts))
                if bar is None and status is None:
                    continue
                real = bar is not None and bar["fill"] != "flat"
                cause = None if real or status is None else status["cause"]
                # By law "100 * (real + refetched + no_trades minutes) / expected minutes so far", "calendar
                # minus halts"
                good += real or cause == "no_trades"
                expected += cause != "halt"
                quality = 100 * good / expected if expected else None
                known.append({"ts_open": ts, "ts_close": ts + MINUTE, "quality": quality})
        _expiring(known, [(ts, ts + MINUTE) for _, ts in calendar.minutes()], expiry)
        return known


def _minute(bar: Bar, status: Record | None) -> Bar:
    flat = bar["fill"] == "flat"
    quiet = flat and status is not None and status["cause"] == "no_trades"
    counts = {"expected": 1, "actual": int(not flat), "filled": int(flat), "complete": True}
    flags = {name: bool(bar["flags"] & bit) for name, bit in BITS.items()}
    return {**counts, **flags, "coverage": float(not flat or quiet), "flat": flat}


def _derived(bar: Bar, domain: Domain) -> Bar:
    # By law "its flags are its own"
    own = {"low_coverage": bar["coverage"] < domain.coverage_limit, "partial": False}
    return {**bar, **own, "flat": bar["fill"] == "flat"}


def _expiring(bars: list[Bar], slots: list[tuple[int, int]], expiry: int) -> None:
    until = fresh_until(slots, expiry)
    for bar in bars:
        bar["expires"] = until[bar["ts_open"]]
