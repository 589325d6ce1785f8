"""What is known of one mode: its configurations by place, its last values, its waiting lines.

The state of a mode holds texts of any length, so its body is MessagePack inside the header of ``slots``, not
a row of fixed cells. Its size is bounded: beyond a limit the oldest entry goes, counted in ``evicted``.
Forgetting a file or a value can only make a repeat of what was put out before, under the same key.
"""

from bisect import bisect_left, insort
from typing import Final

import msgspec

FILES: Final = 512
"""Files of a mode whose last line is remembered."""

PLACES: Final = 2_048
"""Configurations of a mode that are remembered. Those that no line can need any more make room; one for which
there is no room is refused."""

STRANDS: Final = 64
"""Runs of a mode whose last equity values are remembered."""

BROKERS: Final = 256
"""Brokers of a run whose last equity value is remembered."""


class Place(msgspec.Struct, array_like=True, frozen=True):
    """One configuration in its place.

    Attributes:
        line: number in its file, 0 from the store.
        scanned: found by the opening scan.
        strand_id: its run.
        live: whether the run's equity is final at once.
    """

    line: int
    scanned: bool
    strand_id: bytes
    live: bool


class File(msgspec.Struct, array_like=True):
    """One file as far as this mode is concerned.

    Attributes:
        last: the last line that was decided.
        touched: offset of the last record that named it.
        forgotten: every configuration up to this line is known, though no longer remembered.
        places: configurations by line, ascending.
    """

    last: int = 0
    touched: int = -1
    forgotten: int = -1
    places: list[Place] = []


class Origin(msgspec.Struct, array_like=True, frozen=True):
    """A record as it stood in the log: offset, timestamp in ms, original key and value."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes


class Ending(msgspec.Struct, array_like=True, frozen=True):
    """A ``RunEnd`` as it was read; ``reason`` is the position of its symbol."""

    strand_id: bytes
    ts_event: int
    reason: int
    replace: bool


class Parked(msgspec.Struct, array_like=True, frozen=True):
    """A record that waits for its mode's configuration.

    Attributes:
        origin: the record.
        file_id: its file.
        line: its line.
        at: where the line's bytes begin in the original value.
        size: how many they are.
        ending: set where the record is a ``RunEnd``.
    """

    origin: Origin
    file_id: bytes
    line: int
    at: int = 0
    size: int = 0
    ending: Ending | None = None

    @property
    def data(self) -> bytes:
        """Bytes of the line."""
        return self.origin.value[self.at : self.at + self.size]


class Mode(msgspec.Struct, array_like=True):
    """State of one mode.

    Attributes:
        counts: in, out, rejected, late, duplicate, held.
        version: configurations so far.
        newest: the newest in the log.
        wanted: asked for and not answered.
        unknown: answered with ``ModeUnknown``.
        evicted: entries forgotten.
        files: by file id.
        equity: last value by strand and broker.
        parked: in log order.
        parked_bytes: size of their values.
    """

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * 6)
    version: int = 0
    newest: Place | None = None
    wanted: bool = False
    unknown: bool = False
    evicted: int = 0
    files: dict[bytes, File] = {}
    equity: dict[bytes, dict[bytes, float]] = {}
    parked: list[Parked] = []
    parked_bytes: int = 0

    def file(self, file_id: bytes, offset: int) -> File:
        """The file of that id, made when it is new; the one touched longest ago goes beyond the limit."""
        file = self.files.get(file_id)
        if file is None:
            if len(self.files) >= FILES:
                del self.files[min(self.files, key=lambda name: self.files[name].touched)]
                self.evicted += 1
            file = self.files[file_id] = File()
        file.touched = offset
        return file

    def resolve(self, file_id: bytes, line: int) -> Place | None:
        """The configuration that holds for a line; None for an unknown mode."""
        file = self.files.get(file_id)
        if file is None or not file.places:
            return self.newest
        places = file.places
        if places[-1].line < line:
            return places[-1]
        at = bisect_left(places, line, key=_line)
        if at:
            return places[at - 1]
        return next((place for place in places if place.scanned), self.newest)

    def ended(self, file_id: bytes, line: int, strand_id: bytes) -> Place | None:
        """The configuration of the run that ends: the newest of that strand, else that of the last line."""
        places = [place for file in self.files.values() for place in file.places]
        if strand_id:
            own = [place for place in places if place.strand_id == strand_id]
            if self.newest is not None and self.newest.strand_id == strand_id:
                return self.newest
            if own:
                return own[-1]
        return self.resolve(file_id, line + 1)

    def knows(self, file: File, line: int) -> bool:
        """Whether a configuration of that place was taken up before."""
        at = bisect_left(file.places, line, key=_line)
        return line <= file.forgotten or (at < len(file.places) and file.places[at].line == line)

    def place(self, file: File, place: Place, version: int = 0) -> bool:
        """Take up a configuration of a place that is not known.

        Args:
            file: where it stands.
            place: the configuration.
            version: what the store counts it as; the mode's own count does not stay below it.

        Returns:
            False where there is no room for it.
        """
        if self._places() >= PLACES:
            self._forget_places()
            if self._places() >= PLACES:
                return False
        insort(file.places, place, key=_line)
        self.version = max(self.version + 1, version)
        self.newest = place
        self.wanted = self.unknown = False
        return True

    def changes(self, strand_id: bytes, broker: bytes, equity: float) -> bool:
        """Note a value; True where it differs from the last one of its run and broker."""
        brokers = self.equity.get(strand_id)
        if brokers is None:
            if len(self.equity) >= STRANDS:
                del self.equity[next(iter(self.equity))]
                self.evicted += 1
            brokers = self.equity[strand_id] = {}
        if brokers.get(broker) == equity:
            return False
        if len(brokers) >= BROKERS and broker not in brokers:
            del brokers[next(iter(brokers))]
            self.evicted += 1
        brokers[broker] = equity
        return True

    def _places(self) -> int:
        return sum(len(file.places) for file in self.files.values())

    def _forget_places(self) -> None:
        for file in self.files.values():
            # The last one before the next line still holds; those before it cannot be asked for again.
            idle = bisect_left(file.places, file.last + 1, key=_line) - 1
            if idle > 0:
                file.forgotten = file.places[idle - 1].line
                del file.places[:idle]
                self.evicted += idle


def _line(place: Place) -> int:
    return place.line


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Mode)


def encode(mode: Mode) -> bytes:
    """Body of a saved mode."""
    return _ENCODER.encode(mode)


def decode(body: bytes) -> Mode:
    """A mode from its saved body."""
    return _DECODER.decode(body)
