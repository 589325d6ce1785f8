"""Flat bars and gaps of one symbol from its decided minutes, worked out from scratch."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from schemas.config import SymbolConfig
from tests.oracle.calendar import MINUTE

CAUSES = ("halt", "rejected", "outage", "no_trades", "unknown")


@dataclass(frozen=True)
class Minute:
    """One minute.

    Attributes:
        cause: why it has no real bar; empty where it has one, or is not decided.
        row: its bar: real, refetched, then flat; None where there is none.
    """

    session_date: int
    ts_open: int
    cause: str
    row: dict[str, Any] | None


def fill(minutes: Iterable[Minute], symbol: SymbolConfig, flats: Mapping[int, float]) -> list[Minute]:
    """The minutes, ascending, with flat bars where they are due.

    ``flats`` are the prices of those that were published before a cause changed, by ts_open: what is
    published stays.
    """
    filled = []
    for _, session in groupby(minutes, key=lambda minute: minute.session_date):
        filled.extend(_session(list(session), symbol, flats))
    return filled


def _session(minutes: list[Minute], symbol: SymbolConfig, flats: Mapping[int, float]) -> Iterator[Minute]:
    # By law "never across a trade date"; "The first minute of a session has no previous close"
    close: float | None = None
    run = 0
    for minute in minutes:
        if minute.row is not None:
            close, run = minute.row["close"], 0
            yield minute
            continue
        if not minute.cause:  # nobody has decided it, so the close after it is not known
            close, run = None, 0
            yield minute
            continue
        # By law "no_trades minutes are filled without limit (they are true), other causes with at most [5] in
        # a row, then the gap stays open and nothing is invented; ...; halted minutes never".
        run = 0 if minute.cause == "no_trades" else run + (minute.cause != "halt")
        if minute.ts_open in flats:  # what is published stays, at the close before it where that is known
            close = flats[minute.ts_open] if close is None else close
        elif minute.cause == "halt":
            yield minute
            continue
        elif close is None or run > symbol.fill_limit or "flat" not in symbol.policy:
            # The last close is not known to be true after minutes that were not filled.
            close = None
            yield minute
            continue
        # By law "a flat bar (o=h=l=c=previous close, volume 0)"
        row = {"open": close, "high": close, "low": close, "close": close, "volume": 0.0, "fill": "flat"}
        yield replace(minute, row=row)


def gap(run: list[Minute], causes: list[str], *, past: bool) -> dict[str, Any]:
    """One gap of minutes in a row, with the cause of each; ``past`` revision or not."""
    # By law "A gap carries its minutes per cause."
    counts = {cause: causes.count(cause) for cause in CAUSES}
    # By law "Life: open, filled, refetched, abandoned." Halted minutes are never filled and keep none open.
    open_ = any(minute.row is None and minute.cause != "halt" for minute in run)
    bare = any(minute.row is None or minute.row["fill"] == "flat" for minute in run)
    first, last = run[0], run[-1]
    return {
        "ts_open": first.ts_open,
        "ts_close": last.ts_open + MINUTE,
        "session_date": first.session_date,
        "minutes": len(run),
        "state": ("abandoned" if past else "open") if open_ else "filled" if bare else "refetched",
        **counts,
    }
