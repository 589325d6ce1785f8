"""The source: finds the files, reads what is new in them, ends their runs.

::

    opened          configurations of the opening scan | lines from the position on, in order
    renamed         stays open, is read to its end, and is not read again under its new name
    truncated       a file of its own from then on
    half a line     waited for; at the end of a file that is final it is a line
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from glob import escape
from pathlib import Path
from typing import Final

from connectors.sources.jsnl.positions import Position, Positions
from connectors.sources.jsnl.rows import FileRows
from connectors.sources.jsnl.tail import Tail
from schemas.columns import Columns
from schemas.errors import SourceError

_LOG: Final = logging.getLogger(__name__)

IDLE_S: Final = 300.0
"""Seconds without a new line after which the runs of a followed file have ended."""


_BLOCK: Final = 1_000  # configurations of an opening scan that go out together
_SUFFIX: Final = ".jsnl"
_COMPRESSED: Final = (".gz", ".zst", ".bz2", ".xz")


class _Followed:
    """A file that is read: which one it is, and how far it was read."""

    def __init__(self, tail: Tail, base: str, file_id: str, position: Position, now: float) -> None:
        self.tail = tail
        self.base = base  # its identity; file_id tells apart what was written into it after a truncation
        self.file_id = file_id
        self.position = position
        self.grew = now
        self.announced = position.offset > 0


class LinesSource:
    """Strategy files as blocks of ``lines.raw``.

    Args:
        paths: files and directories; in a directory every file with ``.jsnl`` in its name, rotated ones too.
        positions: where each file was left; kept in memory where not given.
        idle_s: seconds without a new line that end a file's runs.
        now: monotonic seconds.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        positions: Positions | None = None,
        *,
        idle_s: float = IDLE_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = list(paths)
        self._positions = positions or Positions()
        self._idle_s = idle_s
        self._now = now
        self._followed: dict[tuple[int, int], _Followed] = {}
        self._unreadable: set[Path] = set()

    def blocks(self) -> Iterator[Columns]:
        """Every file to its end, one after the other: nothing grows any more.

        A file is told by its content, so the same files give the same records anywhere.

        Raises:
            SourceError: a file cannot be read.
        """
        for path in self._named():
            try:
                tail = Tail(path)
            except OSError as error:
                raise SourceError(f"file must be readable, was {error} ({path})") from error
            file_id = tail.content()
            file = _Followed(tail, file_id, file_id, Position(tail.size, str(path)), 0.0)
            yield from self._read(file, final=True)
            yield from _ended(file, "end_of_file")
            tail.close()

    def poll(self, final: bool = False) -> Iterator[Columns]:
        """What is new now.

        Args:
            final: nothing grows any more: the end of a file ends its last line and its runs.
        """
        self._discover(final)
        for inode in list(self._followed):
            file = self._current(inode, final)
            if file is None or file.position.skipped:
                continue
            yield from self._read(file, final=final)
            if final:
                yield from _ended(file, "end_of_file")
            elif self._now() - file.grew >= self._idle_s:
                yield from _ended(file, "idle")
                self._forget_deleted(file)

    def commit(self) -> None:
        """Everything yielded so far has arrived: keep the positions."""
        for file in self._followed.values():
            self._positions.files[file.file_id] = deepcopy(file.position)
        self._positions.save()

    def close(self) -> None:
        """Close all files."""
        for file in self._followed.values():
            file.tail.close()
        self._followed.clear()

    def _read(self, file: _Followed, *, final: bool) -> Iterator[Columns]:
        if not file.announced:
            yield from _announced(file, final)
            file.announced = True
        position = file.position
        while True:
            lines, offset = file.tail.lines(position.offset, position.line, final=final)
            if not lines:
                return
            file.grew = self._now()
            rows = FileRows(file.file_id, position)
            for raw in lines:
                position.line = raw.number
                rows.line(raw, raw.end > position.scan_size)
            position.offset = offset
            yield from rows.columns()

    def _discover(self, final: bool) -> None:
        begun = {position.path for position in self._positions.files.values()}
        for path, named in sorted(self._candidates().items(), key=_oldest_first):
            try:
                facts = path.stat()
                known = self._followed.get((facts.st_dev, facts.st_ino))
                if known is not None:
                    known.tail.path = path
                else:
                    self._follow(Tail(path), final, skip=named != path and str(named) not in begun)
            except OSError as error:
                if path not in self._unreadable:
                    _LOG.warning("file must be readable, was %s (%s)", error, path)
                self._unreadable.add(path)

    def _follow(self, tail: Tail, final: bool, *, skip: bool) -> None:
        """Take a file up where it was left.

        Args:
            tail: the file.
            final: it will not grow any more.
            skip: where it was never begun it is not: it was rotated before anyone followed its name.
        """
        base = tail.identity(final)
        if base is None or tail.inode in self._followed:
            tail.close()
            return
        file_id = self._newest(base)
        position = self._positions.files.get(file_id)
        if position is None or position.offset > tail.size:
            file_id = file_id if position is None else file_id + "~"
            position = self._opened(file_id, tail, skip=skip)
        self._followed[tail.inode] = _Followed(tail, base, file_id, deepcopy(position), self._now())

    def _current(self, inode: tuple[int, int], final: bool) -> _Followed | None:
        """The file behind an inode as it is now; None while a new one in it has no complete line."""
        file = self._followed[inode]
        base = file.tail.identity(final)
        if base == file.base and file.tail.size >= file.position.offset:
            return file
        if base is None:
            return None if file.position.offset else file
        file_id = base if base not in self._positions.files else self._newest(base) + "~"
        position = self._opened(file_id, file.tail)
        self._followed[inode] = _Followed(file.tail, base, file_id, deepcopy(position), self._now())
        return self._followed[inode]

    def _opened(self, file_id: str, tail: Tail, *, skip: bool = False) -> Position:
        """Position of a file that was never seen, kept at once: its opening scan ends where it ends now."""
        position = Position(tail.size, str(tail.path), skipped=skip)
        self._positions.files[file_id] = position
        self._positions.save()
        return position

    def _newest(self, file_id: str) -> str:
        while file_id + "~" in self._positions.files:
            file_id += "~"
        return file_id

    def _forget_deleted(self, file: _Followed) -> None:
        if file.tail.deleted:
            del self._followed[file.tail.inode]
            self._positions.files.pop(file.file_id, None)
            file.tail.close()

    def _named(self) -> Iterator[Path]:
        for path in self._paths:
            yield from sorted(filter(_is_jsnl, path.iterdir())) if path.is_dir() else [path]

    def _candidates(self) -> dict[Path, Path]:
        """The files asked for, and what those that were named were rotated to; each with the name it had."""
        found = {path: path for path in self._named()}
        for path in self._paths:
            if not path.is_dir():
                for rotated in filter(Path.is_file, path.parent.glob(f"{escape(path.name)}.*")):
                    found.setdefault(rotated, path)
        return found


def _oldest_first(candidate: tuple[Path, Path]) -> tuple[Path, int, str]:
    """Rotated files come before the one that took their name."""
    path, named = candidate
    stem = named.with_name(named.name.partition(_SUFFIX)[0])
    try:
        return stem, path.stat().st_mtime_ns, path.name
    except OSError:
        return stem, 0, path.name


def _is_jsnl(path: Path) -> bool:
    return _SUFFIX in path.name and path.suffix not in _COMPRESSED and path.is_file()


def _announced(file: _Followed, final: bool) -> Iterator[Columns]:
    rows = FileRows(file.file_id, file.position)
    for count, (number, found) in enumerate(file.tail.configurations(file.position.scan_size, final), 1):
        rows.scanned(number, found)
        if count % _BLOCK == 0:
            yield from rows.columns()
            rows = FileRows(file.file_id, file.position)
    yield from rows.columns()


def _ended(file: _Followed, reason: str) -> Iterator[Columns]:
    rows = FileRows(file.file_id, file.position)
    rows.end(reason)
    yield from rows.columns()
