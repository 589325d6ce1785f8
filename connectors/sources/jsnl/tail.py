"""One file that may still grow: its identity, its opening scan, its lines from a position on."""

import hashlib
import os
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from connectors.sources.jsnl.archive import is_archive, unpacked
from schemas.jsnl import STRAND_STARTED, Started, fields, kind, started
from schemas.jsnl import Rejected as _Rejected

LINE_LIMIT: Final = 768 * 1024
"""Longest line in bytes that is sent; its record and its dead letter fit Kafka's default of 1 MB."""

HEAD: Final = 4_096
"""Bytes that are sent of a longer line, and that a file is told by."""

_CHUNK: Final = 4 * 1024 * 1024
_MARK: Final = STRAND_STARTED.encode()


class Raw(NamedTuple):
    """One line.

    Attributes:
        number: from 1.
        data: its bytes without the line end; the first ``HEAD`` of one that is too long.
        size: how many bytes it has.
        end: byte of the file at which the next one begins.
    """

    number: int
    data: bytes
    size: int
    end: int


class Tail:
    """A file; it stays the same file when it is renamed, also while it is released.

    Args:
        path: where it was found; a compressed one is unpacked.

    Raises:
        OSError: it cannot be opened.
        UnfinishedError: it is compressed and not whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        facts = path.stat()
        self.inode = (facts.st_dev, facts.st_ino)
        self._close: weakref.finalize[..., Tail] | None = None
        self._searched = (0, 0)  # a line that is far too long: where it begins, how far no end was found
        self._adopt(unpacked(path) if is_archive(path) else os.open(path, os.O_RDONLY))

    @property
    def is_open(self) -> bool:
        """Whether it holds a descriptor."""
        return self._close is not None

    def close(self) -> None:
        """Give its descriptor back; it is opened again by its path when it is needed."""
        if self._close is not None:
            self._close()
            self._close = None

    def _adopt(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)

    @property
    def _file(self) -> int:
        """Its descriptor.

        Raises:
            OSError: it was released and is no longer where it was seen last.
        """
        if self._close is None:
            descriptor = os.open(self.path, os.O_RDONLY)
            facts = os.fstat(descriptor)
            if (facts.st_dev, facts.st_ino) != self.inode:
                os.close(descriptor)
                raise FileNotFoundError(f"another file has its name ({self.path})")
            self._adopt(descriptor)
        return self._descriptor

    @property
    def deleted(self) -> bool:
        """Whether no name is left for it."""
        try:
            return os.fstat(self._file).st_nlink == 0
        except OSError:
            return True

    @property
    def facts(self) -> tuple[int, int]:
        """Its size and the time of its last change in nanoseconds; equal while nothing was written."""
        facts = os.fstat(self._file)
        return facts.st_size, facts.st_mtime_ns

    @property
    def size(self) -> int:
        """Its size now."""
        return os.fstat(self._file).st_size

    def identity(self, final: bool = False) -> str | None:
        """What tells the file from all others: device, inode and its first bytes.

        Args:
            final: it will not grow any more.

        Returns:
            None as long as its first line is not complete, since that may still change.
        """
        head = os.pread(self._file, HEAD, 0)
        end = head.find(b"\n")
        if end < 0 and len(head) < HEAD and not (final and head):
            return None
        digest = hashlib.sha256(b"%d %d " % self.inode + (head if end < 0 else head[:end]))
        return digest.hexdigest()[:32]

    def head(self) -> str:
        """Hash of its first line, the same in a copy."""
        return hashlib.sha256(os.pread(self._file, HEAD, 0).partition(b"\n")[0]).hexdigest()[:16]

    def checksum(self, begin: int, end: int, before: int = 0) -> int:
        """CRC-32 of some of its bytes, continued from that of what stands before them."""
        while begin < end and (chunk := os.pread(self._file, min(_CHUNK, end - begin), begin)):
            before = zlib.crc32(chunk, before)
            begin += len(chunk)
        return before

    def content(self) -> str:
        """Hash of all its bytes: the same for the same file anywhere."""
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]

    def configurations(self, size: int, final: bool) -> Iterator[tuple[int, Started]]:
        """Every configuration in the first ``size`` bytes, with its line number.

        Args:
            size: where the scan ends; a line that ends behind it is left out.
            final: the end of the file ends its last line.
        """
        offset, number = 0, 0
        while offset < size:
            lines, after = self.lines(offset, number, final=final, until=size, only=_MARK)
            if not lines:
                return
            for raw in lines:
                if (found := configuration(raw)) is not None:
                    yield raw.number, found
            offset, number = after, lines[-1].number

    def chunk(self, offset: int, *, final: bool = False) -> bytes:
        """The next complete lines as they stand, a few megabytes at most.

        Args:
            offset: where the first one begins.
            final: the end of the file ends its last line.

        Returns:
            Nothing where no line is complete, or the next one is longer than that.
        """
        chunk = os.pread(self._file, _CHUNK, offset)
        if final and offset + len(chunk) >= self.size:
            return chunk
        return chunk[: chunk.rfind(b"\n") + 1]

    def lines(
        self, offset: int, number: int, *, final: bool = False, until: int = 1 << 62, only: bytes = b""
    ) -> tuple[list[Raw], int]:
        """The next complete lines, a few megabytes at most.

        Args:
            offset: where the first one begins.
            number: number of the line before it.
            final: the end of the file ends its last line.
            until: read no further than this.
            only: those alone in which it occurs, and an empty one with the number of the last.

        Returns:
            The lines, empty ones included, and where the next one begins.
        """
        size = self.size
        end = min(until, size)
        chunk = os.pread(self._file, min(_CHUNK, max(end - offset, 0)), offset)
        last = chunk.rfind(b"\n") + 1
        if last == 0 and offset + len(chunk) < end:
            return self._long_line(offset, number, end, final and end == size, chunk)
        if final and offset + len(chunk) >= size:
            last = len(chunk)
        if not last:
            return [], offset
        if only:
            return _marked(chunk[:last], offset, number, only), offset + last
        return _split(chunk[:last], offset, number), offset + last

    def _long_line(
        self, offset: int, number: int, end: int, final: bool, chunk: bytes
    ) -> tuple[list[Raw], int]:
        # Longer than a chunk, so far too long: only its end is looked for, and never twice in the same bytes.
        begin, searched = self._searched
        at = searched if begin == offset else offset + len(chunk)
        while at < end:
            piece = os.pread(self._file, min(_CHUNK, end - at), at)
            found = piece.find(b"\n")
            if found >= 0:
                after = at + found + 1
                return [Raw(number + 1, chunk[:HEAD], after - 1 - offset, after)], after
            at += len(piece)
        if final:
            return [Raw(number + 1, chunk[:HEAD], end - offset, end)], end
        self._searched = (offset, at)
        return [], offset


def configuration(raw: Raw) -> Started | None:
    """The configuration that a line carries; None for every other line."""
    if _MARK not in raw.data or raw.size > LINE_LIMIT:
        return None
    found = fields(raw.data)
    if isinstance(found, _Rejected) or kind(found) != STRAND_STARTED:
        return None
    config = started(found)
    return None if isinstance(config, _Rejected) else config


def _marked(chunk: bytes, offset: int, number: int, mark: bytes) -> list[Raw]:
    lines, passed = [], 0
    while (hit := chunk.find(mark, passed)) >= 0:
        begin, end = chunk.rfind(b"\n", passed, hit) + 1 or passed, chunk.find(b"\n", hit) + 1 or len(chunk)
        number += chunk.count(b"\n", passed, begin)
        lines += _split(chunk[begin:end], offset + begin, number)
        number, passed = number + 1, end
    number += chunk.count(b"\n", passed) + (passed < len(chunk) and not chunk.endswith(b"\n"))
    return [*lines, Raw(number, b"", 0, offset + len(chunk))]


def _split(chunk: bytes, offset: int, number: int) -> list[Raw]:
    lines = []
    for text in chunk.removesuffix(b"\n").split(b"\n"):
        number += 1
        offset += len(text) + 1
        data = text.removesuffix(b"\r")
        lines.append(Raw(number, data if len(data) <= LINE_LIMIT else data[:HEAD], len(data), offset))
    if not chunk.endswith(b"\n"):
        lines[-1] = lines[-1]._replace(end=offset - 1)
    return lines
