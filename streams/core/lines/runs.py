"""The decisions over one mode: place a configuration, apply or park a line, pass on the end of a run."""

from typing import Final

import msgspec

from schemas.config import Domain
from schemas.jsnl import AGAIN, TEXT_LIMIT, Rejected, Started
from streams.core.lines.emit import DUPLICATE, HELD, IN, OUT, REJECTED, Emitter
from streams.core.lines.modes import PLACES, Ending, File, Mode, Origin, Parked, Place
from streams.core.lines.parse import Items, OtherItem, parse
from streams.core.lines.read import Batch, LineRow, ModeConfigRow, ModeUnknownRow, RunEndRow

_AGAIN: Final = AGAIN.encode()
_DEFAULTS: Final = Domain(version=-1)
_PARKED_LIMIT: Final = 512 * 1024
"""A saved mode must fit into one record of the changelog, whatever is configured."""


class Limits(msgspec.Struct, array_like=True):
    """What ``Config`` says about lines; the defaults hold until it comes.

    Attributes:
        version: of the ``Config``, -1 before the first.
        parked_lines: most records of one mode that wait.
        parked_bytes: their size.
        equity_on_change: whether a value equal to the last one is dropped.
    """

    version: int = -1
    parked_lines: int = _DEFAULTS.parked_lines
    parked_bytes: int = _DEFAULTS.parked_bytes
    equity_on_change: bool = _DEFAULTS.equity_on_change


class Run:
    """One mode while records of one batch are applied to it.

    Attributes:
        name: the mode.
        mode: its state, changed in place.
    """

    def __init__(self, batch: Batch, emit: Emitter, limits: Limits) -> None:
        self.name = b""
        self.mode = Mode()
        self._batch = batch
        self._emit = emit
        self._limits = limits

    def line(self, row: LineRow, index: int) -> None:
        """Apply, park or refuse a line."""
        self.count(IN)
        file = self.mode.file(row.file_id, int(self._batch.offsets[index]))
        if row.line <= file.last:
            self.count(DUPLICATE)
            return
        parsed = unreadable(row) or parse(row.data, self.name)
        if isinstance(parsed, Started):
            self._configure(file, _configured(row, parsed), index)
            return
        begins, file.last = file.last == 0, row.line
        if isinstance(parsed, Rejected):
            self.reject(self._batch.origin(index), parsed.code, parsed.detail)
            return
        place = self.mode.resolve(row.file_id, row.line)
        if place is not None:
            if begins and row.file_id.startswith(_AGAIN):
                self.mode.equity.pop(place.strand_id, None)
            self.count(OUT)
            self._items(place, parsed, index)
        else:
            self._park(self._parked(row, index), parsed.ts_event)

    def configuration(self, row: ModeConfigRow, index: int) -> None:
        """Place a configuration; a mode that becomes known gets its parked records."""
        self.count(IN)
        self._configure(self.mode.file(row.file_id, int(self._batch.offsets[index])), row, index)

    def unknown(self, row: ModeUnknownRow) -> None:
        """Give up what is parked; the mode stays unknown until a configuration comes."""
        self.count(IN)
        if self.mode.newest is not None or self.mode.unknown:
            self.count(DUPLICATE)
            return
        self.count(OUT)
        self.mode.unknown, self.mode.wanted = True, False
        for parked in self._unpark():
            self.reject(parked.origin, "unresolved", row.detail.decode("utf-8", "replace"))

    def end(self, row: RunEndRow, index: int) -> None:
        """Pass the end of a run on."""
        self.count(IN)
        ending = Ending(row.strand_id, row.ts_event, row.reason, bool(row.replace))
        parked = Parked(self._batch.origin(index), row.file_id, row.line, ending=ending)
        if self.mode.newest is None:
            self._park(parked, row.ts_event)
        else:
            self.count(OUT)
            self._end(parked, ending)

    def _configure(self, file: File, row: ModeConfigRow, index: int) -> None:
        if self.mode.knows(file, row.line):
            self.count(DUPLICATE)
            return
        if not 0 < len(row.strand_id) <= TEXT_LIMIT:
            self.reject(self._batch.origin(index), "config", f"strand_id must have 1 to {TEXT_LIMIT} bytes")
            return
        if not self.mode.place(
            file, Place(row.line, bool(row.scanned), row.strand_id, bool(row.live)), row.version
        ):
            too_many = f"mode must not have more than {PLACES} configurations ahead of its lines"
            self.reject(self._batch.origin(index), "config", too_many)
            return
        self.count(OUT)
        self._emit.add("ModeConfig", *row[:-1], self.mode.version)
        for parked in self._unpark():
            self.count(OUT)
            self._apply(parked)

    def _apply(self, parked: Parked) -> None:
        if parked.ending is not None:
            self._end(parked, parked.ending)
            return
        place = self.mode.resolve(parked.file_id, parked.line)
        parsed = parse(parked.data, self.name)
        if place is not None and isinstance(parsed, Items):
            self._items(place, parsed, parked.origin)

    def _items(self, place: Place, items: Items, origin: Origin | int) -> None:
        offset = int(self._batch.offsets[origin]) if isinstance(origin, int) else origin.offset
        every = not self._limits.equity_on_change
        for item in items.equity:
            if self.mode.changes(place.strand_id, item.broker, item.equity) or every:
                self._emit.add(
                    "Equity", self.name, place.strand_id, item.broker, items.ts_event, item.equity,
                    place.live, offset,
                )  # fmt: skip
        for other in items.others:
            self.other(place, other, items.ts_event, offset)
        if items.bad:
            # The line is out, not rejected: what was good in it has been admitted.
            record = self._batch.origin(origin) if isinstance(origin, int) else origin
            self._emit.dead_letter(record, "item", items.bad)

    def _end(self, end: Parked, ending: Ending) -> None:
        place = self.mode.ended(end.file_id, end.line, ending.strand_id)
        if place is not None:
            self._emit.add(
                "RunEnd", self.name, ending.strand_id or place.strand_id, end.file_id, end.line,
                ending.ts_event, ending.reason, ending.replace, place.live, end.origin.offset,
            )  # fmt: skip

    def _parked(self, row: LineRow, index: int) -> Parked:
        origin = self._batch.origin(index)
        # Avro keeps bytes as they are, so the line stands somewhere in the record's value.
        return Parked(origin, row.file_id, row.line, max(origin.value.find(row.data), 0), len(row.data))

    def other(self, place: Place, item: OtherItem, ts_event: int, offset: int) -> None:
        """Put out an item that is no equity."""
        self._emit.add(
            "Trade", self.name, place.strand_id, ts_event, item.type, item.position, item.data, place.live,
            offset,
        )  # fmt: skip

    def count(self, name: int, by: int = 1) -> None:
        """Count records."""
        self.mode.counts[name] += by
        self._emit.counts[name] += by

    def _park(self, parked: Parked, ts_event: int) -> None:
        mode = self.mode
        size = mode.parked_bytes + len(parked.origin.value)
        room = min(self._limits.parked_bytes, _PARKED_LIMIT)
        if mode.unknown or len(mode.parked) >= self._limits.parked_lines or size > room:
            why = "mode must be known" if mode.unknown else "mode must be known, and no more lines may wait"
            self.reject(parked.origin, "unresolved", why)
        else:
            mode.parked.append(parked)
            mode.parked_bytes = size
            self.count(HELD)
        if not mode.unknown and not mode.wanted:
            mode.wanted = True
            self._emit.add("ModeWanted", self.name, ts_event)

    def _unpark(self) -> list[Parked]:
        parked, self.mode.parked, self.mode.parked_bytes = self.mode.parked, [], 0
        self.count(HELD, -len(parked))
        return parked

    def reject(self, origin: Origin, code: str, detail: str) -> None:
        """Refuse a record."""
        self.count(REJECTED)
        self._emit.codes[code] += 1
        self._emit.dead_letter(origin, code, detail)


def unreadable(row: LineRow) -> Rejected | None:
    """Why the source could not read a line; None where it could."""
    return Rejected("unreadable", row.detail.decode("utf-8", "replace")) if row.detail else None


def _configured(row: LineRow, started: Started) -> ModeConfigRow:
    return ModeConfigRow(
        row.mode, started.strand_id.encode(), started.component.encode(), row.file_id, row.line, 0,
        started.ts_event, started.live, started.data, 0,
    )  # fmt: skip
