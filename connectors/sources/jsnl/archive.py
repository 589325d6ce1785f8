"""Compressed files: unpacked into an unnamed temporary file once they are whole."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, BinaryIO, Final, cast

if TYPE_CHECKING:
    from connectors.sources.jsnl.discover import Found

_CHUNK: Final = 1024 * 1024
_HEAD: Final = 4_096
_OPENERS: Final[dict[str, Callable[..., object]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

UNKNOWN: Final = (".zst", ".lz4", ".zip", ".Z")
"""Compressed in a way that is not read."""


class UnfinishedError(Exception):
    """The stream is damaged or ends before its end mark: it is still being written, or was cut off."""


def is_archive(path: str | Path) -> bool:
    """Whether a name is that of a compressed file that can be read."""
    return os.fspath(path).endswith(tuple(_OPENERS))


def unpacked(path: Path) -> int:
    """Descriptor of a temporary file without a name that holds the unpacked bytes.

    Raises:
        UnfinishedError: the file is not whole.
        OSError: it cannot be read, or there is no room for it.
    """
    if path.stat().st_size == 0:
        raise UnfinishedError("it is empty")
    with tempfile.TemporaryFile() as room:
        try:
            with cast("BinaryIO", _OPENERS[path.suffix](path, "rb")) as source:
                copyfileobj(source, room, _CHUNK)
        except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
            raise UnfinishedError(str(error)) from error
        except OSError as error:
            if error.errno is None:  # how bz2 says that a stream is damaged
                raise UnfinishedError(str(error)) from error
            raise
        room.flush()
        return os.dup(room.fileno())


def identity(path: Path, inode: tuple[int, int]) -> str:
    """What tells a compressed file from all others, without unpacking it."""
    with path.open("rb") as file:
        return hashlib.sha256(b"%d %d packed " % inode + file.read(_HEAD)).hexdigest()[:32]


class Archives:
    """Which compressed files are due: once they did not change from one look to the next, and not again."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], tuple[int, int]] = {}
        self._read: dict[tuple[int, int], tuple[int, int]] = {}

    def is_due(self, found: Found, *, at_once: bool) -> bool:
        """Whether it is to be read now.

        Args:
            found: where it was seen.
            at_once: nothing grows any more.
        """
        rested = self._seen.get(found.inode) == found.facts
        self._seen[found.inode] = found.facts
        if self._read.get(found.inode) == found.facts:
            return False
        if rested or at_once:
            self._read[found.inode] = found.facts  # also one that is cut off: again when it has changed
            return True
        return False

    def again(self, found: Found) -> None:
        """It could not be read for a reason that may pass."""
        self._read.pop(found.inode, None)
