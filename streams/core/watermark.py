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

import struct
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.config import Domain
from schemas.errors import StateError

Ints: TypeAlias = NDArray[np.int64]

NEVER: Final = -(1 << 62)
"""An instant before all others, far enough from the edge to be reckoned with."""
FOREVER: Final = 1 << 62
"""An instant after all others."""

MOST_SOURCES: Final = 256
"""A partition remembers so many sources; heartbeats of further ones are ignored."""
MOST_WRITERS: Final = 1024
"""A partition remembers so many (source, writer); heartbeats of further ones are ignored."""
NAME_SIZE: Final = 64
"""Most bytes of a source's or a writer's name; a longer one is no source."""

RELAY: Final = b"ticks"
"""The writer that passes heartbeats on; what it writes came another way than what a source writes."""

_MS: Final = 1_000_000

SOURCE: Final = np.dtype(
    [
        ("name", f"S{NAME_SIZE}"),
        ("mark", "<i8"),
        ("ts", "<i8"),  # last heartbeat
        ("ts_through", "<i8"),
        ("ts_last", "<i8"),
        ("relayed", "<i8"),  # which way the last heartbeat came: 0 straight, 1 through ticks
        ("up", "<i8"),  # 1 while heartbeats are good
        ("ts_born", "<i8"),  # first good heartbeat
        ("ts_good", "<i8"),  # last good heartbeat
        ("ts_failed", "<i8"),  # last proof of life before the last outage
        ("ts_since", "<i8"),  # first good heartbeat after the last outage
    ]
)
"""One source of a partition; instants in nanoseconds, ``NEVER`` where there was none."""

WRITER: Final = np.dtype([("source", "<i8"), ("writer", f"S{NAME_SIZE}"), ("ts", "<i8")])
"""The last heartbeat of one writer about one source."""

_HEAD: Final = struct.Struct("<iiqq")  # sources, writers, newest heartbeat of each way


class Liveness(IntEnum):
    """Whether a source counts."""

    DEAD = 0
    PROBATION = 1
    """good again, but not for long enough after a failure"""
    ALIVE = 2


class Watermarks:
    """Marks and liveness of the sources of one partition.

    Sources are numbered in the order in which the partition met them; while this object lives, numbers don't
    change.

    Attributes:
        sources: ``SOURCE`` rows by number. Replaced when a source is added: don't keep it.
        turns: grows when a source is added or what ``outages`` says changes; not part of the state.
    """

    def __init__(self) -> None:
        self.sources = np.zeros(0, SOURCE)
        self.turns = 0
        self._writers = np.zeros(0, WRITER)
        self._numbers: dict[bytes, int] = {}
        self._rows: dict[tuple[int, bytes], int] = {}
        self._newest = [NEVER, NEVER]
        self._oldest = [NEVER, NEVER]  # at most the oldest last heartbeat of those alive, by way
        self._timeout = Domain(0).source_timeout_ms * _MS
        self._probation = Domain(0).probation_ms * _MS
        self._polls: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.sources)

    def configure(self, domain: Domain) -> None:
        """Take the limits of liveness from the configuration; marks and liveness stay as they are."""
        self._timeout = domain.source_timeout_ms * _MS
        self._probation = domain.probation_ms * _MS
        self._polls = {source.name.encode(): source.poll_ms * _MS for source in domain.sources}

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
        row = np.zeros(1, SOURCE)
        for field in ("mark", "ts", "ts_through", "ts_last", "ts_good", "ts_failed", "ts_since"):
            row[field] = NEVER
        row["name"], row["ts_born"] = source, FOREVER
        self.sources = np.concatenate([self.sources, row])
        self._numbers[source] = len(self) - 1
        self.turns += 1
        return len(self) - 1

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
        number = self.add(source) if all(map(_is_instant, (ts, ts_through, ts_last))) else -1
        if number < 0 or not self._is_newer(number, writer, ts):
            return -1
        row = self.sources[number]
        relayed = int(writer == RELAY)
        row["ts"], row["ts_through"], row["relayed"] = ts, ts_through, relayed
        row["ts_last"] = max(int(row["ts_last"]), ts_last)
        row["mark"] = max(int(row["mark"]), ts_through)
        self._newest[relayed] = max(self._newest[relayed], ts)
        self._bury(relayed)
        self._judge(row, alive=alive)
        return number

    def _is_newer(self, number: int, writer: bytes, ts: int) -> bool:
        at = self._rows.get((number, writer))
        if at is None:
            if not is_name(writer) or len(self._writers) >= MOST_WRITERS:
                return False
            at = self._rows[number, writer] = len(self._writers)
            self._writers = np.concatenate([self._writers, np.array([(number, writer, NEVER)], WRITER)])
        if ts <= int(self._writers[at]["ts"]):
            return False
        self._writers[at]["ts"] = ts
        return True

    def _bury(self, relayed: int) -> None:
        """Every source whose last heartbeat became too old against the newest of its way has failed."""
        limit = self._newest[relayed] - self._timeout
        if self._oldest[relayed] >= limit:
            return
        alive = self.sources[(self.sources["up"] == 1) & (self.sources["relayed"] == relayed)]
        self._oldest[relayed] = int(
            alive["ts"].min(initial=self._newest[relayed], where=alive["ts"] >= limit)
        )
        for name in alive["name"][alive["ts"] < limit]:
            self._fail(self.sources[self._numbers[bytes(name)]])

    def _judge(self, row: np.void, *, alive: bool) -> None:
        ts = int(row["ts"])
        lag = 2 * self._polls.get(bytes(row["name"]), 0) or self._timeout
        fresh = self._newest[int(row["relayed"])] - ts <= self._timeout
        if not (alive and fresh and ts - int(row["ts_through"]) <= lag):
            self._fail(row)
            return
        if int(row["ts_born"]) == FOREVER:
            row["ts_born"] = ts
        elif not row["up"]:
            row["ts_since"] = ts
        self.turns += 1 - int(row["up"])
        row["up"], row["ts_good"] = 1, ts
        self._oldest[int(row["relayed"])] = min(self._oldest[int(row["relayed"])], ts)

    def _fail(self, row: np.void) -> None:
        if not row["up"]:
            return
        if self._status(row) is Liveness.ALIVE:  # a failure in probation prolongs the outage
            row["ts_failed"] = row["ts_good"]
        row["up"] = 0
        self.turns += 1

    def _status(self, row: np.void) -> Liveness:
        if not row["up"]:
            return Liveness.DEAD
        served = int(row["ts_good"]) - int(row["ts_since"])
        return Liveness.ALIVE if served >= self._probation else Liveness.PROBATION

    def status(self, number: int) -> Liveness:
        """Liveness of a source; -1 is dead."""
        return self._status(self.sources[number]) if number >= 0 else Liveness.DEAD

    def mark(self, number: int) -> int:
        """Mark of a source in ns, ``NEVER`` where there is none; -1 has none."""
        return int(self.sources[number]["mark"]) if number >= 0 else NEVER

    def ts_last(self, number: int) -> int:
        """Last record of a source as its heartbeats say, in ns, ``NEVER`` where there is none."""
        return int(self.sources[number]["ts_last"]) if number >= 0 else NEVER

    def raise_mark(self, number: int, ts: int) -> None:
        """Raise the mark of a source to an instant in ns; it never falls."""
        self.sources["mark"][number] = max(self.mark(number), ts)

    def newest(self) -> int:
        """Event time of the newest heartbeat of any writer, in ns."""
        return max(self._newest)

    def outages(self) -> tuple[Ints, Ints, Ints]:
        """By source: first proof of life, and start and end of the last outage (``FOREVER`` while it lasts).

        What lies in [start, end) or before the first is not known to be whole.
        """
        rows = self.sources
        ends = np.where(rows["up"] == 1, rows["ts_since"], FOREVER)
        return rows["ts_born"].copy(), rows["ts_failed"].copy(), ends

    def is_whole(self, number: int, ts_open: int, ts_close: int) -> bool:
        """Whether heartbeats say that a source was alive for the whole of [ts_open, ts_close)."""
        if number < 0:
            return False
        born, starts, ends = (int(column[number]) for column in self.outages())
        return born <= ts_open and not (starts < ts_close and ends > ts_open)

    def pack(self) -> bytes:
        """The state, to be part of the partition's own: by name, so that equal states have equal bytes.

        Numbers are given anew when it is restored.
        """
        order = np.argsort(self.sources["name"])
        writers = self._writers.copy()
        writers["source"] = np.argsort(order)[writers["source"]]
        writers = writers[np.lexsort((writers["writer"], writers["source"]))]
        head = _HEAD.pack(len(order), len(writers), *self._newest)
        return head + self.sources[order].tobytes() + writers.tobytes()

    def restore(self, body: bytes) -> None:
        """Take up what ``pack`` gave.

        Raises:
            StateError: it is not of the right size.
        """
        sources, writers, straight, relayed = _HEAD.unpack_from(body)
        end = _HEAD.size + sources * SOURCE.itemsize
        if len(body) != end + writers * WRITER.itemsize:
            raise StateError(f"watermark state must fit its counts, was {len(body)!r} bytes")
        self.sources = np.frombuffer(body[_HEAD.size : end], SOURCE).copy()
        self._writers = np.frombuffer(body[end:], WRITER).copy()
        self._newest = [straight, relayed]
        self._oldest = [NEVER, NEVER]
        self.turns += 1
        self._numbers = {bytes(name): number for number, name in enumerate(self.sources["name"])}
        self._rows = {(int(row["source"]), bytes(row["writer"])): at for at, row in enumerate(self._writers)}


def is_name(name: bytes) -> bool:
    """Whether a source or a writer can have that name: not empty, at most ``NAME_SIZE`` bytes, no NUL."""
    return 0 < len(name) <= NAME_SIZE and b"\0" not in name


def _is_instant(ts: int) -> bool:
    return NEVER < ts < FOREVER
