"""Halts of trading, as sources tell of them, and the minutes they touched.

A halt lasts until the ``resumed`` of the same source that names the same symbol, or none. A minute that it
touched is told at the first heartbeat of its source at which the watermark of the symbol has passed its
close, in a status of its own, so that no bar is invented for it::

    13:30     13:31     13:32     13:33     13:34
      |    halted ---------------- resumed     |
    touched   touched   touched   touched
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np

from schemas.market.intervals import MINUTE
from streams.core.ticks.book import Book
from streams.core.ticks.rows import FOLD, STATUS, Ints, Rows
from streams.core.watermark import FOREVER, NEVER

MOST: Final = 256
"""So many halts of a partition are remembered; the oldest is forgotten first."""
_LONGEST: Final = 2 * 1_440 * MINUTE  # what is further back is older than any bar that may be revised

_ROW: Final = np.dtype(
    [("symbol", "S64"), ("source", "<i8"), ("start", "<i8"), ("end", "<i8"), ("told", "<i8")]
)
_SIZE: Final = struct.Struct("<q")


@dataclass(slots=True)
class _Halt:
    symbol: bytes  # empty: all of the source
    source: int
    start: int
    end: int = FOREVER
    told: int = NEVER  # mark of the source when its minutes were last told


class Halts:
    """The newest halts of a partition.

    Attributes:
        evicted: how many were forgotten before they had ended since the last look.
    """

    def __init__(self) -> None:
        self.evicted = 0
        self._found: list[_Halt] = []

    def __len__(self) -> int:
        return len(self._found)

    def begin(self, symbol: bytes, source: int, ts: int) -> None:
        """Trading of a symbol, or without one of all symbols of a source, is halted."""
        if halt := next(self._lasting(symbol, source), None):
            if ts < halt.start:  # its minutes are told again, those before with them
                halt.start, halt.told = ts, NEVER
            return
        self._found.append(_Halt(symbol, source, ts))
        self.evicted += len(self._found) > MOST
        del self._found[:-MOST]

    def end(self, symbol: bytes, source: int, ts: int) -> None:
        """Trading goes on."""
        for halt in self._lasting(symbol, source):
            halt.end = ts
        self._found = [halt for halt in self._found if halt.start < halt.end]

    def forget(self, is_known: Callable[[bytes], bool]) -> None:
        """Forget the halts of symbols that were taken out: nobody would hear that trading goes on."""
        self._found = [halt for halt in self._found if not halt.symbol or is_known(halt.symbol)]

    def _lasting(self, symbol: bytes, source: int) -> Iterator[_Halt]:
        who = (symbol, source, FOREVER)
        return (halt for halt in self._found if (halt.symbol, halt.source, halt.end) == who)

    def tell(self, source: int, mark: int, book: Book, partition: int) -> list[Rows]:
        """Statuses of the minutes that a mark of a source passed, as rows to be put out.

        Args:
            source: number of the source.
            mark: its mark.
            book: pairs and their calendars.
            partition: statuses are of the symbols of this partition alone.
        """
        found = []
        for halt in self._found:
            if halt.source == source and mark > halt.told:
                pairs = _pairs_of(halt, book, partition)
                found += [rows for pair in pairs if len(rows := _rows(halt, pair, mark, book))]
                halt.told = mark
        self._found = [halt for halt in self._found if halt.told < halt.end + MINUTE + book.relay_ns]
        return found

    def pack(self, places: Mapping[int, int]) -> bytes:
        """The state; the sources get the given numbers."""
        rows = [(one[0], places[one[1]], *one[2:]) for one in map(astuple, self._found)]
        return _SIZE.pack(len(rows)) + np.array(rows, _ROW).tobytes()

    def restore(self, body: bytes) -> bytes:
        """Take up what ``pack`` gave, and give what stands behind it."""
        end = _SIZE.size + _SIZE.unpack_from(body)[0] * _ROW.itemsize
        rows = np.frombuffer(body[_SIZE.size : end], _ROW)
        self._found = [_Halt(*row) for row in rows.tolist()]
        return body[end:]


def _pairs_of(halt: _Halt, book: Book, partition: int) -> Iterator[int]:
    """Numbers of the pairs that a halt concerns, whether or not they ever came."""
    concerned = (book.terms["source"] == halt.source) & (book.terms["disorder"] >= 0)
    here = concerned[book.term_of] & book.lives(partition)
    if halt.symbol:
        return (number for number in book.numbers(halt.symbol) if here[number])
    return iter(np.flatnonzero(here).tolist())


def _rows(halt: _Halt, pair: int, mark: int, book: Book) -> Rows:
    """Statuses of the touched minutes of a pair whose close came between the last mark and this one."""
    term = book.terms[book.term_of[pair]]
    disorder = int(term["disorder"])
    end = min(mark - disorder, halt.end + MINUTE - 1) // MINUTE * MINUTE
    begin = max(halt.start, halt.told - disorder, end - _LONGEST) // MINUTE * MINUTE
    own = book.segments[int(term["first"]) : int(term["last"])]
    minutes = _minutes(own, begin, end)
    rows = np.zeros(len(minutes), FOLD)
    rows["ts_open"], rows["pair"], rows["what"], rows["halted"] = minutes, pair, STATUS, 1
    return rows


def _minutes(segments: Rows, begin: int, end: int) -> Ints:
    """Starts of the minutes of segments in [begin, end), both on whole minutes."""
    opens = np.maximum(segments["ts_open"], begin)
    closes = np.minimum(segments["ts_close"], end)
    parts = [np.arange(opens[at], closes[at], MINUTE) for at in np.flatnonzero(opens < closes)]
    return np.concatenate([np.empty(0, np.int64), *parts])
