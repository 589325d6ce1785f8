"""A stage whose every output betrays a record that was lost or applied twice, and the same without transport.

Per symbol it counts its ticks and runs a checksum over their bytes; per partition it counts all records and
keeps the version of the newest Config. Each tick gives one Bar that carries all of it:

    symbol, ts_open = number of the tick    volume = checksum    trades = records of the partition so far
                                            revision = version of the configuration
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from schemas.columns import Columns, Draft
from schemas.records import record_type
from schemas.topics import TOPICS, Topic
from streams.core import slots
from streams.core.stage import PARTITION_KEY, Outputs

_SYMBOL = struct.Struct("<qI")
_PARTITION = struct.Struct("<qq")

Key = tuple[bytes, int]
Fact = tuple[int, int, int]


def declare(run: str) -> tuple[str, str]:
    """Topics of one run, known to this process: input and output."""
    source, target = f"{run}-in", f"{run}-out"
    TOPICS[source] = Topic(source, ("Tick", "Heartbeat", "Config"), ("test",), ("counting",))
    TOPICS[target] = Topic(target, ("Bar",), ("counting",), ("test",))
    return source, target


class Counting:
    """Counts in one partition.

    Args:
        target: output topic.
        partition: number of the partition.
    """

    skips = True

    def __init__(self, target: str, partition: int) -> None:
        self._target = target
        self._partition = partition
        self._symbols: dict[bytes, tuple[int, int, int]] = {}  # offset, count, checksum
        self._at = -1
        self._records = 0
        self._version = 0
        self._dirty: set[bytes] = set()

    def step(self, batch: Columns) -> Outputs:
        names, found = batch.topic.records, []
        for number, (kind, row, offset) in enumerate(
            zip(batch.kinds.tolist(), batch.rows.tolist(), batch.offsets.tolist(), strict=True)
        ):
            self._count(offset)
            if names[kind] == "Config":
                self._configure(int(batch.tables[kind][row]["version"]), offset)
            elif names[kind] == "Tick":
                name = batch.bytes_at(batch.tables[kind][row]["symbol"])
                found += self._tick(name, batch.bytes_at(batch.values[number]), offset)
            self._at = max(self._at, offset)
        topics = {self._target: bars(self._target, self._partition, found)} if found else {}
        return Outputs(topics, {"in": len(batch), "out": len(batch)})

    def take_dirty(self) -> dict[bytes, bytes]:
        states = {}
        for name in self._dirty:
            offset, *rest = self._symbols[name]
            states[name] = slots.pack(1, offset, _SYMBOL.pack(*rest))
        states[PARTITION_KEY] = slots.pack(1, self._at, _PARTITION.pack(self._records, self._version))
        self._dirty.clear()
        return states

    def restore(self, states: Mapping[bytes, bytes]) -> None:
        for key, state in states.items():
            offset, body = slots.unpack(1, state)
            if key == PARTITION_KEY:
                self._at, (self._records, self._version) = offset, _PARTITION.unpack(body)
            else:
                self._symbols[key] = (offset, *_SYMBOL.unpack(body))

    def _count(self, offset: int) -> None:
        if offset > self._at or not self.skips:
            self._records += 1

    def _configure(self, version: int, offset: int) -> None:
        if offset > self._at:
            self._version = max(self._version, version)

    def _tick(self, name: bytes, value: bytes, offset: int) -> list[tuple[bytes, int, Fact]]:
        last, count, checksum = self._symbols.get(name, (-1, 0, 0))
        if offset <= last and self.skips:
            return []
        count, checksum = count + 1, zlib.crc32(value, checksum)
        self._symbols[name] = (offset, count, checksum)
        self._dirty.add(name)
        return [(name, count, (checksum, self._records, self._version))]


def bars(topic: str, partition: int, found: Sequence[tuple[bytes, int, Fact]]) -> Columns:
    """The outputs as columns."""
    draft = Draft(topic, partition)
    rows = record_type("Bar").empty(len(found))
    names = [name for name, _, _ in found]
    spans = dict(zip(dict.fromkeys(names), draft.texts(dict.fromkeys(names)), strict=True))
    rows["symbol"] = np.array([spans[name] for name in names], rows["symbol"].dtype)
    rows["ts_open"] = [count for _, count, _ in found]
    rows["volume"], rows["trades"], rows["revision"] = np.array([fact for _, _, fact in found]).T
    draft.extend("Bar", rows)
    return draft.finish()


def expected(log: Iterable[tuple[str, bytes, bytes]]) -> dict[Key, Fact]:
    """The outputs of one partition, counted the plain way.

    Args:
        log: record type, symbol (or version as text) and bytes of every record, in log order.
    """
    found: dict[Key, Fact] = {}
    counts: dict[bytes, int] = {}
    checksums: dict[bytes, int] = {}
    version = 0
    for number, (record, name, value) in enumerate(log, 1):
        if record == "Config":
            version = max(version, int(name))
        if record == "Tick":
            counts[name] = counts.get(name, 0) + 1
            checksums[name] = zlib.crc32(value, checksums.get(name, 0))
            found[name, counts[name]] = (checksums[name], number, version)
    return found
