"""Faults among ticks and quotes. Each function plants one kind and says what must come of it."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from connectors.sources.simulator.market import Stream, minute_of
from connectors.sources.simulator.planted import Planted
from connectors.sources.simulator.texts import Texts
from connectors.sources.timeline import Part
from schemas.columns import Ints, Rows
from schemas.market.intervals import MINUTE, SECOND
from schemas.records import SPAN, record_type

_TOPIC: Final = "ticks.raw"
_UNKNOWN: Final = "ZZZZ"
_MARGIN: Final = 40 * MINUTE


class Desk:
    """What faults are planted with: the streams of the day, a seed, and what came of it.

    Args:
        rng: seeded generator.
        streams: undisturbed records by symbol; some faults take records out or hold them back.
        texts: buffer of all spans.
        hours: start of the first and end of the last minute by symbol.
        calm: from when on nothing else is amiss with a symbol; faults keep 40 min away from it.
    """

    def __init__(
        self,
        rng: Generator,
        streams: dict[str, Stream],
        texts: Texts,
        hours: dict[str, tuple[int, int]],
        calm: dict[str, int],
    ) -> None:
        self.rng = rng
        self.streams = streams
        self.texts = texts
        self.hours = hours
        self.calm = calm
        self.parts: list[Part] = []
        self.planted: list[Planted] = []
        self._taken: dict[str, set[int]] = {symbol: set() for symbol in streams}

    def plant_all(self) -> None:
        """Every kind once, in an order that keeps them apart."""
        for plant in _PLANTS:
            plant(self)

    def pick(self, symbol: str, count: int, *, among: Ints | None = None) -> Ints:
        """Positions of records nobody else has picked, away from both ends of the day, ascending.

        Args:
            symbol: whose records.
            count: how many.
            among: positions to choose from; all where it is None.
        """
        stream = self.streams[symbol]
        first, last = self.hours[symbol]
        first = max(first, self.calm.get(symbol, first))
        times = stream.rows["ts_event"]
        free = np.flatnonzero((times > first + _MARGIN) & (times < last - _MARGIN))
        free = free[~np.isin(free, np.array(sorted(self._taken[symbol]), np.int64))]
        if among is not None:
            free = free[np.isin(free, among)]
        chosen = np.sort(self.rng.choice(free, count, replace=False))
        self._taken[symbol].update(chosen.tolist())
        return chosen

    def copies(self, symbol: str, count: int) -> tuple[Rows, Ints]:
        """Rows like some of a symbol's, without identity, and when they are sent."""
        stream = self.streams[symbol]
        kind = record_type(stream.instrument.record)
        at = self.pick(symbol, count)
        rows = stream.rows[at].copy()
        rows["nulls"] |= kind.null_bit("seq")
        if stream.instrument.record == "Tick":
            rows["nulls"] |= kind.null_bit("trade_id")
            rows["trade_id"] = np.zeros(1, SPAN)
        rows["seq"] = 0
        return rows, stream.arrivals[at].copy()

    def add(self, symbol: str, rows: Rows, arrivals: Ints) -> None:
        """Send rows beside those of the stream."""
        self.parts.append(Part(self.streams[symbol].instrument.record, arrivals, rows))

    def note(self, name: str, symbol: str, count: int, outcome: str, detail: str = "") -> None:
        """Say what was planted."""
        self.planted.append(Planted(name, _TOPIC, symbol, count, outcome, detail))


def _duplicates(desk: Desk) -> None:
    for symbol, count in (("SPY", 60), ("BTCUSD", 40), ("EURUSD", 40), ("INFY", 20)):
        stream = desk.streams[symbol]
        at = desk.pick(symbol, count)
        # Sent again, as a reconnecting feed does: the same record up to three seconds later.
        again = stream.arrivals[at] + desk.rng.integers(SECOND // 2, 3 * SECOND, count)
        desk.add(symbol, stream.rows[at].copy(), again)
        desk.note("duplicates", symbol, count, "duplicate", "same trade_id or seq, up to 3 s later")


def _disorder(desk: Desk) -> None:
    for symbol, count, most in (("SPY", 80, 1_500), ("RELIANCE", 60, 1_500), ("ETHUSD", 40, 500)):
        stream = desk.streams[symbol]
        at = desk.pick(symbol, count)
        stream.arrivals[at] += desk.rng.integers(100, most, count) * 1_000_000
        desk.note("out of order", symbol, count, "out", "within the disorder of the class: no revision")


def _late_but_counted(desk: Desk) -> None:
    for symbol, count in (("AIG", 12), ("ETHUSD", 12), ("YESBANK", 6)):
        stream = desk.streams[symbol]
        at = desk.pick(symbol, count)
        stream.arrivals[at] += desk.rng.integers(3 * 60, 9 * 60, count) * SECOND
        stream.rows["ts_recv"][at] = stream.arrivals[at]
        desk.note("late ticks within 15 min", symbol, count, "out", "their bars are published anew")


def _too_late(desk: Desk) -> None:
    for symbol, count in (("AIG", 10), ("BTCUSD", 10), ("USDJPY", 5)):
        stream = desk.streams[symbol]
        at = desk.pick(symbol, count)
        stream.arrivals[at] += desk.rng.integers(20 * 60, 30 * 60, count) * SECOND
        stream.rows["ts_recv"][at] = stream.arrivals[at]
        desk.note("ticks later than 15 min", symbol, count, "late", "V09, on the topic `late`")


def _bad_numbers(desk: Desk) -> None:
    bad: list[tuple[str, str, float, str]] = [
        ("SPY", "price", 0.0, "V03"),
        ("RELIANCE", "price", -12.5, "V03"),
        ("EURUSD", "bid", 0.0, "V03"),
        ("SPY", "price", np.nan, "V01"),
        ("ETHUSD", "price", np.inf, "V01"),
        ("USDJPY", "ask", np.nan, "V01"),
        ("AIG", "size", 0.0, "V05"),
        ("INFY", "size", -5.0, "V05"),
    ]
    for symbol, field, value, code in bad:
        rows, arrivals = desk.copies(symbol, 6)
        rows[field] = value
        desk.add(symbol, rows, arrivals)
        desk.note(f"{field} {value}", symbol, 6, f"rejected.{code}")


def _crossed(desk: Desk) -> None:
    rows, arrivals = desk.copies("USDJPY", 15)
    rows["bid"], rows["ask"] = rows["ask"] + 0.25, rows["bid"].copy()
    desk.add("USDJPY", rows, arrivals)
    desk.note("crossed quotes", "USDJPY", 15, "rejected.V11", "bid above ask")


def _from_the_future(desk: Desk) -> None:
    rows, arrivals = desk.copies("BTCUSD", 8)
    rows["ts_event"] = rows["ts_recv"] + MINUTE
    desk.add("BTCUSD", rows, arrivals)
    desk.note("future ticks", "BTCUSD", 8, "rejected.V08", "a minute ahead of their arrival")


def _outside_the_session(desk: Desk) -> None:
    for symbol, minutes in (("SPY", -30), ("INFY", 30)):
        rows, _ = desk.copies(symbol, 5)
        first, last = desk.hours[symbol]
        start = first + minutes * MINUTE if minutes < 0 else last + minutes * MINUTE
        rows["ts_event"] = start + np.arange(5) * 7 * SECOND
        rows["ts_recv"] = rows["ts_event"] + 50_000_000
        desk.add(symbol, rows, rows["ts_recv"].astype(np.int64))
        desk.note("outside the session", symbol, 5, "late", f"V10, {abs(minutes)} min off")


def _unknown_symbols(desk: Desk) -> None:
    rows, arrivals = desk.copies("SPY", 20)
    rows["symbol"] = np.array(desk.texts.span(_UNKNOWN), SPAN)
    desk.add("SPY", rows, arrivals)
    desk.note("unknown symbol", _UNKNOWN, 20, "rejected.V02")


def _undecodable(desk: Desk) -> None:
    values = [b"", b"\x00", b"not avro", b"\xff" * 40, b"\x01\x00\x00\x00\x01SPY", _FOREIGN]
    spans = np.array([desk.texts.span(value) for value in values], SPAN)
    arrivals = np.sort(desk.streams["SPY"].arrivals[desk.pick("SPY", len(values))])
    desk.parts.append(Part("", arrivals, spans))
    desk.note(
        "undecodable bytes",
        "",
        len(values),
        "rejected.V01",
        "empty, torn, noise, another framing, unknown schema id",
    )


_FOREIGN: Final = b"\x00\x7f\xff\xff\xf0" + b"of a schema that no registry has"


def _quiet_minutes(desk: Desk) -> None:
    stream = desk.streams["SPY"]
    first, _ = desk.hours["SPY"]
    quiet = first + (100 + np.arange(3)) * MINUTE
    gone: NDArray[np.bool_] = np.isin(minute_of(stream.rows["ts_event"].astype(np.int64)), quiet)
    stream.without(gone)
    desk.note("quiet minutes", "SPY", 3, "flat bars: no_trades", "minutes 100 to 102 of the session")


_PLANTS: Final[tuple[Callable[[Desk], None], ...]] = (
    _quiet_minutes,  # takes records out, so it comes before positions are picked
    _duplicates,
    _disorder,
    _late_but_counted,
    _too_late,
    _bad_numbers,
    _crossed,
    _from_the_future,
    _outside_the_session,
    _unknown_symbols,
    _undecodable,
)
