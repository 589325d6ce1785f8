"""Plays files as one source: merged by event time, with the heartbeats a live source would write.

One player merges all its files, so a heartbeat at second T truthfully promises everything up to T. Ticks and
quotes go to ``ticks.raw`` under the player's name, bars to ``bars.raw`` under ``<name>.bars``.

::

    minute      09:30                09:31
    ticks.raw   t t ♥ t ♥ .. ♥ ♥c    t ..       ♥  heartbeat of the source, each second that has records
    bars.raw                   b ♥ ♥c    ..     ♥c heartbeat of the clock, each minute of a session
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from connectors.sources.files import MINUTE, FileRows, joined, times_by_symbol
from connectors.sources.source import EVERYWHERE
from schemas.columns import UNDECODABLE, Bytes, Columns, Ints, Rows
from schemas.config import Domain
from schemas.market.grid import Grid
from schemas.records import SPAN, record_type
from schemas.topics import TOPICS

CLOCK: Final = "clock"
"""Name under which the clock writes heartbeats."""

_SECOND: Final = 1_000_000_000
_TOPICS: Final = {"Tick": "ticks.raw", "Quote": "ticks.raw", "Bar": "bars.raw"}
_RECORD, _SOURCE, _CLOCK = 0, 1, 2  # order within one instant


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

    def _track(self, topic: str) -> "_Track | None":
        files = [(n, file) for n, file in enumerate(self._files) if _TOPICS[file.record] == topic]
        name = self._name if topic == "ticks.raw" else f"{self._name}.bars"
        return _Track(topic, name, files, self._data, self._minutes) if files else None


class _Track:
    """Everything that goes to one topic, in order, handed out minute by minute."""

    def __init__(
        self, topic: str, name: str, files: Sequence[tuple[int, FileRows]], data: Bytes, minutes: Ints
    ) -> None:
        names = np.frombuffer(name.encode() + CLOCK.encode(), np.uint8)
        self._topic = TOPICS[topic]
        self._data = np.concatenate([data, names])
        self._source = (len(data), len(name.encode()))
        self._clock = (len(data) + len(name.encode()), len(CLOCK))
        self._next = 0
        self._tables = [record_type(record).empty(0) for record in self._topic.records]
        times = [part for _, file in files for part in (file.times, file.bad_times)]
        self._parts: list[tuple[int, Ints, Rows, int]] = []
        for number, file in files:
            self._add_file(number, file)
        self._add_heartbeats(np.concatenate(times), minutes)
        self._order()

    def minutes(self) -> Ints:
        """End of each minute that has something to send, ascending."""
        return np.unique(-(-self._at // MINUTE) * MINUTE)

    def until(self, end: int) -> Columns | None:
        """What is to be sent up to and including an instant, and was not handed out yet."""
        low, high = self._next, int(np.searchsorted(self._at, end, side="right"))
        self._next = high
        return self._block(low, high) if high > low else None

    def _add_file(self, number: int, file: FileRows) -> None:
        rows = file.rows
        rows["source"] = np.array(self._source, SPAN)
        if "seq" in (rows.dtype.names or ()):
            rows["seq"] = (number << 32) + file.lines
        self._add(self._topic.kind(file.record), file.times, rows, _RECORD)
        if len(file.bad):
            self._parts.append((UNDECODABLE, file.bad_times, file.bad, _RECORD))

    def _add_heartbeats(self, times: Ints, minutes: Ints) -> None:
        seconds = np.unique(-(-times // _SECOND) * _SECOND)
        due = np.union1d(seconds, minutes)
        kind = self._topic.kind("Heartbeat")
        beats = self._heartbeats(self._source, due)
        ordered = np.sort(times)
        last = np.searchsorted(ordered, due, side="right") - 1
        beats["ts_last"] = np.where(last >= 0, ordered[np.maximum(last, 0)], 0)
        clock = self._heartbeats(self._clock, minutes)
        if len(due):
            beats["final"][-1] = 1
        self._add(kind, clock["ts"].astype(np.int64), clock, _CLOCK)
        self._add(kind, due, beats, _SOURCE)

    def _heartbeats(self, span: tuple[int, int], due: Ints) -> Rows:
        beats = record_type("Heartbeat").empty(len(due))
        beats["source"] = beats["writer"] = np.array(span, SPAN)
        beats["ts"] = beats["ts_last"] = beats["ts_through"] = due
        beats["alive"] = 1
        return beats

    def _add(self, kind: int, times: Ints, rows: Rows, rank: int) -> None:
        self._parts.append((kind, times, rows, rank))

    def _order(self) -> None:
        """Lay the parts down by (time, rank, order of adding): tables, kinds and rows in sending order."""
        at = np.concatenate([times for _, times, _, _ in self._parts])
        kinds = np.concatenate([np.full(len(times), kind, np.int8) for kind, times, _, _ in self._parts])
        ranks = np.concatenate([np.full(len(times), rank, np.int8) for _, times, _, rank in self._parts])
        order = np.lexsort((ranks, at))
        self._at, self._kinds = at[order], kinds[order]
        self._places = [np.flatnonzero(self._kinds == kind) for kind in range(len(self._tables))]
        self._values = np.zeros(len(at), SPAN)
        self._values["size"] = -1
        for kind in np.unique(kinds).tolist():
            rows = np.concatenate([rows for k, _, rows, _ in self._parts if k == kind])
            within = np.cumsum(kinds == kind) - 1
            rows = rows[within[order[self._kinds == kind]]]
            if kind == UNDECODABLE:
                self._values[self._kinds == kind] = rows
            else:
                self._tables[kind] = rows
        self._parts = []

    def _block(self, low: int, high: int) -> Columns:
        kinds = self._kinds[low:high]
        rows = np.full(high - low, -1, np.int32)
        tables = []
        for table, places in zip(self._tables, self._places, strict=True):
            first, end = np.searchsorted(places, (low, high)).tolist()
            rows[places[first:end] - low] = np.arange(end - first)
            tables.append(table[first:end])
        keys = np.zeros(high - low, SPAN)
        keys["size"] = -1
        stamps = self._at[low:high] // 1_000_000
        return Columns(
            self._topic, EVERYWHERE, kinds, rows, tuple(tables), self._data,
            np.zeros(0, np.int64), stamps, keys, self._values[low:high],
        )  # fmt: skip


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
