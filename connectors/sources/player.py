"""Plays files as one source: merged by event time, with the heartbeats a live source would write.

One player merges all its files, so a heartbeat at second T truthfully promises everything up to T. Ticks,
their corrections and quotes go to ``ticks.raw`` under the player's name, bars to ``bars.raw`` under
``<name>.bars``.

::

    minute      09:30                09:31
    ticks.raw   t t ♥ t ♥ .. ♥ ♥c    t ..       ♥  heartbeat of the source, each second that has records
    bars.raw                   b ♥ ♥c    ..     ♥c heartbeat of the clock, each minute of a session
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from connectors.sources.files import MINUTE, FileRows, joined, times_by_symbol
from connectors.sources.timeline import CLOCK as CLOCK_RANK
from connectors.sources.timeline import SOURCE as SOURCE_RANK
from connectors.sources.timeline import Part, Timeline, heartbeats
from schemas.columns import Bytes, Columns, Ints
from schemas.config import Domain
from schemas.market.grid import Grid
from schemas.records import SPAN

CLOCK: Final = "clock"
"""Name under which the clock writes heartbeats."""

_SECOND: Final = 1_000_000_000
_TOPICS: Final = {
    "Tick": "ticks.raw", "Quote": "ticks.raw", "Correction": "ticks.raw", "Bar": "bars.raw",
}  # fmt: skip
_INTERVAL: Final = b"1m"


class Player:
    """A source that plays CSV files.

    Args:
        files: the files, in any order.
        domain: symbols and calendars, for the minutes at which heartbeats are due.
        name: name of the source.
    """

    def __init__(self, files: Sequence[FileRows], domain: Domain, name: str = "files") -> None:
        ordered = sorted(files, key=lambda file: int(file.times.min()) if len(file.times) else 0)
        self._name = name
        self._data, self._files = joined(ordered)
        self._minutes = _session_minutes(self._files, domain, self._data)
        self._tracks = [track for topic in ("ticks.raw", "bars.raw") if (track := self._track(topic))]

    def blocks(self) -> Iterator[Columns]:
        """Minute by minute: first what goes to ``ticks.raw``, then what goes to ``bars.raw``."""
        ends = np.unique(
            np.concatenate([track.minutes() for track in self._tracks] or [np.zeros(0, np.int64)])
        )
        for end in ends.tolist():
            for track in self._tracks:
                if block := track.until(end):
                    yield block

    def _track(self, topic: str) -> Timeline | None:
        files = [(n, file) for n, file in enumerate(self._files) if _TOPICS[file.record] == topic]
        name = self._name if topic == "ticks.raw" else f"{self._name}.bars"
        return _Track(topic, name, files, self._data, self._minutes).timeline if files else None


class _Track:
    """The files and heartbeats of one topic."""

    def __init__(
        self, topic: str, name: str, files: Sequence[tuple[int, FileRows]], data: Bytes, minutes: Ints
    ) -> None:
        names = name.encode() + CLOCK.encode() + _INTERVAL
        self._source = (len(data), len(name.encode()))
        self._clock = (sum(self._source), len(CLOCK))
        self._interval = (sum(self._clock), len(_INTERVAL))
        times = np.concatenate([part for _, file in files for part in (file.times, file.bad_times)])
        parts = [part for number, file in files for part in self._of_file(number, file)]
        parts += self._heartbeats(times, minutes)
        self.timeline = Timeline(topic, np.concatenate([data, np.frombuffer(names, np.uint8)]), parts)

    def _of_file(self, number: int, file: FileRows) -> Iterator[Part]:
        rows = file.rows
        rows["source"] = np.array(self._source, SPAN)
        if file.record == "Bar":
            rows["interval"] = np.array(self._interval, SPAN)
        elif file.record != "Correction":
            rows["seq"] = (number << 32) + file.lines
        yield Part(file.record, file.times, rows)
        yield Part("", file.bad_times, file.bad)

    def _heartbeats(self, times: Ints, minutes: Ints) -> Iterator[Part]:
        seconds = np.unique(-(-times // _SECOND) * _SECOND)
        due = np.union1d(seconds, minutes)
        beats = heartbeats(self._source, due)
        ordered = np.sort(times)
        last = np.searchsorted(ordered, due, side="right") - 1
        beats["ts_last"] = np.where(last >= 0, ordered[np.maximum(last, 0)], 0)
        if len(due):
            beats["final"][-1] = 1
        yield Part("Heartbeat", due, beats, SOURCE_RANK)
        yield Part("Heartbeat", minutes, heartbeats(self._clock, minutes), CLOCK_RANK)


def _session_minutes(files: Sequence[FileRows], domain: Domain, data: Bytes) -> Ints:
    """Minute boundaries from the open to one minute after the close of every trade date that has records."""
    calendars = {entry.symbol.encode(): entry.calendar for entry in domain.symbols}
    grids = {name: Grid(rows) for name, rows in domain.calendars.items()}
    dates: set[tuple[str, int]] = set()
    for file in files:
        for symbol, times in times_by_symbol(file, data):
            if calendar := calendars.get(symbol):
                found = np.unique(grids[calendar].session_date(times))
                dates |= {(calendar, date) for date in found[found >= 0].tolist()}
    bounds = [grids[calendar].session_bounds(date) for calendar, date in sorted(dates)]
    minutes = [np.arange(start, end + 2 * MINUTE, MINUTE) for start, end in bounds]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *minutes]))
