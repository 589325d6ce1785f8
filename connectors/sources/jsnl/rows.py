"""Lines of one file as rows of ``lines.raw``, and what they say about its open runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from connectors.sources.jsnl.block import Block
from connectors.sources.jsnl.positions import Position
from connectors.sources.jsnl.tail import LINE_LIMIT, Raw, configuration
from connectors.sources.source import EVERYWHERE
from schemas.batches.wire import unpacked
from schemas.columns import Columns, Draft, Ints, Names, Rows
from schemas.jsnl import END_MARKERS, Rejected, Started, fields, glance, kind, text
from schemas.records import record_type
from schemas.tuples import rows_of_tuples

_TOPIC: Final = "lines.raw"
_MARKERS: Final = tuple(marker.encode() for marker in END_MARKERS)


class FileRows:
    """Gathers the records of one file, in order, and moves its position along.

    Args:
        file_id: identity of the file.
        position: changed in place.
        replace: the ends of its runs replace what is published of them.
    """

    def __init__(self, file_id: str, position: Position, *, replace: bool = False) -> None:
        self._replace = replace
        self._id = file_id.encode()
        self._name = Path(position.path).name.encode("utf-8", "replace")
        self._position = position
        self._tuples: dict[str, list[tuple[object, ...]]] = {}
        self._ats: dict[str, list[int]] = {}
        self._count = 0
        self._blocks: list[tuple[Block, Ints, Ints]] = []

    def scanned(self, number: int, found: Started) -> None:
        """Add a configuration that the opening scan found."""
        self._configuration(number, found, scanned=True)

    def line(self, raw: Raw, scan_ended: bool) -> None:
        """Add one line.

        Args:
            raw: the line.
            scan_ended: it begins behind the opening scan, which has sent every configuration before.
        """
        if not raw.data and raw.size == 0:
            return
        found = configuration(raw)
        if found is not None:
            if scan_ended:
                self._configuration(raw.number, found, scanned=False)
            self._open(found.mode, found.strand_id)
        elif not self._marker(raw):
            self._plain(raw)

    def block(self, block: Block, scan_size: int) -> None:
        """Add many lines.

        Args:
            block: the lines.
            scan_size: where the opening scan ended.
        """
        first = self._count
        begin = 0
        for row in np.flatnonzero(block.instants < 0).tolist():
            self._pass(block, begin, row)
            self._position.line, self._count, begin = block.number(row), first + row, row + 1
            self.line(raw := block.raw(row), raw.end > scan_size)
        self._pass(block, begin, len(block))
        self._position.line, self._count = block.number(len(block) - 1), first + len(block)
        plain = np.flatnonzero(block.instants >= 0)
        if len(plain):
            self._blocks.append((block, plain, first + plain))

    def _pass(self, block: Block, begin: int, end: int) -> None:
        """Take note of what lines say that are no others than plain ones."""
        if begin == end:
            return
        runs = self._position.runs
        if any(name not in runs for name in block.names):
            for number in dict.fromkeys(block.numbers[begin:end].tolist()):
                runs.setdefault(block.names[number], [""])
        instants = block.instants[begin:end]
        if last := instants[instants > 0][-1:].tolist():
            self._position.ts_event = last[0]

    def end(self, reason: str) -> None:
        """Add the ends of all open runs."""
        for mode, strands in self._position.runs.items():
            for strand in strands:
                self._end(mode, strand, reason)
        self._position.runs = {}

    def columns(self) -> Iterator[Columns]:
        """All records as one block, or none."""
        if not self._tuples and not self._blocks:
            return
        draft = Draft(_TOPIC, EVERYWHERE)
        for record, tuples in self._tuples.items():
            draft.extend(record, rows_of_tuples(draft, record, tuples), np.array(self._ats[record], np.int64))
        for block, plain, ats in self._blocks:
            draft.extend("Line", self._rows(draft, block, plain), ats)
        yield draft.finish()

    def _rows(self, draft: Draft, block: Block, plain: Ints) -> Rows:
        rows = record_type("Line").empty(len(plain))
        begin = int(draft.block(Names([block.data]))["at"][0])
        rows["mode"] = draft.texts(block.modes)[block.numbers[plain]]
        rows["file_id"], rows["file"], rows["detail"] = draft.texts([self._id, self._name, b""])
        rows["line"] = block.numbered(plain)
        rows["ts_event"] = block.instants[plain]
        rows["data"] = unpacked(block.spans[plain] + begin)
        return rows

    def _plain(self, raw: Raw) -> None:
        if raw.size > LINE_LIMIT:
            mode, ts_event = "", 0
            detail = f"line must have at most {LINE_LIMIT} bytes, was {raw.size}; the first stand here"
        else:
            mode, ts_event = glance(raw.data)
            detail = ""
        self._position.ts_event = ts_event or self._position.ts_event
        if mode and mode not in self._position.runs:
            self._position.runs[mode] = [""]
        self._add(
            "Line",
            (mode.encode(), self._id, self._name, raw.number, ts_event, raw.data, detail.encode()),
        )

    def _marker(self, raw: Raw) -> bool:
        if raw.size > LINE_LIMIT or not any(marker in raw.data for marker in _MARKERS):
            return False
        found = fields(raw.data)
        if isinstance(found, Rejected) or kind(found) not in END_MARKERS:
            return False
        mode, ts_event = glance(raw.data)
        if not mode:
            return False
        self._position.ts_event = ts_event or self._position.ts_event
        strands = self._position.runs.pop(mode, [""])
        strand = text(found.strand_id) or strands[-1]
        # Lines without a configuration in the file belong to the run that is now named.
        if rest := [other for other in strands if other not in {"", strand}]:
            self._position.runs[mode] = rest
        self._end(mode, strand, "marker", raw.number)
        return True

    def _open(self, mode: str, strand_id: str) -> None:
        strands = [strand for strand in self._position.runs.get(mode, []) if strand not in {"", strand_id}]
        self._position.runs[mode] = [*strands, strand_id]

    def _configuration(self, number: int, found: Started, *, scanned: bool) -> None:
        self._add(
            "ModeConfig",
            (
                found.mode.encode(), found.strand_id.encode(), found.component.encode(), self._id, number,
                scanned, found.ts_event, found.live, found.data, 0,
            ),
        )  # fmt: skip

    def _end(self, mode: str, strand: str, reason: str, number: int = 0) -> None:
        position = self._position
        code = record_type("RunEnd").code("reason", reason)
        line = number or position.line
        self._add(
            "RunEnd",
            (
                mode.encode(),
                strand.encode(),
                self._id,
                line,
                position.ts_event,
                code,
                self._replace,
                False,
                -1,
            ),
        )

    def _add(self, record: str, fields_in_order: tuple[object, ...]) -> None:
        self._tuples.setdefault(record, []).append(fields_in_order)
        self._ats.setdefault(record, []).append(self._count)
        self._count += 1
