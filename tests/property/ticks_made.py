"""Logs of ticks.raw: two symbols of two sources and more, with everything that goes wrong.

Ticks and quotes, prints out of order, late, repeated and bad, cancels and corrects, quiet minutes, halts,
heartbeats that stand still and a source that ends. On some days symbols and sources come and go, and rules
change.
"""

import math
from collections.abc import Sequence
from random import Random

from msgspec.structs import replace

from schemas.config import Domain, SourceConfig
from schemas.rules import AssetRules, ConditionTable
from tests.factories import (
    Record,
    at,
    changed,
    config,
    correction,
    domain,
    heartbeat,
    quote,
    raw,
    status,
    symbol,
    tick,
)

OPEN = at("2024-07-02T13:30")
S = 1_000_000_000

BAD = (0.0, math.nan, math.inf, 1.7e308)

TWO = domain(
    symbol("SPY", sources=["feed", "other"], conditions="tape", tick_size=0.25),
    symbol("EURUSD", asset="fx", calendar="24x7", price="bid", sources=["other"]),
    symbol("OIL", asset="commodity", calendar="24x7", sources=["feed"]),
    symbol("BTC", asset="fx", calendar="24x7", sources=["last", "other"]),
    sources=[
        SourceConfig("feed", "ticks.raw", gapless=True),
        SourceConfig("other", "ticks.raw"),
        SourceConfig("last", "ticks.raw", last_price=True),
    ],
    conditions={"tape": ConditionTable("letters", volume_only=["T"], ignored=["M"], auction=["6"])},
    assets={
        "equity": AssetRules(correction_prints=100_000),
        "fx": AssetRules(disorder_ms=1_000, outlier_prints=5, outlier_share=0.02, outlier_sigmas=2.0),
        "commodity": AssetRules(disorder_ms=500, nonpositive_price="allow"),
    },
)


def a_print(pick: Random, now: int, number: int, bad: Sequence[float]) -> Record:
    """A tick or a quote around a time, mostly good; some of its prices are bad."""
    event = now - pick.choice([0, 0, 0, 1, S // 3, S, 3 * S, 61 * S, 700 * S, 1_100 * S])
    received = max(event, now) if pick.random() < 0.9 else event - pick.choice([S, 5 * S, 6 * S])
    name, source = pick.choice(
        [
            *[("SPY", "feed"), ("SPY", "feed"), ("SPY", "other"), ("EURUSD", "other"), ("OIL", "feed")],
            *[("X", "feed"), ("BTC", "last"), ("BTC", "other")],
        ]
    )
    price = pick.choice([99.0, 100.0, 100.1, 101.3, 102.7, 130.0, 131.5, 61.0, *bad])
    same = {"symbol": name, "source": source, "ts_event": event, "ts_recv": received}
    seq = pick.choice([None, number, number, pick.randint(1, 40), 9_000])
    if name == "EURUSD" or pick.random() < 0.1:
        ahead = pick.choice([0.1, 0.1, 5.0, 0.0, -1.0])
        sizes = {"bid_size": pick.choice([None, 0.0, 1.0, -1.0]), "ask_size": None}
        return {**quote("2024-07-02", price, price + ahead), **same, "seq": seq, **sizes}
    trade_id = pick.choice([None, None, "a", "b", f"t{number}", str(number), "17"])
    size = pick.choice([None, 1.0, 2.5, 0.1, 3.0, *([0.0, math.nan, 1.7e308] if bad else [])])
    said = pick.choice([None, None, None, "@", "T", "6", "6T", "M"])
    return {**tick("2024-07-02", price, size, conditions=said), **same, "seq": seq, "trade_id": trade_id}


def a_word(pick: Random, now: int, log: list[Record]) -> Record:
    """A cancel or correct of a print of the last ones, or of one to come."""
    named = [one for one in log[-40:] if one["record"] == "Tick" and (one["trade_id"] or one["seq"])]
    prints = [one for one in named if one["symbol"] == "SPY" or pick.random() < 0.2]
    coming = {"symbol": "SPY", "source": "feed", "trade_id": f"t{len(log) + 3}", "seq": None, "ts_event": now}
    one = pick.choice([*prints, *prints, coming])
    name, ts = pick.choice(["cancel", "correct", "correct"]), now - pick.choice([0, 0, 0, S, 950 * S])
    said = {"ts_event": ts, "ts_recv": ts - pick.choice([0] * 19 + [6 * S])}
    said |= {"ts_print": pick.choice([None, None, one["ts_event"]])}
    said |= {
        "price": pick.choice([None, 100.5, 101.1, 97.0, 180.0, *([1.7e308] if pick.random() < 0.05 else [])]),
        "size": pick.choice([None] * 5 + [2.0] * 4 + [0.0]),
    }
    same = {field: one[field] for field in ("symbol", "source", "trade_id", "seq")}
    return {**correction("2024-07-02", name), **same, **said}


def a_beat(pick: Random, now: int) -> Record:
    source = pick.choice(["feed", "other", "clock"])
    through_ = now - pick.choice([0, 0, S, 30 * S])
    said = {"alive": pick.random() < 0.8, "ts": now, "ts_through": through_, "final": pick.random() < 0.1}
    return {**heartbeat("2024-07-02", source), **said}


def a_halt(pick: Random, now: int) -> Record:
    what, source = pick.choice(["halted", "resumed", "connected"]), pick.choice(["feed", "other"])
    name, ts = pick.choice([None, "SPY", "OIL", "X"]), now - pick.choice([0, 0, S, 90 * S])
    return {**status("2024-07-02", what, source), "symbol": name, "ts": ts}


def ruled(turns: Random, before: Domain) -> Domain:
    """The next configuration: the rules of a class or of a symbol are others."""
    name = turns.choice([*before.assets])
    rules = turns.choice(
        [
            {"disorder_ms": turns.choice([0, 500, 2_000, 61_000])},
            {"outlier_prints": turns.choice([0, 1, 3, 21]), "outlier_share": turns.choice([0.01, 0.2])},
            {"correction_prints": turns.choice([0, 0, 100_000])},
            {"nonpositive_price": turns.choice(["forbid", "flag", "allow"])},
            {"future_ms": turns.choice([0, 5_000, 70_000]), "quiet_ms": turns.choice([0, 1_000])},
        ]
    )
    kind = turns.choice("rrrlsp")
    if kind == "l":
        return changed(before, lateness_ms=turns.choice([0, 60_000, 900_000]))
    if kind == "s":
        sources = [replace(one, gapless=turns.random() < 0.5) for one in before.sources]
        return changed(before, sources=sources)
    if kind == "p":
        symbols = [
            replace(
                one,
                price=turns.choice(["last", "last", "bid", "mid"]),
                conditions=turns.choice(["", "tape"]),
                calendar=turns.choice(["24x7", "XNYS"]),
            )
            for one in before.symbols
        ]
        return changed(before, symbols=symbols)
    return changed(before, assets={**before.assets, name: replace(before.assets[name], **rules)})


def turned(turns: Random, before: Domain) -> Domain:
    """The next configuration: a symbol is taken out or comes back, or one of its sources, or rules change."""
    if turns.random() < 0.4:
        return ruled(turns, before)
    names = {one.symbol: one for one in before.symbols}
    every = {one.symbol: one for one in TWO.symbols}
    name = turns.choice([*every, "SPY"])
    if name not in names:
        names[name] = every[name]
    elif turns.random() < 0.3 and len(names[name].sources) == len(every[name].sources) > 1:
        names[name] = replace(names[name], sources=[turns.choice(names[name].sources)])
    else:
        del names[name]
    return changed(before, symbols=[names[one] for one in every if one in names])


def made(seed: int, length: int) -> list[Record]:
    """A log of so many records over minutes or hours, around the open or the close."""
    pick, turns, now_known = Random(seed), Random(~seed), TWO
    churn = turns.choice([0.0, 0.0, 0.05, 0.2])
    bad = turns.choice([(), (), BAD])
    begin, log = pick.choice([OPEN - 30 * S, OPEN, OPEN + 389 * 60 * S]), []
    now = begin
    while len(log) < length:
        now += pick.choice([0, 1, S // 5, S, 7 * S, 40 * S, pick.choice([S, 400 * S])])
        kind = pick.choice("ppppppppppppppppppppppphhhhhhrskkkk")
        log.append(
            a_print(pick, now, len(log), bad)
            if kind == "p"
            else a_beat(pick, now)
            if kind == "h"
            else a_halt(pick, now)
            if kind == "s"
            else a_word(pick, now, log)
            if kind == "k"
            else raw(b"\x00")
        )
        if pick.random() < 0.12:
            log.append(pick.choice(log[-9:]))
        if turns.random() < churn:
            now_known = turned(turns, now_known)
            log.append(config(now_known))
    # Without a heartbeat for 15 minutes a changed minute is published when its place is needed
    is_final, is_short = pick.random() < 0.7, now - begin < 900 * S
    ends = [{**heartbeat("2024-07-02", name), "ts": now + S, "final": is_final} for name in ("feed", "other")]
    known = [config(TWO)] if pick.random() < 0.8 else [log[0], config(TWO)]
    return [*known, *log, *(ends if is_final or not is_short else [])]
