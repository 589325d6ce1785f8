"""What venues take back or say anew: cancels and corrects among the ticks, right ones and wrong ones.

Half of the right ones stand in the hour after the open of Mumbai, which is what short forms of the day play.
"""

from typing import Final

import numpy as np

from connectors.sources.simulator.faults import Desk
from connectors.sources.simulator.market import minute_of, on_grid
from connectors.sources.timeline import Part
from schemas.columns import Ints, Rows
from schemas.market.intervals import HOUR, MINUTE, SECOND
from schemas.records import SPAN, record_type

_NAMED: Final = "BTCUSD"
"""Its prints are named by ``trade_id``, and kept."""
_QUIET: Final = "BRK.A"
"""Its prints are named by ``seq``, and kept; many minutes have one alone."""
_UNKEPT: Final = "SPY"
"""Its prints are not kept."""
_SHORT: Final = (5 * HOUR + 45 * MINUTE, 6 * HOUR + 20 * MINUTE)
_KIND: Final = record_type("Correction")


def plant(desk: Desk) -> None:
    """Every kind once."""
    _cancels(desk)
    _corrects(desk)
    _withdrawn(desk)
    _wrong(desk)


def _cancels(desk: Desk) -> None:
    at = _some(desk, 30)
    rows, arrivals = _words(desk, _NAMED, at, "cancel", _later(desk, 30, 2 * SECOND, 8 * MINUTE))
    _add(desk, rows, arrivals)
    desk.note("cancelled prints", _NAMED, 30, "out", "2 s to 8 min later: their bars are published anew")
    again = slice(0, 6)
    _add(desk, rows[again].copy(), arrivals[again] + SECOND)
    desk.note("cancels sent twice", _NAMED, 6, "duplicate")


def _corrects(desk: Desk) -> None:
    at = _some(desk, 30)
    rows, arrivals = _words(desk, _NAMED, at, "correct", _later(desk, 30, SECOND, 8 * MINUTE))
    stream = desk.streams[_NAMED]
    price = stream.rows["price"][at]
    moved = on_grid(price * (1 + desk.rng.uniform(-1e-3, 1e-3, 30)), stream.instrument.tick_size)
    rows["price"][:20], rows["size"][10:] = moved[:20], stream.rows["size"][at][10:] * 2
    rows["nulls"][:20] &= ~_KIND.null_bit("price")
    rows["nulls"][10:] &= ~_KIND.null_bit("size")
    _add(desk, rows, arrivals)
    desk.note("corrected prints", _NAMED, 30, "out", "10 by price, 10 by size, 10 by both")
    at = _some(desk, 8)
    rows, arrivals = _words(desk, _NAMED, at, "correct", np.full(8, -SECOND // 1_000))
    rows["size"], rows["ts_event"] = 1.0, stream.rows["ts_event"][at]
    rows["nulls"] &= ~_KIND.null_bit("size")
    _add(desk, rows, arrivals)
    desk.note("corrects before their print", _NAMED, 8, "out", "held for a millisecond")


def _withdrawn(desk: Desk) -> None:
    minutes, counts = np.unique(minute_of(_times(desk, _QUIET)), return_counts=True)
    first, _ = desk.hours[_QUIET]
    alone = minutes[(counts == 1) & (minutes > first + HOUR)]
    at = desk.pick(_QUIET, 3, among=np.flatnonzero(np.isin(minute_of(_times(desk, _QUIET)), alone)))
    rows, arrivals = _words(desk, _QUIET, at, "cancel", np.full(3, 2 * MINUTE))
    _add(desk, rows, arrivals)
    desk.note("cancels of the only print of a minute", _QUIET, 3, "out", "its bar is withdrawn, then flat")


def _wrong(desk: Desk) -> None:
    rows, arrivals = _words(desk, _NAMED, _some(desk, 4), "cancel", np.full(4, SECOND))
    rows["trade_id"] = [desk.texts.span(f"{600_000_000 + number}") for number in range(4)]
    rows["nulls"] |= _KIND.null_bit("ts_print")
    _add(desk, rows, arrivals)
    desk.note("cancels of no print", _NAMED, 4, "rejected.C01", "held until their minute is over for good")
    rows, arrivals = _words(desk, _UNKEPT, desk.pick(_UNKEPT, 4), "correct", np.full(4, SECOND))
    rows["price"] = 1.0
    rows["nulls"] &= ~_KIND.null_bit("price")
    _add(desk, rows, arrivals)
    desk.note("corrects of prints that are not kept", _UNKEPT, 4, "rejected.C02")
    rows, arrivals = _words(desk, _NAMED, _some(desk, 5), "cancel", _later(desk, 5, 20 * MINUTE, 30 * MINUTE))
    _add(desk, rows, arrivals)
    desk.note("cancels later than 15 min", _NAMED, 5, "late", "V09, on the topic `late`")


def _times(desk: Desk, symbol: str) -> Ints:
    times: Ints = desk.streams[symbol].rows["ts_event"].astype(np.int64)
    return times


def _some(desk: Desk, count: int) -> Ints:
    """Prints of the day, half of them in the hour of short forms."""
    times = _times(desk, _NAMED)
    start = int(times[0]) // (24 * HOUR) * 24 * HOUR
    short = np.flatnonzero((times >= start + _SHORT[0]) & (times < start + _SHORT[1]))
    half = count // 2
    return np.concatenate([desk.pick(_NAMED, half, among=short), desk.pick(_NAMED, count - half)])


def _later(desk: Desk, count: int, least: int, most: int) -> Ints:
    return desk.rng.integers(least, most, count)


def _words(desk: Desk, symbol: str, at: Ints, action: str, later: Ints) -> tuple[Rows, Ints]:
    """Corrections of some prints, that say nothing yet, and when they are sent: so much after them."""
    prints, rows = desk.streams[symbol].rows[at], _KIND.empty(len(at))
    arrivals = desk.streams[symbol].arrivals[at] + later
    for name in ("symbol", "source", "trade_id", "seq"):
        rows[name] = prints[name]
    rows["ts_print"], rows["ts_event"], rows["ts_recv"] = prints["ts_event"], arrivals, arrivals
    rows["action"] = _KIND.code("action", action)
    rows["detail"] = np.array(desk.texts.span("planted"), SPAN)
    rows["nulls"] = _KIND.null_bit("price") | _KIND.null_bit("size")
    rows["nulls"] |= _KIND.null_bit("seq" if desk.streams[symbol].instrument.named else "trade_id")
    return rows, arrivals


def _add(desk: Desk, rows: Rows, arrivals: Ints) -> None:
    desk.parts.append(Part("Correction", arrivals, rows))
