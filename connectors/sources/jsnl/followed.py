"""One file while it is read: its configurations, its lines, the ends of its runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.sources.jsnl.block import Block
from connectors.sources.jsnl.discover import Found
from connectors.sources.jsnl.positions import Position
from connectors.sources.jsnl.rows import FileRows
from connectors.sources.jsnl.tail import HEAD, Tail
from schemas.columns import Columns

_BLOCK: Final = 1_000  # configurations of an opening scan that go out together


class Followed:
    """A file that is read.

    Args:
        tail: the file.
        base: its identity.
        file_id: the identity that its lines carry; it tells apart what was written after a truncation.
        position: how far it was read, moved along.
        now: monotonic seconds.
        replace: the ends of its runs replace what is published of them.

    Attributes:
        grew: when its last line was read.
        seen: size and time of its last change, as of the last look.
        done: the same, as of the last reading; None before the first.
        gone: it was not there at the last look.
    """

    def __init__(
        self, tail: Tail, base: str, file_id: str, position: Position, now: float, *, replace: bool = False
    ) -> None:
        self.tail = tail
        self.base = base
        self.file_id = file_id
        self.position = position
        self.grew = now
        self.seen = (-1, -1)
        self.done: tuple[int, int] | None = None
        self.gone = False
        self._replace = replace
        self._announced = position.offset > 0

    def look(self, found: Found) -> None:
        """Take note of where it is now and whether it changed."""
        self.tail.path, self.seen, self.gone = Path(found.path), found.facts, False

    def vanished(self) -> None:
        """It has no name where files are looked for; as long as it is open it is read all the same."""
        self.gone = True
        if self.tail.is_open:
            self.seen = self.tail.facts

    def read(self, now: float, *, final: bool) -> Iterator[Columns]:
        """Everything from its position on; the position stands behind what was yielded."""
        if not self._announced:
            yield from self._announcements(final)
            self._announced = True
        position = self.position
        while True:
            rows = self._rows()
            if chunk := self.tail.chunk(position.offset, final=final):
                offset = position.offset + len(chunk)
                rows.block(Block(chunk, position.offset, position.line), position.scan_size)
            else:
                lines, offset = self.tail.lines(position.offset, position.line, final=final)
                if not lines:
                    return
                for raw in lines:
                    position.line = raw.number
                    rows.line(raw, raw.end > position.scan_size)
            self.grew = now
            position.crc = self.tail.checksum(position.offset, offset, position.crc)
            position.near = self.tail.checksum(max(offset - HEAD, 0), offset)
            position.offset = offset
            yield from rows.columns()

    def ends(self, reason: str) -> Iterator[Columns]:
        """The ends of its open runs."""
        if self.position.runs:
            rows = self._rows()
            rows.end(reason)
            yield from rows.columns()

    def goes_on(self) -> bool:
        """Whether its bytes before the position are those that were read."""
        return is_at(self.tail, self.position)

    def _rows(self) -> FileRows:
        return FileRows(self.file_id, self.position, replace=self._replace)

    def _announcements(self, final: bool) -> Iterator[Columns]:
        rows = self._rows()
        found = self.tail.configurations(self.position.scan_size, final)
        for count, (number, started) in enumerate(found, 1):
            rows.scanned(number, started)
            if count % _BLOCK == 0:
                yield from rows.columns()
                rows = self._rows()
        yield from rows.columns()


def is_at(tail: Tail, position: Position) -> bool:
    """Whether what stands before a position is what was read there."""
    offset = position.offset
    return offset <= tail.size and tail.checksum(max(offset - HEAD, 0), offset) == position.near
