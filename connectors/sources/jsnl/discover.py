"""Which files are there to be read: one look at each directory, one ``stat`` a file."""

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from connectors.sources.jsnl.archive import UNKNOWN

_LOG: Final = logging.getLogger(__name__)
_SUFFIX: Final = ".jsnl"


class Found(NamedTuple):
    """A file that was seen.

    Attributes:
        path: where.
        named: the name it had when it was followed; another one where it was rotated.
        inode: device and inode.
        facts: size and time of the last change in nanoseconds; equal while nothing was written.
    """

    path: str
    named: str
    inode: tuple[int, int]
    facts: tuple[int, int]


class Discovery:
    """Looks for files.

    Args:
        paths: files and directories; in a directory every file with ``.jsnl`` in its name, rotated ones too.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)
        self._told: set[str] = set()

    @property
    def problems(self) -> int:
        """How many files or directories could not be read so far."""
        return len(self._told)

    def look(self) -> list[Found]:
        """All files that are there, rotated ones before those that took their names."""
        found = {file.path: file for path in self._paths for file in self._in(path)}
        return sorted(found.values(), key=_oldest_first)

    def named(self) -> Iterator[Path]:
        """The files asked for, sorted within each directory, rotated ones only in directories."""
        for path in self._paths:
            if not path.is_dir():
                yield path
                continue
            yield from (Path(file.path) for file in sorted(self._in(path)))

    def warn(self, path: str, error: object) -> None:
        """Say once that a file cannot be read."""
        if path not in self._told:
            self._told.add(path)
            _LOG.warning("file must be readable, was %s (%s)", error, path)

    def _in(self, path: Path) -> Iterator[Found]:
        folder, whole = (path, True) if path.is_dir() else (path.parent, False)
        if not whole and not path.exists():
            self.warn(str(path), "not there yet")
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    rotated = entry.name == path.name or entry.name.startswith(path.name + ".")
                    if (_SUFFIX in entry.name) if whole else rotated:
                        yield from self._file(entry, entry.path if whole else str(path))
        except OSError as error:
            self.warn(str(folder), error)

    def _file(self, entry: os.DirEntry[str], named: str) -> Iterator[Found]:
        try:
            if not entry.is_file():
                return
            facts = entry.stat()
        except OSError as error:
            self.warn(entry.path, error)
            return
        if entry.name.endswith(UNKNOWN):
            self.warn(entry.path, "compressed otherwise than .gz, .bz2 or .xz")
        else:
            inode = (facts.st_dev, facts.st_ino)
            yield Found(entry.path, named, inode, (facts.st_size, facts.st_mtime_ns))


def stem_of(path: str) -> str:
    """What a file and those it was rotated to have in common."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition(_SUFFIX)[0]}"


def _oldest_first(file: Found) -> tuple[str, int, str]:
    return stem_of(file.named), file.facts[1], file.path
