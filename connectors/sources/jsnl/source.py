"""The source: finds the files, reads what is new in them, ends their runs.

::

    opened          configurations of the opening scan | lines from the position on, in order
    renamed         is read to its end, and is not read again under its new name, nor compressed
    truncated       a file of its own from then on
    half a line     waited for; at the end of a file that is final it is a line
    compressed      read once, when it is whole; its end ends its runs
"""

import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Final

from connectors.sources.jsnl import archive
from connectors.sources.jsnl.archive import Archives, UnfinishedError, is_archive
from connectors.sources.jsnl.discover import Discovery, Found, stem_of
from connectors.sources.jsnl.followed import Followed, is_at
from connectors.sources.jsnl.positions import Position, Positions
from connectors.sources.jsnl.tail import Tail
from schemas.columns import Columns
from schemas.errors import SourceError

IDLE_S: Final = 300.0
"""Seconds without a new line after which the runs of a followed file have ended."""

OPEN_LIMIT: Final = 256
"""Files kept open; of more, those that grew last. The others are opened again when they grow."""

Inode = tuple[int, int]


class LinesSource:
    """Strategy files as blocks of ``lines.raw``.

    Args:
        paths: files and directories; in a directory every file with ``.jsnl`` in its name, rotated ones too.
        positions: where each file was left; kept in memory where not given.
        idle_s: seconds without a new line that end a file's runs.
        now: monotonic seconds.
        open_limit: files kept open between two polls.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        positions: Positions | None = None,
        *,
        idle_s: float = IDLE_S,
        now: Callable[[], float] = time.monotonic,
        open_limit: int = OPEN_LIMIT,
    ) -> None:
        self.discovery = Discovery(paths)
        self._positions = positions or Positions()
        self._idle_s = idle_s
        self._now = now
        self._open_limit = open_limit
        self._followed: dict[Inode, Followed] = {}
        self._archives = Archives()
        self._moved: dict[str, Position] = {}  # since the last commit

    @property
    def followed(self) -> int:
        """How many files are followed."""
        return len(self._followed)

    @property
    def opened(self) -> int:
        """How many of them are open."""
        return sum(file.tail.is_open for file in self._followed.values())

    @property
    def unread(self) -> int:
        """Bytes that were there at the last look and were not read, half lines included."""
        return sum(max(file.seen[0] - file.position.offset, 0) for file in self._followed.values())

    def blocks(self, again: str = "") -> Iterator[Columns]:
        """Every file to its end, one after the other: nothing grows any more.

        A file is told by its content, so the same files give the same records anywhere.

        Args:
            again: begins the ids of files that are sent again; the ends of their runs then replace what is
                published of them.

        Raises:
            SourceError: a file cannot be read.
        """
        for path in self.discovery.named():
            try:
                tail = Tail(path)
            except (OSError, UnfinishedError) as error:
                raise SourceError(f"file must be readable, was {error} ({path})") from error
            file_id = again + tail.content()
            position = Position(tail.size, str(path))
            file = Followed(tail, file_id, file_id, position, 0.0, replace=bool(again))
            yield from file.read(0.0, final=True)
            yield from file.ends("end_of_file")
            tail.close()

    def poll(self, final: bool = False) -> Iterator[Columns]:
        """What is new now.

        Args:
            final: nothing grows any more: the end of a file ends its last line and its runs.
        """
        due = self._discover(final)
        for inode in list(self._followed):
            try:
                yield from self._news(inode, final)
            except OSError as error:
                file = self._followed.pop(inode)
                self.discovery.warn(str(file.tail.path), error)
                file.tail.close()
        for found in due:
            yield from self._unpacked(found)
        self._release()

    def commit(self) -> None:
        """Everything yielded so far has arrived: keep the positions."""
        if not self._moved:
            return
        self._positions.files |= deepcopy(self._moved)
        self._moved.clear()
        self._positions.save()

    def close(self) -> None:
        """Close all files."""
        for file in self._followed.values():
            file.tail.close()
        self._followed.clear()

    def _news(self, inode: Inode, final: bool) -> Iterator[Columns]:
        file = self._followed[inode]
        if final or file.seen != file.done:
            seen = file.seen
            current = self._current(inode, final)
            if current is None or current.position.skipped:
                return
            file = current
            yield from self._moving(file, file.read(self._now(), final=final))
            file.done = seen
        if final or self._now() - file.grew >= self._idle_s:
            yield from self._moving(file, file.ends("end_of_file" if final else "idle"))
            if file.gone and file.tail.deleted:
                del self._followed[inode]
                self._positions.files.pop(file.file_id, None)
                self._moved.pop(file.file_id, None)
                file.tail.close()

    def _moving(self, file: Followed, blocks: Iterator[Columns]) -> Iterator[Columns]:
        for block in blocks:
            self._moved[file.file_id] = file.position
            yield block

    def _release(self) -> None:
        """Close the files that grew the longest ago, once they are read to their end."""
        opened = [file for file in self._followed.values() if file.tail.is_open]
        idle = sorted((file for file in opened if file.done == file.seen), key=lambda file: file.grew)
        for file in idle[: max(len(opened) - self._open_limit, 0)]:
            file.tail.close()

    # -- which files there are

    def _discover(self, final: bool) -> list[Found]:
        """Take up every file that is new; gives the compressed ones that are to be read now."""
        begun = {position.path for position in self._positions.files.values()}
        known, unseen = len(self._positions.files), set(self._followed)
        due: list[Found] = []
        for found in self.discovery.look():
            skip = found.path != found.named and found.named not in begun
            unseen.discard(found.inode)
            try:
                if found.inode in self._followed:
                    self._followed[found.inode].look(found)
                elif not is_archive(found.path):
                    self._follow(Tail(Path(found.path)), found, final, skip=skip)
                elif not skip and self._archives.is_due(found, at_once=final):
                    due.append(found)
            except OSError as error:
                self.discovery.warn(found.path, error)
        for inode in unseen:
            self._followed[inode].vanished()
        if len(self._positions.files) > known:
            self._positions.save()  # before anything is sent: an opening scan ends where it ends now
        return due

    def _follow(self, tail: Tail, found: Found, final: bool, *, skip: bool) -> None:
        """Take a file up where it was left.

        Args:
            tail: the file.
            found: where it was found.
            final: it will not grow any more.
            skip: where it was never begun it is not: it was rotated before anyone followed its name.
        """
        base = tail.identity(final)
        if base is None:
            tail.close()
            return
        file_id = self._newest(base)
        position = self._positions.files.get(file_id)
        if position is None or not (position.skipped or is_at(tail, position)):
            file_id = file_id if position is None else file_id + "~"
            position = self._opened(file_id, tail, skip=skip)
        file = Followed(tail, base, file_id, deepcopy(position), self._now())
        file.seen = found.facts
        self._followed[found.inode] = file
        if position.skipped or len(self._followed) > self._open_limit:
            tail.close()

    def _current(self, inode: Inode, final: bool) -> Followed | None:
        """The file behind an inode as it is now; None while a new one in it has no complete line."""
        file = self._followed[inode]
        if file.position.skipped:
            return file
        base = file.tail.identity(final)
        if base == file.base and file.goes_on():
            return file
        if base is None:
            return None if file.position.offset else file
        file_id = base if base not in self._positions.files else self._newest(base) + "~"
        position = self._opened(file_id, file.tail)
        self._positions.save()
        fresh = Followed(file.tail, base, file_id, deepcopy(position), self._now())
        fresh.seen = file.seen
        self._followed[inode] = fresh
        return fresh

    def _opened(self, file_id: str, tail: Tail, *, skip: bool = False) -> Position:
        """Position of a file that was never seen; its opening scan ends where it ends now."""
        position = Position(tail.size, str(tail.path), skipped=skip, head=tail.head())
        self._positions.files[file_id] = position
        return position

    def _newest(self, file_id: str) -> str:
        while file_id + "~" in self._positions.files:
            file_id += "~"
        return file_id

    # -- compressed files

    def _unpacked(self, found: Found) -> Iterator[Columns]:
        """A compressed file that is whole, read once."""
        path = Path(found.path)
        base = archive.identity(path, found.inode)
        known = self._positions.files.get(base)
        if known is not None and known.whole:
            return
        try:
            tail = Tail(path)
        except UnfinishedError as error:
            self.discovery.warn(found.path, error)
            return
        except OSError as error:
            self.discovery.warn(found.path, error)
            self._archives.again(found)
            return
        file_id, position = self._copied(tail, found) or (base, known)
        if position is None:
            position = deepcopy(self._opened(base, tail))
            self._positions.save()
        file = Followed(tail, base, file_id, position, self._now())
        yield from self._moving(file, file.read(self._now(), final=True))
        yield from self._moving(file, file.ends("end_of_file"))
        tail.close()
        self._moved[file_id] = position
        self._moved[base] = Position(position.scan_size, found.path, whole=True)

    def _copied(self, tail: Tail, found: Found) -> tuple[str, Position] | None:
        """The file that a compressed one is a copy of: it begins with all that was read of that one."""
        head, stem, size = tail.head(), stem_of(found.named), tail.size
        live = {file.file_id: file.position for file in self._followed.values()}
        best: tuple[str, Position] | None = None
        for file_id, position in (self._positions.files | self._moved | live).items():
            if position.head == head and 0 < position.offset <= size and stem_of(position.path) == stem:
                longer = best is None or position.offset > best[1].offset
                if longer and tail.checksum(0, position.offset) == position.crc:
                    best = (file_id, position)
        return best
