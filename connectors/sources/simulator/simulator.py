"""The simulated day as a source: what the demo and the end-to-end tests play.

The same seed, scale and calendars give the same bytes.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

import numpy as np

from connectors.sources.simulator import beats, corrections, vendor
from connectors.sources.simulator.faults import Desk
from connectors.sources.simulator.instruments import BARS, INDIA, INSTRUMENTS, TICKS, Instrument
from connectors.sources.simulator.market import Stream, active_seconds, event_times, stream
from connectors.sources.simulator.planted import Planted
from connectors.sources.simulator.texts import Texts
from connectors.sources.timeline import Part, Timeline
from schemas.columns import Columns, Ints
from schemas.config import CalendarRows, Domain
from schemas.errors import ConfigurationError
from schemas.market.cuts import EPOCH
from schemas.market.grid import Grid
from schemas.market.intervals import DAY, HOUR, MINUTE, SECOND

SIMULATED: Final = date(2024, 7, 2)
"""An ordinary Tuesday on all four calendars."""

_OUTAGE: Final = (6 * HOUR + 5 * SECOND, 6 * HOUR + 10 * MINUTE + 5 * SECOND)
_MARGIN: Final = 5 * MINUTE  # the source of Mumbai speaks that long before the open and after the close


class Simulator:
    """A source of one day, 00:00 to 24:00 UTC.

    Args:
        domain: symbols and calendars; it must know the twelve symbols and the day.
        day: the day.
        seed: another seed, another day.
        scale: multiplies the number of ticks; 1 gives about 300,000.

    Raises:
        ConfigurationError: a symbol is unknown, or its calendar has no session on the day.

    Attributes:
        planted: every fault and what must come of it.
    """

    def __init__(self, domain: Domain, day: date = SIMULATED, seed: int = 7, scale: float = 1.0) -> None:
        self._start = (day - EPOCH).days * DAY
        self._scale = scale
        self._texts = Texts()
        self._rngs = [np.random.default_rng([seed, number]) for number in range(len(INSTRUMENTS) + 2)]
        self._minutes = _minutes(domain, self._start)
        self.planted: list[Planted] = []
        ticks, bars = self._ticks(), self._bars()
        data = self._texts.data()
        self._timelines = [Timeline("ticks.raw", data, ticks), Timeline("bars.raw", data, bars)]

    def __len__(self) -> int:
        return sum(len(timeline) for timeline in self._timelines)

    @property
    def hours(self) -> tuple[int, int]:
        """First and last instant at which something is sent, in ns."""
        return self._start, self._start + DAY + MINUTE

    def blocks(self) -> Iterator[Columns]:
        """Minute by minute: first what goes to ``ticks.raw``, then what goes to ``bars.raw``."""
        start, end = self.hours
        for minute in range(start, end + MINUTE, MINUTE):
            for timeline in self._timelines:
                if block := timeline.until(minute):
                    yield block

    def _ticks(self) -> list[Part]:
        streams = self._streams()
        outage = (self._start + _OUTAGE[0], self._start + _OUTAGE[1])
        self._cut_out(streams, outage)
        hours = {symbol: _hours(self._minutes[symbol]) for symbol in streams}
        calm = {one.symbol: outage[1] for one in INSTRUMENTS if one.source == INDIA}
        desk = Desk(self._rngs[-1], streams, self._texts, hours, calm)
        desk.plant_all()
        corrections.plant(desk)
        self.planted += desk.planted
        parts = [Part(one.instrument.record, one.arrivals, one.rows) for one in streams.values()] + desk.parts
        own: dict[str, list[Ints]] = {TICKS: [], INDIA: []}
        for one in streams.values():
            own[one.instrument.source].append(one.arrivals)
        arrivals = {name: np.concatenate(found) for name, found in own.items()}
        mumbai = _hours(self._minutes["INFY"])
        talking = (mumbai[0] - _MARGIN, mumbai[1] + _MARGIN)
        times = beats.due(np.concatenate([part.times for part in parts]), *self.hours, talking)
        return [*parts, *beats.of_ticks(self._texts, times, arrivals, talking, outage)]

    def _streams(self) -> dict[str, Stream]:
        every = np.arange(self._start, self._start + DAY, MINUTE)
        busy = np.isin(every, self._minutes["SPY"])
        seconds = dict(zip(every.tolist(), active_seconds(self._rngs[-2], every, busy), strict=True))
        return {
            one.symbol: self._stream(one, number, seconds)
            for number, one in enumerate(INSTRUMENTS)
            if one.record != "Bar"
        }

    def _stream(self, instrument: Instrument, number: int, seconds: Mapping[int, Ints]) -> Stream:
        minutes, rng = self._minutes[instrument.symbol], self._rngs[number]
        own = [seconds[minute] for minute in minutes.tolist()]
        times = event_times(rng, minutes, own, instrument.per_minute * self._scale)
        return stream(rng, instrument, times, self._texts)

    def _cut_out(self, streams: Mapping[str, Stream], outage: tuple[int, int]) -> None:
        for symbol, one in streams.items():
            if one.instrument.source == INDIA:
                times = one.rows["ts_event"]
                # What happened just before the outage and would have arrived in it is lost as well.
                one.without((one.arrivals >= outage[0]) & (times < outage[1]))
                detail = "06:00:05 to 06:10:05 UTC, no heartbeats, then 60 s of probation"
                self.planted.append(Planted("outage", "ticks.raw", symbol, 9, "gap: outage", detail))

    def _bars(self) -> list[Part]:
        parts: list[Part] = []
        for number, one in enumerate(INSTRUMENTS):
            if one.record == "Bar":
                rows = vendor.bars(self._rngs[number], one, self._minutes[one.symbol], self._texts)
                found, planted = vendor.plant(one, rows, self._texts)
                parts += found
                self.planted += planted
        arrivals = np.concatenate([part.times for part in parts])
        return [*parts, *beats.of_bars(self._texts, beats.due(arrivals, *self.hours), arrivals)]


def _minutes(domain: Domain, start: int) -> dict[str, Ints]:
    """Expected minutes of each symbol within the day."""
    calendars = {symbol.symbol: symbol.calendar for symbol in domain.symbols}
    if missing := [one.symbol for one in INSTRUMENTS if one.symbol not in calendars]:
        raise ConfigurationError(f"symbols must have those of the simulated day, was without {missing!r}")
    return {one.symbol: _open_minutes(domain.calendars[calendars[one.symbol]], start) for one in INSTRUMENTS}


def _open_minutes(rows: CalendarRows, start: int) -> Ints:
    every = np.arange(start, start + DAY, MINUTE)
    minutes = every[Grid(rows).contains(every)]
    if len(minutes) == 0:
        raise ConfigurationError(f"calendar {rows.name} must have a session on the simulated day, was none")
    return minutes


def _hours(minutes: Ints) -> tuple[int, int]:
    return int(minutes[0]), int(minutes[-1]) + MINUTE


__all__ = ["BARS", "INDIA", "SIMULATED", "TICKS", "Simulator"]
