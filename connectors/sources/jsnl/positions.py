"""How far each file was read, kept in one JSON file that is replaced as a whole.

A position is saved after the records before it have arrived, so a crash repeats lines, which the stage drops,
and never skips one. Only the size a file had when it was first opened is saved before anything is sent: the
opening scan ends there for ever.
"""

import os
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
    """

    scan_size: int
    path: str = ""
    offset: int = 0
    line: int = 0
    ts_event: int = 0
    runs: dict[str, list[str]] = {}
    skipped: bool = False


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


def _read(path: Path) -> dict[str, Position]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).files
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(
            f"positions must be a readable JSON file, was {error} ({path}); without it all is read anew"
        ) from error
