"""The ``lines`` stage: strategy lines to configurations, equity and trades by run.

Order: log order. A configuration stands at (file_id, line) and holds for the lines behind it; where a file
    has none before a line, the first one behind it that the opening scan found; else the mode's newest.
Late: nothing is late. A line at or below the last one decided of its (mode, file_id) is a duplicate; a
    configuration of a known place changes nothing.
State: a record per mode (``modes``; bounded) and one for the partition: the configuration that holds, and
    counts of what has no mode. A line of an unknown mode is parked until ``ModeConfig`` or ``ModeUnknown``.
Emits: ``modes``, ``equity`` (values and ends of runs), ``trades`` (every other item), ``modes.wanted``,
    ``dead-letters``. A line with good and bad items counts as out, its bad items as one dead letter.
    Codes: V01 and those of ``schemas.jsnl``, and ``item``, ``unreadable``, ``unresolved``.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np

from schemas import config
from schemas.columns import Columns
from schemas.jsnl import TEXT_LIMIT, Rejected
from schemas.topics import TOPICS
from streams.core import slots
from streams.core.lines.decide import Deciding
from streams.core.lines.emit import IN, NAMES, REJECTED, Emitter
from streams.core.lines.parse import parse
from streams.core.lines.read import Batch, ConfigRow, LineRow, Row
from streams.core.lines.runs import Limits, unreadable
from streams.core.lines.table import Table
from streams.core.stage import PARTITION_KEY, Outputs

_VERSION: Final = 1
_CONFIG: Final = TOPICS["lines.raw"].kind("Config")


class _Partition(msgspec.Struct, array_like=True):
    limits: Limits = msgspec.field(default_factory=Limits)
    counts: list[int] = msgspec.field(default_factory=lambda: [0] * len(NAMES))


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Partition)


class LinesStage:
    """Decisions over one partition of ``lines.raw``.

    Args:
        partition: number of the partition.
        decoded: most modes kept decoded in memory; changes no result.
    """

    def __init__(self, partition: int, decoded: int = 4_096) -> None:
        self._partition = partition
        self._modes = Table(decoded)
        self._shared = _Partition()
        self._shared_offset = -1
        self._shared_dirty = False
        self._offset = -1

    def step(self, batch: Columns) -> Outputs:
        """Apply records in log order."""
        records, emit = Batch(batch), Emitter(self._partition)
        if len(records):
            deciding, begin = Deciding(records, self._modes, emit), 0
            for index in np.flatnonzero(records.mode_of < 0).tolist():
                if batch.kinds[index] == _CONFIG:
                    deciding.decide(begin, index, self._shared.limits)
                    begin = index + 1
                if records.offsets[index] > self._shared_offset:
                    emit.begin(index)
                    self._without_mode(records.row(index), records, index, emit)
            deciding.decide(begin, len(records), self._shared.limits)
            self._offset = int(records.offsets[-1])
            self._modes.shrink(self._offset)
        return Outputs(emit.finish(), emit.metrics())

    def take_dirty(self) -> dict[bytes, bytes]:
        """Finished copies of every state that changed since the last call."""
        states = dict(self._modes.take_dirty(self._offset))
        if self._shared_dirty:
            states[PARTITION_KEY] = slots.pack(_VERSION, self._offset, _ENCODER.encode(self._shared))
            self._shared_dirty = False
        return states

    def restore(self, states: Mapping[bytes, bytes]) -> None:
        """Take up saved states."""
        for key, state in states.items():
            if key == PARTITION_KEY:
                self._shared_offset, body = slots.unpack(_VERSION, state)
                self._shared = _DECODER.decode(body)
            else:
                self._modes.restore(key, state)

    def _without_mode(self, row: Row | None, records: Batch, index: int, emit: Emitter) -> None:
        self._shared_dirty = True
        if isinstance(row, ConfigRow):
            self._configure(row, records, index, emit)
            return
        for counts in (self._shared.counts, emit.counts):
            counts[IN] += 1
            counts[REJECTED] += 1
        refused = _refused(row)
        emit.codes[refused.code] += 1
        emit.dead_letter(records.origin(index), refused.code, refused.detail)

    def _configure(self, row: ConfigRow, records: Batch, index: int, emit: Emitter) -> None:
        limits = self._shared.limits
        if row.version <= limits.version:
            return
        try:
            domain = config.decode(row.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            emit.dead_letter(records.origin(index), "V01", f"body must be a configuration: {error}")
            return
        limits.version = row.version
        limits.parked_lines, limits.parked_bytes = domain.parked_lines, domain.parked_bytes
        limits.equity_on_change = domain.equity_on_change


def _refused(row: Row | None) -> Rejected:
    if row is None:
        return Rejected("V01", "record must be readable")
    if isinstance(row, LineRow):
        found = unreadable(row) or parse(row.data, b"")
        if isinstance(found, Rejected):
            return found
    return Rejected("mode", f"mode must have 1 to {TEXT_LIMIT} bytes")
