"""Logs of bars.raw made minute by minute, as they would be, with everything that goes wrong.

Two symbols have bars from up to two sources: bars that come late, twice, revised, withdrawn, refetched or
bad, minutes without a bar, sources that die and come back, halts, and refused prints. A third symbol comes
and goes. Some days begin with a history to be loaded, some are played from files, on some a vendor's bars
come from the future. Histories are named later, and intervals, limits, orders and hours change in between.
The minutes are those of one long session, or of several short ones with a break.
"""

import math
from random import Random
from typing import Any, Final

import msgspec

from schemas.config import CalendarRows, Domain
from schemas.flags import PARTIAL, WITHDRAWN
from schemas.rules import AssetRules, RuleChanges
from tests.factories import (
    DAY,
    Record,
    at,
    bar,
    calendar_rows,
    changed,
    config,
    day,
    heartbeat,
    minute_status,
    status,
)
from tests.unit.bars.desk import two

M: Final = 60_000_000_000
S: Final = 1_000_000_000
OPEN: Final = at(f"{DAY}T13:30")
DATES: Final = ("2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08")
SHORT: Final = (0, 1, 2, 4, 5, 6)
"""Minutes of a short session, counted from 13:30."""
NAMES: Final = ("SPY", "AIG")
COMES: Final = "GE"
"""The symbol that comes and goes."""
PAST: Final = "past"
"""The history."""


def body(pick: Random, *, short: bool) -> Domain:
    """Two symbols; one source or two."""
    sources = pick.choice([["feed"], ["feed", "feed.bars"]])
    fields: dict[str, Any] = {"sources": sources, "fill_limit": pick.choice([1, 2, 5])}
    fields["rules"] = RuleChanges(
        volume_bars=pick.choice([0, 1, 2, 3]), volume_factor=2.0, stuck_bars=pick.choice([0, 2, 3]),
        disagreement=pick.choice([0.0, 0.001, 0.1]),
    )  # fmt: skip
    fields["policy"] = pick.choice([["refetch", "flat"], ["flat"], ["none"], ["refetch"]])
    made_of = two(**fields)
    timeout = pick.choice([60_000, 120_000, 300_000])
    made_of = msgspec.structs.replace(made_of, session_timeout_ms=timeout)
    if not short:
        return made_of
    rows = calendar_rows(days=DATES, hours=("13:30-13:33", "13:34-13:37"))
    rules = {"equity": AssetRules(future_ms=10**9)}  # the first bars of a day come before its heartbeats
    return msgspec.structs.replace(made_of, calendars={"XNYS": rows}, assets=rules)


def turned(pick: Random, made_of: Domain) -> Domain:
    """The same with a history, as files, or with a vendor whose bars may not come from the future."""
    kind = pick.choice(["", "", "", "history", "files", "vendor"])
    if kind == "history":
        symbols = [msgspec.structs.replace(one, history=PAST) for one in made_of.symbols]
        return msgspec.structs.replace(made_of, symbols=symbols)
    if kind == "files":
        sources = [msgspec.structs.replace(one, files=True) for one in made_of.sources]
        return msgspec.structs.replace(made_of, sources=sources)
    if kind == "vendor":
        rules = {"equity": AssetRules(future_ms=pick.choice([1_000, 5_000, 7_000, 70_000]))}
        return msgspec.structs.replace(made_of, assets=rules)
    return made_of


def ruled(pick: Random, now: Domain, number: int, *, short: bool) -> dict[str, Any]:
    """What another configuration says in mid-session: intervals, limits, order of sources, later hours."""
    kind = pick.choice(["intervals", "limits", "rules", "order", *(["hours"] if short else [])])
    if kind == "intervals":
        return {
            "intervals": pick.choice([["5m"], ["3m", "1h"], ["1d", "2m"], ["5m", "15m", "30m", "1h", "1d"]])
        }
    if kind == "limits":
        timeout = pick.choice([60_000, 120_000, 300_000])
        return {"session_timeout_ms": timeout, "coverage_limit": pick.choice([0.0, 0.5, 0.8, 1.0])}
    if kind == "hours":
        today = day(DATES[number // len(SHORT)])
        rows = halved(pick, now.calendars["XNYS"], today)
        return {"calendars": {**now.calendars, "XNYS": rows}}
    rules = RuleChanges(
        volume_bars=pick.choice([0, 1, 2]), volume_factor=2.0, stuck_bars=pick.choice([0, 2, 3]),
        disagreement=pick.choice([0.0, 0.1]),
    )  # fmt: skip
    changes = {"rules": rules} if kind == "rules" else {"sources": [*reversed(now.symbols[0].sources)]}
    return {"symbols": [msgspec.structs.replace(one, **changes) for one in now.symbols]}


def halved(pick: Random, rows: CalendarRows, today: int) -> CalendarRows:
    """A calendar with a later trade date that ends at its break, where there is one."""
    parts = [*zip(rows.session_dates, rows.opens, rows.closes, strict=True)]
    later = [at for at in range(1, len(parts)) if parts[at][0] == parts[at - 1][0] > today]
    if later:
        del parts[pick.choice(later)]
    dates, opens, closes = (list(part) for part in zip(*parts, strict=True))
    return msgspec.structs.replace(rows, session_dates=dates, opens=opens, closes=closes)


class Day:
    """A generated log.

    Args:
        seed: of everything.
        length: so many minutes.
        short: of short sessions instead of a long one.
    """

    def __init__(self, seed: int, length: int, *, short: bool) -> None:
        self.pick, self.keeps, self.turns = Random(seed), Random(~seed), Random(seed ^ 0xBA5)
        self.shifts = Random(seed ^ 0x5417)
        self.short = short
        self.domain = turned(self.turns, body(self.pick, short=short))
        self.loading = bool(self.domain.symbols[0].history)
        self.names: tuple[str, ...] = NAMES
        self.closed = False
        self.odds = {name: self.turns.choice([0.0, 0.0, 0.1, 0.3]) for name in ("churn", "withdraw", "skip")}
        self.odds |= {name: self.shifts.choice([0.0, 0.0, 0.0, 0.1]) for name in ("later", "rules")}
        if short:
            self.domain = msgspec.structs.replace(self.domain, trailing_dates=self.keeps.choice([1, 1, 2, 3]))
        self.sources = self.domain.symbols[0].sources
        start = self.start(0)
        self.log = [config(self.domain), *(self.beat(name, start, last=start) for name in self.sources)]
        self.last = dict.fromkeys(self.sources, start)
        self.down: set[str] = set()
        for number in range(length):
            self.turn(number)
            if self.short and number % len(SHORT) == 0:
                self.closed = self.turns.random() < self.odds["skip"] and number > 0
            self.minute(number)
        if self.turns.random() < 0.3:
            self.log.append(self.beat("feed", self.start(length - 1), last=self.last["feed"], final=True))

    def start(self, number: int) -> int:
        """Start of the n-th minute."""
        if not self.short:
            return OPEN + number * M
        date, place = divmod(number, len(SHORT))
        return at(f"{DATES[date]}T13:30") + SHORT[place] * M

    def beat(self, source: str, ts: int, *, last: int, **fields: Any) -> Record:
        way = "ticks" if source == "feed" else source
        made_of = heartbeat(f"{DAY}T13:30", source, writer=way)
        return {**made_of, "ts": ts, "ts_through": ts, "ts_last": last, **fields}

    def minute(self, number: int) -> None:
        """Bars of a minute, then heartbeats within the next one."""
        pick = self.pick
        if self.short and not self.odds["churn"] and self.keeps.random() < 0.08:
            self.domain = changed(self.domain, trailing_dates=self.keeps.choice([1, 2, 3, 4]))
            self.log.append(config(self.domain))
        if self.short and self.keeps.random() < 0.3:
            self.revise(number)
        quiet = pick.random() < 0.15 or self.closed
        for name in self.names:
            for source in self.sources:
                if source not in self.down and not quiet and pick.random() < 0.75:
                    self.log.append(self.bar(name, source, number))
                    self.last[source] = self.start(number) + 59 * S
        if pick.random() < 0.15 and number:
            self.log.append(self.odd(number))
        self.hear(number)

    def turn(self, number: int) -> None:
        """What happens beside the bars: a symbol comes or goes, a bar is taken back, the history goes on."""
        turns = self.turns
        if turns.random() < self.odds["churn"]:
            self.names = NAMES if COMES in self.names else (*NAMES, COMES)
            spy = self.domain.symbols[0]
            symbols = [msgspec.structs.replace(spy, symbol=name) for name in self.names]
            self.domain = changed(self.domain, symbols=symbols)
            self.log.append(config(self.domain))
        if not self.odds["churn"] and self.shifts.random() < self.odds["later"]:
            self.name_history()
        if number and not self.odds["churn"] and self.shifts.random() < self.odds["rules"]:
            self.domain = changed(self.domain, **ruled(self.shifts, self.domain, number, short=self.short))
            self.log.append(config(self.domain))
        if number and turns.random() < self.odds["withdraw"]:
            self.withdraw(number)
        if self.domain.symbols[0].history:
            self.history(number)

    def name_history(self) -> None:
        """A history is named for symbols that run, or for one of them, or no longer."""
        named = self.shifts.choice([NAMES, NAMES, ("SPY",), ()])
        symbols = [
            msgspec.structs.replace(one, history=PAST if one.symbol in named else "")
            for one in self.domain.symbols
        ]
        self.loading = self.loading or bool(named)
        self.domain = changed(self.domain, symbols=symbols)
        self.log.append(config(self.domain))

    def withdraw(self, number: int) -> None:
        """A bar of before is taken back, or one that never came."""
        before = [one for one in self.log[-60:] if one["record"] == "Bar" and one["volume"] > 0]
        if before:
            one, rise = self.turns.choice(before), self.turns.choice([0, 1, 1, number + 3])
            gone = {"flags": WITHDRAWN, "volume": 0.0, "revision": one["revision"] + rise, "fill": "real"}
            self.log.append({**one, **gone})

    def history(self, number: int) -> None:
        """Bars of minutes so far; while it is loaded heartbeats and, now and then, its end."""
        turns = self.turns
        for name in self.names:
            if turns.random() < (0.6 if self.loading else 0.1):
                fill = turns.choice(["real", "refetched"])
                self.log.append(self.bar(name, PAST, turns.randint(0, number), fill=fill))
        if self.loading and turns.random() < 0.8:
            through = self.start(turns.randint(0, number))
            self.log.append(self.beat(PAST, self.start(number), last=through, ts_through=through))
        if self.loading and turns.random() < 0.2:
            what = turns.choice(["history_end", "history_failed"])
            name = turns.choice([None, None, *NAMES])
            self.loading = name is not None
            self.log.append({**status(f"{DAY}T13:30", what, PAST, symbol=name), "ts": self.start(number)})

    def bar(self, name: str, source: str, number: int, **fields: Any) -> Record:
        low = self.pick.choice([9.0, 9.5, 10.0])
        high = low + self.pick.choice([0.0, 0.5, 1.0])
        start = self.start(number)
        made_of = bar(f"{DAY}T13:30", low, high, low, high, symbol=name, source=source)
        volume = self.pick.choice([10.0, 2.0, 40.0])
        trades = self.pick.choice([None, None, 0, 3])
        flags = PARTIAL if self.pick.random() < 0.1 else 0
        made_of |= {"ts_open": start, "ts_close": start + M, "volume": volume, "notional": volume * low}
        return {**made_of, "flags": flags, "trades": trades, **fields}

    def revise(self, number: int) -> None:
        """A newer revision of any bar so far."""
        before = [one for one in self.log if one["record"] == "Bar" and one["volume"] > 0]
        if before:
            one = self.keeps.choice(before)
            self.log.append({**one, "close": one["low"], "revision": number + 3})

    def odd(self, number: int) -> Record:
        """A late, refetched, revised or bad bar of a minute so far, or why there is none."""
        pick = self.pick
        back = pick.randint(0, number)
        name, source = pick.choice(NAMES), pick.choice(self.sources)
        made_of = self.bar(name, source, back, revision=pick.choice([0, 1, 2]))
        choices = [
            made_of,
            made_of,
            {**made_of, "fill": "refetched"},
            {**made_of, "high": 1.0},
            {**made_of, "open": math.nan},
            {**made_of, "volume": 1.7e308},
        ]
        choices += [
            {**made_of, "ts_open": made_of["ts_open"] + S},
            {**made_of, "symbol": "X"},
            {**made_of, "volume": -1.0},
        ]
        now = self.start(number)
        said = minute_status(f"{DAY}T13:30", symbol=name, source=source)
        choices += [{**said, "ts_open": now + M, "rejected": 1}, {**said, "ts_open": now + M, "halted": True}]
        choices += [{**said, "ts_open": made_of["ts_open"], "seq_hole": True}] * 2
        choices += [{**said, "ts_open": made_of["ts_open"], what: True} for what in ("rejected", "halted")]
        halt = status(f"{DAY}T13:30", "halted", source, symbol=name)
        choices += [{**halt, "ts": now}, {**halt, "ts": now, "status": "resumed"}]
        return pick.choice(choices)

    def hear(self, number: int) -> None:
        """Heartbeats of the sources that live, every four seconds around the boundary of a minute."""
        pick, start = self.pick, self.start(number)
        for source in self.sources:
            if source in self.down and pick.random() < 0.3:
                self.down.remove(source)
            elif source not in self.down and pick.random() < 0.07:
                self.down.add(source)
                self.log.append(self.beat(source, start + 57 * S, last=self.last[source], alive=False))
        for second in range(58, 118, 4):
            for source in self.sources:
                if source not in self.down:
                    self.log.append(self.beat(source, start + second * S, last=self.last[source]))
            if second % 20 == 18:
                writer = pick.choice(["clock", "ticks"])
                self.log.append(
                    self.beat("clock", start + second * S, last=start + second * S, writer=writer)
                )


def made(seed: int, length: int, *, short: bool = False) -> list[Record]:
    """A log of so many minutes; of short sessions at most 30."""
    return Day(seed, length, short=short).log
