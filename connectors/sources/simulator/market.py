"""The undisturbed market: ticks and quotes of one symbol over one day.

Records of a minute come in a few active seconds that all symbols share, as feeds come in bursts. Prices walk
at random on the grid of the tick size.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from connectors.sources.simulator.instruments import Instrument
from connectors.sources.simulator.texts import Texts
from schemas.columns import Ints, Rows
from schemas.market.intervals import MINUTE, SECOND
from schemas.records import SPAN, record_type

LONGEST_DELAY: Final = 400_000_000
"""Most nanoseconds between an undisturbed record's event and its arrival."""
_SHORTEST_DELAY: Final = 2_000_000
_MICRO: Final = 1_000
_CALM, _BUSY = 4, 10  # active seconds of a minute, and of one while New York trades


@dataclass(slots=True, eq=False)
class Stream:
    """Records of one symbol, by event time.

    Attributes:
        instrument: the symbol.
        rows: rows of ``instrument.record``.
        arrivals: int64[n], when each is sent (ns).
    """

    instrument: Instrument
    rows: Rows
    arrivals: Ints

    def without(self, gone: NDArray[np.bool_]) -> None:
        """Drop some records as if they had never been."""
        self.rows, self.arrivals = self.rows[~gone], self.arrivals[~gone]


def active_seconds(rng: Generator, minutes: Ints, busy: NDArray[np.bool_]) -> list[Ints]:
    """Second numbers in which records of each minute come, ascending."""
    counts = np.where(busy, _BUSY, _CALM).tolist()
    return [np.sort(rng.choice(60, count, replace=False)) for _, count in zip(minutes, counts, strict=True)]


def event_times(rng: Generator, minutes: Ints, seconds: list[Ints], per_minute: float) -> Ints:
    """Times of records, ascending, whole microseconds, each in an active second of an expected minute."""
    counts = rng.poisson(per_minute, len(minutes))
    found = [
        minute + rng.choice(active, count) * SECOND + rng.integers(0, SECOND // _MICRO, count) * _MICRO
        for minute, active, count in zip(minutes.tolist(), seconds, counts.tolist(), strict=True)
    ]
    return np.sort(np.concatenate(found)).astype(np.int64)


def prices(rng: Generator, instrument: Instrument, count: int) -> NDArray[np.float64]:
    """A random walk on the grid of the tick size, never below one tick."""
    walk = instrument.price * np.exp(np.cumsum(rng.normal(0.0, instrument.volatility, count)))
    return on_grid(np.maximum(walk, instrument.tick_size), instrument.tick_size)


def on_grid(values: NDArray[np.float64], tick_size: float) -> NDArray[np.float64]:
    """Values rounded to the tick size, as short decimals."""
    decimals = max(0, round(-np.log10(tick_size)) + 1)
    rounded: NDArray[np.float64] = np.round(np.rint(values / tick_size) * tick_size, decimals)
    return rounded


def stream(rng: Generator, instrument: Instrument, times: Ints, texts: Texts) -> Stream:
    """The records of a symbol at given times."""
    rows = record_type(instrument.record).empty(len(times))
    rows["symbol"] = np.array(texts.span(instrument.symbol), SPAN)
    rows["source"] = np.array(texts.span(instrument.source), SPAN)
    rows["ts_event"] = times
    rows["ts_recv"] = times + rng.integers(_SHORTEST_DELAY, LONGEST_DELAY, len(times))
    rows["seq"] = np.arange(1, len(times) + 1)
    price = prices(rng, instrument, len(times))
    if instrument.record == "Quote":
        spread = instrument.tick_size * rng.integers(1, 12, len(times))
        rows["bid"], rows["ask"] = price, on_grid(price + spread, instrument.tick_size)
        rows["bid_size"] = rows["ask_size"] = rng.integers(1, 50, len(times)) * 100_000.0
    else:
        _fill_trade(rng, rows, instrument, price, texts)
    return Stream(instrument, rows, rows["ts_recv"].astype(np.int64))


def _fill_trade(
    rng: Generator, rows: Rows, instrument: Instrument, price: NDArray[np.float64], texts: Texts
) -> None:
    kind = record_type("Tick")
    rows["price"] = price
    lots = rng.geometric(0.02, len(rows))
    rows["size"] = lots / 1_000 if instrument.price > 3_000 and instrument.named else lots
    rows["nulls"] = kind.null_bit("conditions")
    if instrument.named:
        names = [texts.span(str(700_000_000 + number)) for number in rows["seq"].tolist()]
        rows["trade_id"] = np.array(names, SPAN)
    else:
        rows["nulls"] |= kind.null_bit("trade_id")


def minute_of(times: Ints) -> Ints:
    """Start of the minute of each instant."""
    return times - times % MINUTE
