"""Marks and liveness of the sources of one partition.

A *mark* is the event time up to which a source's records are in the log: the largest ``ts_through`` of its
heartbeats and, on ``ticks.raw``, ``min(ts_event, ts_recv)`` of its records. It never falls. What is due at
``mark - disorder`` is decided by whoever asks.

A source is *alive* while its last heartbeat says so, is not much older than the newest one that came the same
way (straight, or through ``ticks``), and promises a ``ts_through`` close to its ``ts``::

    heartbeats   +  +  +  -  -  +  +  ...  +  +           + good, - not
    liveness     ALIVE    DEAD  PROBATION  ALIVE
                       |        |          |
                 ts_failed   ts_since   ts_since + 60 s
                 (the last proof of life)

Order / Late / State / Emits:
    Order: heartbeats in log order; a mark takes records in any order.
    Late: a heartbeat not newer than the last one of its source and writer is ignored.
    State: one row a source and one a (source, writer), part of the partition's own state.
    Emits: nothing.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

import numpy as np

from schemas.config import Domain
from streams.core.source_rows import FOREVER, NAME_SIZE, NEVER, Ints, Source, packed, unpacked

__all__ = ["FOREVER", "NEVER", "Liveness", "Watermarks", "is_name"]

MOST_SOURCES: Final = 256
"""A partition remembers so many sources; heartbeats of further ones are ignored."""
MOST_WRITERS: Final = 1024
"""A partition remembers so many (source, writer); heartbeats of further ones are ignored."""

RELAY: Final = b"ticks"
"""The writer that passes heartbeats on; what it writes came another way than what a source writes."""

_MS: Final = 1_000_000


class Liveness(IntEnum):
    """Whether a source counts."""

    DEAD = 0
    PROBATION = 1
    """good again, but not for long enough after a failure"""
    ALIVE = 2


class Watermarks:
    """Marks and liveness of the sources of one partition.

    Sources are numbered in the order in which the partition met them; while this object lives, numbers don't
    change. A heartbeat is one of few things and comes often, so all is plain numbers, and arrays only when
    they are asked for.

    Attributes:
        turns: grows when a source is added or what ``outage`` says changes; not part of the state.
        shifts: grows when the liveness of any source changes; not part of the state.
        newest_last: the largest ``ts_last`` of all sources in ns, ``NEVER`` where there is none.
    """

    def __init__(self) -> None:
        self.turns = self.shifts = 0
        self.newest_last = NEVER
        self._sources: list[Source] = []
        self._numbers: dict[bytes, int] = {}
        self._writers: dict[tuple[int, bytes], int] = {}  # last heartbeat by source and writer
        self._newest = [NEVER, NEVER]
        self._oldest = [NEVER, NEVER]  # at most the oldest last heartbeat of those alive, by way
        self._timeout = Domain(0).source_timeout_ms * _MS
        self._probation = Domain(0).probation_ms * _MS
        self._polls: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def configure(self, domain: Domain) -> None:
        """Take the limits of liveness from the configuration; marks and liveness stay as they are."""
        self._timeout = domain.source_timeout_ms * _MS
        self._probation = domain.probation_ms * _MS
        self._polls = {source.name.encode(): source.poll_ms * _MS for source in domain.sources}
        self.shifts += 1

    def find(self, source: bytes) -> int:
        """Number of a source, -1 where the partition has not met it."""
        return self._numbers.get(source, -1)

    def add(self, source: bytes) -> int:
        """Number of a source, met now if it is new; -1 where its name is no name or there is no room."""
        known = self._numbers.get(source)
        if known is not None:
            return known
        if not is_name(source) or len(self) >= MOST_SOURCES:
            return -1
        self._sources.append(Source(source))
        self._numbers[source] = len(self) - 1
        self.turns += 1
        return len(self) - 1

    def lacks_room(self, source: bytes) -> bool:
        """Whether a source is one too many to be known."""
        return source not in self._numbers and is_name(source) and len(self) >= MOST_SOURCES

    def heartbeat(
        self, source: bytes, writer: bytes, ts: int, ts_through: int, ts_last: int, *, alive: bool
    ) -> int:
        """Take up a heartbeat.

        Args:
            source: the source it speaks of.
            writer: who wrote it into this topic.
            ts: its event time in ns.
            ts_through: every record up to here precedes it, in ns.
            ts_last: the source's last record of any symbol, in ns.
            alive: whether the source says it is alive.

        Returns:
            Number of the source, -1 where the heartbeat is ignored.
        """
        is_whole = _is_instant(ts) and _is_instant(ts_through) and _is_instant(ts_last)
        number = self.add(source) if is_whole else -1
        if number < 0 or not self._is_newer(number, writer, ts):
            return -1
        row = self._sources[number]
        row.ts, row.ts_through, row.relayed = ts, ts_through, int(writer == RELAY)
        row.ts_last = max(row.ts_last, ts_last)
        row.mark = max(row.mark, ts_through)
        self.newest_last = max(self.newest_last, ts_last)
        self._newest[row.relayed] = max(self._newest[row.relayed], ts)
        self._bury(row.relayed)
        self._judge(row, alive=alive)
        return number

    def _is_newer(self, number: int, writer: bytes, ts: int) -> bool:
        last = self._writers.get((number, writer))
        if last is None:
            if not is_name(writer) or len(self._writers) >= MOST_WRITERS:
                return False
        elif ts <= last:
            return False
        self._writers[number, writer] = ts
        return True

    def _bury(self, relayed: int) -> None:
        """Every source whose last heartbeat became too old against the newest of its way has failed."""
        newest = self._newest[relayed]
        limit = newest - self._timeout
        if self._oldest[relayed] >= limit:
            return
        self._oldest[relayed] = newest
        for row in self._sources:
            if not row.up or row.relayed != relayed:
                continue
            if row.ts < limit:
                self._fail(row)
            else:
                self._oldest[relayed] = min(self._oldest[relayed], row.ts)

    def _judge(self, row: Source, *, alive: bool) -> None:
        ts, relayed = row.ts, row.relayed
        lag = 2 * self._polls.get(row.name, 0) or self._timeout
        if not alive or self._newest[relayed] - ts > self._timeout or ts - row.ts_through > lag:
            self._fail(row)
            return
        was = self._status(row)
        if row.ts_born == FOREVER:
            row.ts_born = ts
        elif not row.up:
            row.ts_since = ts
        self.turns += 1 - row.up
        row.up, row.ts_good = 1, ts
        self._oldest[relayed] = min(self._oldest[relayed], ts)
        self.shifts += self._status(row) is not was

    def _fail(self, row: Source) -> None:
        if not row.up:
            return
        if self._status(row) is _ALIVE:  # a failure in probation prolongs the outage
            row.ts_failed = row.ts_good
        row.up = 0
        self.turns += 1
        self.shifts += 1

    def _status(self, row: Source) -> Liveness:
        if not row.up:
            return _DEAD
        return _ALIVE if row.ts_good - row.ts_since >= self._probation else _PROBATION

    def status(self, number: int) -> Liveness:
        """Liveness of a source; -1 is dead."""
        return self._status(self._sources[number]) if number >= 0 else _DEAD

    def name(self, number: int) -> bytes:
        """Name of a source."""
        return self._sources[number].name

    def mark(self, number: int) -> int:
        """Mark of a source in ns, ``NEVER`` where there is none; -1 has none."""
        return self._sources[number].mark if number >= 0 else NEVER

    def ts_last(self, number: int) -> int:
        """Last record of a source as its heartbeats say, in ns, ``NEVER`` where there is none."""
        return self._sources[number].ts_last if number >= 0 else NEVER

    def raise_mark(self, number: int, ts: int) -> None:
        """Raise the mark of a source to an instant in ns; it never falls."""
        self._sources[number].mark = max(self.mark(number), ts)

    def lend(self) -> Ints:
        """The marks of all sources, for a kernel that raises them; ``take_back`` gives them back."""
        return np.array([row.mark for row in self._sources], np.int64)

    def take_back(self, marks: Ints) -> None:
        """Take up marks that were lent."""
        for row, mark in zip(self._sources, marks.tolist(), strict=True):
            row.mark = mark

    def newest(self) -> int:
        """Event time of the newest heartbeat of any writer, in ns."""
        return max(self._newest)

    def outage(self, number: int) -> tuple[int, int, int]:
        """First proof of life of a source, and start and end of its last outage (``FOREVER`` while it lasts).

        What lies in [start, end) or before the first is not known to be whole.
        """
        row = self._sources[number]
        return row.ts_born, row.ts_failed, row.ts_since if row.up else FOREVER

    def is_whole(self, number: int, ts_open: int, ts_close: int) -> bool:
        """Whether heartbeats say that a source was alive for the whole of [ts_open, ts_close)."""
        if number < 0:
            return False
        born, start, end = self.outage(number)
        return born <= ts_open and not (start < ts_close and end > ts_open)

    def pack(self) -> bytes:
        """The state, to be part of the partition's own: by name, so that equal states have equal bytes.

        Numbers are given anew when it is restored.
        """
        places = self.places()
        writers = sorted((places[at], name, ts) for (at, name), ts in self._writers.items())
        return self._packed(places, writers)

    def places(self) -> dict[int, int]:
        """Numbers of the sources by name, and those they have after they were saved and restored."""
        order = sorted(range(len(self)), key=lambda number: self._sources[number].name)
        return {number: place for place, number in enumerate(order)}

    def _packed(self, order: Iterable[int], writers: list[tuple[int, bytes, int]]) -> bytes:
        return packed([self._sources[number] for number in order], writers, self._newest)

    def restore(self, body: bytes) -> None:
        """Take up what ``pack`` gave.

        Raises:
            StateError: it is not of the right size.
        """
        self._sources, writers, self._newest = unpacked(body)
        self._writers = {(number, writer): ts for number, writer, ts in writers}
        self._oldest = [NEVER, NEVER]
        self.newest_last = max((row.ts_last for row in self._sources), default=NEVER)
        self.turns += 1
        self.shifts += 1
        self._numbers = {row.name: number for number, row in enumerate(self._sources)}


_DEAD, _PROBATION, _ALIVE = Liveness


def is_name(name: bytes) -> bool:
    """Whether a source or a writer can have that name: not empty, at most ``NAME_SIZE`` bytes, no NUL."""
    return 0 < len(name) <= NAME_SIZE and b"\0" not in name


def _is_instant(ts: int) -> bool:
    return NEVER < ts < FOREVER
