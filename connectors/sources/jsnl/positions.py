"""How far each file was read, kept in one JSON file that is replaced as a whole.

A position is saved after the records before it have arrived, so a crash repeats lines, which the stage drops,
and never skips one. Only the size a file had when it was first opened is saved before anything is sent: the
opening scan ends there for ever.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from schemas.errors import ConfigurationError


class Position(msgspec.Struct):
    """How far one file was read.

    Attributes:
        scan_size: bytes the file had when it was first opened.
        path: where it was seen first.
        offset: bytes that were read, always at the start of a line.
        line: number of the last line read, from 1.
        ts_event: time of the last line that had one, in nanoseconds.
        runs: strands by mode that were seen and have not ended; an empty strand is one whose configuration is
            not in the file.
        skipped: it is not read at all: it was rotated before its name was followed.
        head: hash of the first line.
        crc: CRC-32 of the bytes that were read; with ``head`` it tells a compressed copy.
        near: CRC-32 of the last 4,096 of them: tells a file that was written anew and begins the same.
        whole: a compressed file that was read to its end and is not read again.
        continues: id of the file that a compressed one is a copy of, empty where it is none.
    """

    scan_size: int
    path: str = ""
    offset: int = 0
    line: int = 0
    ts_event: int = 0
    runs: dict[str, list[str]] = {}
    skipped: bool = False
    head: str = ""
    crc: int = 0
    near: int = 0
    whole: bool = False
    continues: str = ""


class _File(msgspec.Struct):
    version: int
    files: dict[str, Position]


class Positions:
    """Positions by file id.

    Args:
        path: where they are kept; None keeps them in memory.

    Raises:
        ConfigurationError: the file is there and cannot be read as one.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.files: dict[str, Position] = {}
        if path is not None and path.exists():
            self.files = _read(path)

    def save(self) -> None:
        """Replace the file; after a crash it is the old one or the new one, whole."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(_File(1, self.files)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


@contextmanager
def locked(path: Path) -> Iterator[Positions]:
    """Positions that nobody else keeps meanwhile; a process that dies lets them go.

    Raises:
        ConfigurationError: another process keeps them, or they cannot be read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                f"positions must be kept by one follower, were in use ({path}; fix: another --positions)"
            ) from error
        yield Positions(path)


def _read(path: Path) -> dict[str, Position]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).files
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(
            f"positions must be a readable JSON file, was {error} ({path}); without it all is read anew"
        ) from error
