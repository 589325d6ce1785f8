"""What must become of one partition's log of ``bars.1m``: derived bars and indicator values, from scratch.

Only final facts count: the row of the highest revision of each minute, its last status, the largest promise;
what is late is none.
Each sentence behind ``By law`` is one of SEMANTICS. Anchors: ``session``, and ``utc`` around the clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import groupby
from typing import Any

from schemas.config import Domain, SymbolConfig, decode
from schemas.market.intervals import Interval
from tests.oracle.calendar import MINUTE, Calendar
from tests.oracle.indicators import values_of
from tests.oracle.prints import Record

Key = tuple[str, str, int]
"""Symbol, interval, ts_open."""


class Analytics:
    """The oracle."""

    def __init__(self) -> None:
        self._domain = Domain(0)
        self._bars: dict[tuple[str, int], Record] = {}
        self._statuses: dict[tuple[str, int], Record] = {}
        self._through = 0
        self._newest: dict[str, int] = {}
        self._oldest: dict[str, int] = {}
        self.late: list[Record] = []

    def read(self, log: Iterable[Record]) -> "Analytics":
        """Read a log of good records."""
        for record in log:
            if record["record"] == "Config":
                self._domain = decode(record["body"])
            elif record["record"] == "Heartbeat":
                self._through = max(self._through, record["ts_through"])
            elif self._is_late(record):
                self.late.append(record)
            elif record["record"] == "MinuteStatus":
                self._statuses[record["symbol"], record["ts_open"]] = record
            else:
                # By law "A higher revision replaces a lower one"
                place = (record["symbol"], record["ts_open"])
                held = self._bars.get(place)
                if held is None or record["revision"] > held["revision"]:
                    self._bars[place] = record
        return self

    def _is_late(self, record: Record) -> bool:
        """Whether a minute is of a trade date that may not change any more."""
        name = record["symbol"]
        symbol = next(one for one in self._domain.symbols if one.symbol == name)
        calendar = Calendar(self._domain.calendars[symbol.calendar])
        segment = calendar.segment(record["ts_open"])
        assert segment is not None
        # By law "Bars may revise the current and the previous trade date", or so many as configured
        if segment.session_date > self._newest.get(name, -1):
            self._newest[name] = segment.session_date
            dates = sorted({part.session_date for part in calendar.segments})
            place = dates.index(segment.session_date)
            kept = dates[max(place - self._domain.trailing_dates, 0)]
            self._oldest[name] = max(self._oldest.get(name, kept), kept)
        return bool(segment.session_date < self._oldest[name])

    def derived(self) -> dict[Key, dict[str, Any]]:
        """The final derived bars."""
        found: dict[Key, dict[str, Any]] = {}
        for symbol in self._domain.symbols:
            for name in self._domain.intervals:
                for date, slot in self._slots(symbol, Interval.parse(name)):
                    bar = self._derive(symbol.symbol, slot)
                    if bar is not None:
                        found[symbol.symbol, name, slot[0]] = {"session_date": date, **bar}
        return found

    def values(self) -> dict[Key, dict[str, Fraction | float]]:
        """The final indicator values of each closed bar, by name; one that is not ready is absent."""
        bars: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for (symbol, ts_open), bar in self._bars.items():
            bars[symbol, "1m"].append((ts_open, bar))
        for (symbol, interval, ts_open), bar in self.derived().items():
            bars[symbol, interval].append((ts_open, bar))
        found: dict[Key, dict[str, Fraction | float]] = {}
        for (symbol, interval), rows in bars.items():
            rows.sort(key=lambda row: row[0])
            # By law "Only closed bars advance state, flat ones included"
            computed = values_of([bar for _, bar in rows], self._domain.indicators, interval)
            for (ts_open, _), values in zip(rows, computed, strict=True):
                found[symbol, interval, ts_open] = values
        return found

    def expiries(self) -> dict[Key, int]:
        """Until when the values of every bar that there may be are fresh, ns."""
        found: dict[Key, int] = {}
        for symbol in self._domain.symbols:
            for name in ("1m", *self._domain.intervals):
                slots = [
                    (slot[0], slot[-1] + MINUTE) for _, slot in self._slots(symbol, Interval.parse(name))
                ]
                until = fresh_until(slots, expiry_of(self._domain, symbol))
                found |= {(symbol.symbol, name, ts_open): ts for ts_open, ts in until.items()}
        return found

    def _slots(self, symbol: SymbolConfig, interval: Interval) -> Iterator[tuple[int, list[int]]]:
        """Trade date and minutes of each slot."""
        calendar = Calendar(self._domain.calendars[symbol.calendar])
        anchor = symbol.anchor or self._domain.calendars[symbol.calendar].anchor

        def slot(minute: tuple[int, int]) -> tuple[int, int]:
            date, ts = minute
            segment = calendar.segment(ts)
            assert segment is not None
            # By law "session: from each segment's open, cut at its close, restarting after a break", 1d "one
            # per trade date"; "utc: epoch-aligned"
            if anchor == "session" and interval.is_daily:
                return (date, 0)
            start = segment.opens if anchor == "session" else 0
            return (start, (ts - start) // interval.ns)

        for _, minutes in groupby(calendar.minutes(), key=slot):
            part = list(minutes)
            yield part[0][0], [ts for _, ts in part]

    def _derive(self, symbol: str, slot: list[int]) -> dict[str, Any] | None:
        bars = [self._bars[symbol, ts] for ts in slot if (symbol, ts) in self._bars]
        bare = [self._statuses.get((symbol, ts)) for ts in slot if (symbol, ts) not in self._bars]
        # By law "published when all its expected minutes are present (real, refetched, flat) or the
        # watermark of
        # bars.1m passes its ts_close"; "a minute so reported as not filled counts as present for publishing"
        present = all(status is not None and not status["filled"] for status in bare)
        if not bars or not (present or self._through >= slot[-1] + MINUTE):
            return None  # By law "with none it is not published"
        # By law "computed anew from its real and refetched minutes in ts_open order; with flat minutes
        # only it
        # is flat"
        actual = [bar for bar in bars if bar["fill"] != "flat"]
        return {**fold(actual or bars), **self._counts(symbol, slot, len(actual), len(bars) - len(actual))}

    def _counts(self, symbol: str, slot: list[int], actual: int, filled: int) -> dict[str, Any]:
        causes = [
            self._statuses[symbol, ts]["cause"]
            for ts in slot
            if (symbol, ts) in self._statuses
            and self._bars.get((symbol, ts), {"fill": "flat"})["fill"] == "flat"
        ]
        # By law "expected = calendar minutes minus halts; actual = real + refetched; filled = flat;
        # complete =
        # (actual + filled = expected); coverage = (actual + no_trades) / expected"
        expected = len(slot) - causes.count("halt")
        return {
            "ts_close": slot[-1] + MINUTE,
            "expected": expected,
            "actual": actual,
            "filled": filled,
            "complete": actual + filled == expected,
            "coverage": (actual + causes.count("no_trades")) / expected if expected else 0.0,
        }


def expiry_of(domain: Domain, symbol: SymbolConfig) -> int:
    """By law "disorder + [2 s]", ns."""
    return (domain.assets[symbol.asset].disorder_ms + domain.expiry_ms) * 1_000_000


def fresh_until(slots: list[tuple[int, int]], expiry: int) -> dict[int, int]:
    """By law "ts_close of the next expected bar" and the expiry; past the calendar one more bar."""
    return {
        start: (slots[number + 1][1] if number + 1 < len(slots) else end + (end - start)) + expiry
        for number, (start, end) in enumerate(slots)
    }


def fold(bars: list[Record]) -> dict[str, Any]:
    """Prices and sums of minutes in ts_open order."""
    fills = {bar["fill"] for bar in bars}
    return {
        "open": bars[0]["open"],
        "high": max(bar["high"] for bar in bars),
        "low": min(bar["low"] for bar in bars),
        "close": bars[-1]["close"],
        "volume": float(sum(Fraction(bar["volume"]) for bar in bars)),
        "notional": total(bars, "notional"),
        "trades": total(bars, "trades"),
        "fill": "real" if "real" in fills else bars[0]["fill"],
        "source": bars[-1]["source"],
    }


def total(bars: list[Record], name: str) -> Any:
    """A sum; with an unknown part it is unknown."""
    values = [bar[name] for bar in bars]
    if None in values:
        return None
    return float(sum(Fraction(value) for value in values)) if name == "notional" else sum(values)
