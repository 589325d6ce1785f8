"""The decisions over a batch: mode by mode, as many lines at once as can be decided alike.

Within a mode the records that are no plain lines (configurations, ends of runs, answers of the store) are
borders. Between two of them the lines of each file are decided together, unless the mode is unknown, a file
is sent again, or there is more than the mode can remember: then one by one, by ``runs``.
"""

from typing import Final

import numpy as np

from schemas.batches.wire import Int, U
from schemas.columns import Ints
from schemas.jit import kernel
from schemas.jsnl import AGAIN
from streams.core.lines.change import Changes
from streams.core.lines.emit import DUPLICATE, IN, OUT, Emitter
from streams.core.lines.items import Lines, named
from streams.core.lines.modes import BROKERS, FILES, STRANDS, File, Mode, Place
from streams.core.lines.read import Batch, LineRow, ModeConfigRow, ModeUnknownRow, RunEndRow
from streams.core.lines.runs import Limits, Run
from streams.core.lines.table import Table

_LINE: Final = 0
_AGAIN: Final = AGAIN.encode()


@kernel
def sift(rows: Ints, numbers: Ints, instants: Ints, last: Int, good: Ints, bad: Ints) -> tuple[Int, Int, Int]:
    """Part the lines of a file that were not decided before into those with items and those without.

    Args:
        rows: lines in log order.
        numbers: number of each line in its file, by row.
        instants: its time, negative where it has no items, by row.
        last: number of the last line decided.
        good: takes the rows with items.
        bad: takes the rows without.

    Returns:
        How many there are of each, and the number of the last line decided now.
    """
    goods, bads = np.int64(0), np.int64(0)
    for row in rows:
        if numbers[U(row)] > last:
            last = numbers[U(row)]
            if instants[U(row)] >= 0:
                good[U(goods)] = row
                goods += 1
            else:
                bad[U(bads)] = row
                bads += 1
    return goods, bads, last


def grouped(numbers: Ints) -> Ints:
    """Order in which equal numbers stand together, each group as it was."""
    narrow = len(numbers) > 0 and numbers.max() < 1 << 15  # numpy sorts 16 bits by radix
    return np.argsort(numbers.astype(np.int16) if narrow else numbers, kind="stable")


class Deciding:
    """One batch while it is decided, without a ``Config`` in it.

    Args:
        batch: the records.
        table: the modes.
        emit: what is put out.
    """

    def __init__(self, batch: Batch, table: Table, emit: Emitter) -> None:
        self._batch, self._table, self._emit = batch, table, emit
        columns = batch.columns
        rows = columns.tables[_LINE]
        self._kinds, self._row_of = columns.kinds, columns.rows
        self._indices = np.flatnonzero(columns.kinds == _LINE)
        self._indices = self._indices[np.argsort(columns.rows[self._indices], kind="stable")]
        self._numbers = rows["line"].copy()
        self._file_of, self._files = named(columns.data, rows["file_id"])
        self._lines = Lines(columns.data, rows, batch.mode_of[self._indices] >= 0)
        self._bad_rows = np.array(sorted(self._lines.bad), np.int64)
        every = np.zeros(len(rows), np.bool_)
        self._every = every
        self._changes = Changes(self._lines, emit, batch.offsets[self._indices], self._indices, every)

    def decide(self, begin: int, end: int, limits: Limits) -> None:
        """Decide the records from ``begin`` to ``end``; between two calls limits may change."""
        lines = self._row_of[begin:end][self._kinds[begin:end] == _LINE]
        self._every[lines] = not limits.equity_on_change
        run = Run(self._batch, self._emit, limits)
        order = begin + grouped(self._batch.mode_of[begin:end])
        numbers = self._batch.mode_of[order]
        borders = np.flatnonzero(np.diff(numbers)) + 1
        for part in np.split(order, borders):
            if len(part) and (number := int(self._batch.mode_of[part[0]])) >= 0:
                self._mode(run, self._batch.modes[number], part)
        self._changes.flush()

    def _mode(self, run: Run, name: bytes, part: Ints) -> None:
        """Decide the records of one mode."""
        reflected = self._table.reflected(name)
        if reflected >= 0:
            part = part[self._batch.offsets[part] > reflected]
        if not len(part):
            return
        run.name, run.mode = name, self._table.take(name)
        odd = self._kinds[part] != _LINE
        if self._lines.started:
            odd |= np.isin(self._row_of[part], list(self._lines.started)) & ~odd
        first = 0
        for place in [*np.flatnonzero(odd).tolist(), len(part)]:
            if place > first:
                self._plain(run, part[first:place])
            if place < len(part):
                self._apart(run, int(part[place]))
            first = place + 1

    def _apart(self, run: Run, index: int) -> None:
        """Decide one record."""
        self._emit.begin(index)
        row = self._batch.row(index)
        if isinstance(row, LineRow):
            if self._changes.waiting:
                self._changes.flush()
            self._emit.begin(index)
            run.line(row, index)
        elif isinstance(row, ModeConfigRow):
            run.configuration(row, index)
        elif isinstance(row, ModeUnknownRow):
            run.unknown(row)
        elif isinstance(row, RunEndRow):
            run.end(row, index)

    def _plain(self, run: Run, part: Ints) -> None:
        """Decide lines of a mode between two borders."""
        rows = self._row_of[part].astype(np.int64)
        files = self._file_of[rows]
        if len(part) == 1 or files.min() == files.max():
            groups = [(self._files[int(files[0])], part, rows)]
        else:
            order = grouped(files)
            borders = np.flatnonzero(np.diff(files[order])) + 1
            groups = [
                (self._files[int(files[own[0]])], part[own], rows[own]) for own in np.split(order, borders)
            ]
            groups.sort(key=lambda group: int(group[1][0]))
        if not self._fits(run.mode, [file_id for file_id, _, _ in groups]):
            for index in part.tolist():
                self._apart(run, index)
            return
        run.count(IN, len(part))
        for file_id, indices, own in groups:
            self._file(run, run.mode.file(file_id, int(self._batch.offsets[indices[-1]])), own)

    def _fits(self, mode: Mode, files: list[bytes]) -> bool:
        """Whether nothing can be forgotten on the way and no line waits, so that order does not matter."""
        if mode.newest is None or len(mode.files) + len(files) > FILES:
            return False
        if any(file_id.startswith(_AGAIN) for file_id in files):
            return False
        places = sum(len(mode.files[file_id].places) for file_id in files if file_id in mode.files)
        if len(mode.equity) + places + 1 > STRANDS or len(self._lines.texts) > BROKERS // 2:
            return False
        return all(len(brokers) + len(self._lines.texts) <= BROKERS for brokers in mode.equity.values())

    def _file(self, run: Run, file: File, rows: Ints) -> None:
        """Decide lines of one file."""
        good, bad = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
        found = sift(rows, self._numbers, self._lines.instants, file.last, good, bad)
        goods, bads, file.last = map(int, found)
        run.count(DUPLICATE, len(rows) - goods - bads)
        for row in bad[:bads].tolist():
            self._emit.begin(index := int(self._indices[row]))
            refused = self._lines.refused[row]
            run.reject(self._batch.origin(index), refused.code, refused.detail)
        rows = good[:goods]
        run.count(OUT, len(rows))
        for place, own in self._placed(run.mode, file, rows):
            self._changes.apply(own, run.name, run.mode, place)
        if self._lines.bad:
            self._spoiled(rows)

    def _placed(self, mode: Mode, file: File, rows: Ints) -> list[tuple[Place, Ints]]:
        """The configuration of each line."""
        if not len(rows) or mode.newest is None:
            return []
        if not file.places:
            return [(mode.newest, rows)]
        borders = np.searchsorted(np.array([place.line for place in file.places]), self._numbers[rows])
        scanned = next((place for place in file.places if place.scanned), mode.newest)
        if borders[0] == borders[-1]:  # both ascend
            return [(file.places[borders[0] - 1] if borders[0] else scanned, rows)]
        found: list[int] = np.unique(borders).tolist()
        return [(file.places[at - 1] if at else scanned, rows[borders == at]) for at in found]

    def _spoiled(self, rows: Ints) -> None:
        """Put out what is wrong with some items of good lines."""
        bad = self._lines.bad
        for row in self._bad_rows[np.isin(self._bad_rows, rows, assume_unique=True)].tolist():
            index = int(self._indices[row])
            self._emit.begin(index)
            self._emit.dead_letter(self._batch.origin(index), "item", bad[row])
