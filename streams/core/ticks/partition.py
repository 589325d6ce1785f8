"""What spans the pairs of a partition, and how it is saved: its sources and the configuration.

The configuration is long and seldom new, so it has two state keys of its own, used in turn: a new one goes to
the key that the last saved state of the partition does not mean, so that a restart between the two writes
still finds the old one.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from schemas.columns import Columns
from schemas.errors import StateError
from schemas.records import record_type
from streams.core import slots
from streams.core.stage import PARTITION_KEY
from streams.core.ticks.book import Book, PairNames, book, empty_book
from streams.core.ticks.halts import Halts
from streams.core.ticks.outages import Outages
from streams.core.ticks.state import State
from streams.core.ticks.version import VERSION
from streams.core.watermark import FOREVER, Watermarks

_STATUS: Final = record_type("SourceStatus")
_HALTED, _RESUMED = _STATUS.code("status", "halted"), _STATUS.code("status", "resumed")
_ALL_SYMBOLS: Final = np.uint64(_STATUS.null_bit("symbol"))

_PARTITION: Final = struct.Struct("<iq")  # which of the two configuration keys, refused without a pair
_CONFIG: Final = b"!config|%d"
_CONFIG_HEAD: Final = struct.Struct("<q")  # its version


class Partition:
    """What spans the pairs.

    Attributes:
        marks: watermarks and liveness of the sources.
        outages: of the sources.
        halts: of trading, as the sources tell of them.
        refused: how many records were refused without a pair.
    """

    def __init__(self) -> None:
        self.marks = Watermarks()
        self.outages, self.halts = Outages(), Halts()
        self.refused = 0
        self._key, self._version, self._body = 0, -1, b""  # the configuration that was saved last

    def lend_marks(self, state: State) -> None:
        """Let the kernels have the marks of a new state, and see the outages."""
        state.sources["mark"][: len(self.marks)] = self.marks.lend()
        self.outages.show(self.marks, state.sources, anew=True)

    def return_marks(self, state: State) -> None:
        """Take back the marks that kernels raised."""
        self.marks.take_back(state.sources["mark"][: len(self.marks)])

    def take_status(self, batch: Columns, at: int, in_force: Book) -> None:
        """Take up that trading is halted or goes on; nothing else that a source says of itself matters.

        Args:
            batch: the records.
            at: position of a SourceStatus.
            in_force: the configuration.
        """
        row = batch.table("SourceStatus")[batch.rows[at]]
        number = self.marks.find(batch.bytes_at(row["source"]))
        symbol = b"" if row["nulls"] & _ALL_SYMBOLS else batch.bytes_at(row["symbol"])
        ts, is_known = int(row["ts"]), symbol == b"" or in_force.knows(symbol)
        if number < 0 or not is_known or not 0 < ts < FOREVER:
            return
        if row["status"] == _HALTED:
            self.halts.begin(symbol, number, ts)
        elif row["status"] == _RESUMED:
            self.halts.end(symbol, number, ts)

    def take_evicted(self) -> dict[str, int]:
        """How many outages and halts were forgotten since the last call."""
        found = {"evicted.outage": self.outages.evicted, "evicted.halt": self.halts.evicted}
        self.outages.evicted = self.halts.evicted = 0
        return {name: count for name, count in found.items() if count}

    def save(self, in_force: Book, offset: int) -> Iterator[tuple[bytes, bytes]]:
        """Keys and saved states: the configuration where it is new, then the partition itself.

        Args:
            in_force: the configuration.
            offset: of the last record that they reflect.
        """
        if in_force.version != self._version:
            self._key, self._version, self._body = 1 - self._key, in_force.version, in_force.body
            body = _CONFIG_HEAD.pack(self._version) + self._body
            yield _CONFIG % self._key, slots.pack(VERSION, offset, body)
        places = self.marks.places()
        body = _PARTITION.pack(self._key, self.refused)
        body += self.outages.pack(places) + self.halts.pack(places) + self.marks.pack()
        yield PARTITION_KEY, slots.pack(VERSION, offset, body)

    def restore(self, states: Mapping[bytes, bytes]) -> int:
        """Take up saved states; the offset of the last record that they reflect, -1 for none.

        Raises:
            StateError: one is of another version or torn, or the configuration is not there.
        """
        if PARTITION_KEY not in states:
            return -1
        offset, body = slots.unpack(VERSION, states[PARTITION_KEY])
        self._key, self.refused = _PARTITION.unpack_from(body)
        self.marks.restore(self.halts.restore(self.outages.restore(body[_PARTITION.size :])))
        own, other = _CONFIG % self._key, _CONFIG % (1 - self._key)
        if own in states:
            _, body = slots.unpack(VERSION, states[own])
            self._version = int(_CONFIG_HEAD.unpack_from(body)[0])
            self._body = body[_CONFIG_HEAD.size :]
        elif self._key or (other in states and slots.unpack(VERSION, states[other])[0] <= offset):
            # Before the first one there is none, and the first may have been written ahead of this state.
            raise StateError(f"the configuration must be saved under {own!r}, was missing")
        return offset

    def read_back(self, known: PairNames) -> Book:
        """The pairs and rules of the configuration that was taken up, beside pairs that have state."""
        if self._version < 0:
            return empty_book(known, self.marks)
        found = book(self._version, self._body, known, self.marks)
        self.marks.configure(found.domain)
        return found
