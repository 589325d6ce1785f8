"""All lines of a batch as columns: most read by the kernel, the others by ``parse``, in log order."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.lookup import distinct
from schemas.batches.wire import Bytes, Int, packed, sealed, span_at, span_size, unpacked, write_bytes
from schemas.columns import Ints, Names, Rows
from schemas.jit import kernel
from schemas.jsnl import Rejected, Started
from schemas.records import SPAN
from streams.core.lines.parse import Items, parse
from streams.core.lines.scan import HARD, OTHER, room, scan

_NO_TEXT: Final = -1


@kernel
def _join(data: Bytes, spans: Ints, out: Bytes) -> None:
    """Copy texts one behind the other."""
    at: Int = np.int64(0)
    for place in range(len(spans)):
        at = write_bytes(out, at, data, span_at(spans[place]), span_size(spans[place]))


class Others:
    """Items that are no equity, in order.

    Attributes:
        rows: int64[k], row of each, ascending.
        places: int64[k], its place in its line.
        types: int64[k], position of its type in the ``texts`` of the lines.
    """

    def __init__(self, data: Bytes, rows: Ints, places: Ints, types: Ints, spans: Ints) -> None:
        self.rows, self.places, self.types = rows, places, types
        self._data, self._spans = data, spans

    def merge(self, more: list[tuple[int, int, int, bytes]]) -> None:
        """Put others, in order as well, in their places."""
        if not more:
            return
        rows, places, types, texts = zip(*more, strict=True)
        order = np.argsort(np.concatenate([self.rows, np.array(rows, np.int64)]), kind="stable")
        names = Names(texts)
        spans = packed(names.spans) + len(self._data)
        self._data = sealed(self._data.tobytes() + names.data)
        self._spans = np.concatenate([self._spans, spans])[order]
        self.places = np.concatenate([self.places, np.array(places, np.int64)])[order]
        self.types = np.concatenate([self.types, np.array(types, np.int64)])[order]
        self.rows = np.concatenate([self.rows, np.array(rows, np.int64)])[order]

    def texts(self, items: Ints) -> Names:
        """The JSON of some of them as it stands, joined."""
        spans = self._spans[items]
        sizes = spans >> 32
        out = np.empty(int(sizes.sum()), np.uint8)
        _join(self._data, spans, out)
        names = Names(())
        names.data = out.tobytes()
        names.spans = unpacked((sizes << 32) | (np.cumsum(sizes) - sizes))
        return names


class Lines:
    """Lines of a batch, read.

    Attributes:
        instants: int64[n], time of each line; -1 where it gives no items.
        refused: why, by row.
        started: configurations, by row.
        bad: what is wrong with some items of a line that has good ones, by row.
        rows: int64[k], row of each equity item, ascending.
        places: int64[k], its place in its line.
        values: float64[k], its equity.
        brokers: int64[k], its position in ``texts``.
        texts: different brokers, and types of other items.
        others: items that are no equity.
    """

    def __init__(self, data: Bytes, rows: Rows, wanted: NDArray[np.bool_]) -> None:
        """Read.

        Args:
            data: what the spans of the rows point into.
            rows: rows of ``Line``.
            wanted: bool[n], false where nobody will ask.
        """
        self._data = sealed(data)
        self.refused: dict[int, Rejected] = {}
        self.started: dict[int, Started] = {}
        self.bad: dict[int, str] = {}
        self._others: list[tuple[int, int, int, bytes]] = []
        self.texts: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._more: list[tuple[int, int, float, int]] = []
        self._scan(rows)
        left = np.flatnonzero((self.instants < 0) & wanted)
        cells = (packed(rows[name][left]).tolist() for name in ("data", "mode", "detail"))
        for row, line, mode, detail in zip(left.tolist(), *cells, strict=True):
            self._read(row, self._bytes(line), self._bytes(mode), self._bytes(detail))
        self._merge()
        self.others.merge(self._others)

    def _scan(self, rows: Rows) -> None:
        lines, count = packed(rows["data"]), len(rows)
        size = room(lines)
        self.instants, starts = np.empty(count, np.int64), np.empty(count, np.int64)
        kinds, texts, spans, positions = (np.empty(size, np.int64) for _ in range(4))
        values = np.empty(size, np.float64)
        found = scan(
            self._data, lines, packed(rows["mode"]), packed(rows["detail"]), self.instants, starts,
            kinds, values, texts, spans, positions,
        )  # fmt: skip
        kinds = kinds[:found]
        counts = np.diff(np.append(starts, found))
        owners = np.repeat(np.arange(count), counts)
        for at in np.flatnonzero(kinds == HARD).tolist():
            values[at] = float(self._bytes(int(spans[at]))) + 0.0
        other = np.flatnonzero(kinds == OTHER)
        types = self._named(texts[other])
        self.others = Others(self._data, owners[other], positions[other], types, spans[other])
        equity = np.flatnonzero(kinds != OTHER)
        self.rows, self.places, self.values = owners[equity], positions[equity], values[equity]
        self.brokers = self._named(texts[equity])

    def _named(self, texts: Ints) -> Ints:
        if not len(texts):
            return np.zeros(0, np.int64)
        numbers, firsts = distinct(self._data, texts.view(SPAN))
        known = [self._number(self._bytes(int(texts[first]))) for first in firsts.tolist()]
        return np.array(known, np.int64)[numbers]

    def _read(self, row: int, line: bytes, mode: bytes, detail: bytes) -> None:
        """The long way for one line."""
        if detail:
            self.refused[row] = Rejected("unreadable", detail.decode("utf-8", "replace"))
            return
        found = parse(line, mode)
        if isinstance(found, Rejected):
            self.refused[row] = found
        elif isinstance(found, Started):
            self.started[row] = found
        else:
            self._take(row, found)

    def _take(self, row: int, items: Items) -> None:
        self.instants[row] = items.ts_event
        self._more += [
            (row, at, item.equity, self._number(item.broker)) for at, item in enumerate(items.equity)
        ]
        self._others += [(row, one.position, self._number(one.type), one.data) for one in items.others]
        if items.bad:
            self.bad[row] = items.bad

    def _merge(self) -> None:
        if not self._more:
            return
        rows, places, values, brokers = zip(*self._more, strict=True)
        order = np.argsort(np.concatenate([self.rows, np.array(rows, np.int64)]), kind="stable")
        self.places = np.concatenate([self.places, np.array(places, np.int64)])[order]
        self.values = np.concatenate([self.values, np.array(values, np.float64)])[order]
        self.brokers = np.concatenate([self.brokers, np.array(brokers, np.int64)])[order]
        self.rows = np.concatenate([self.rows, np.array(rows, np.int64)])[order]

    def _number(self, text: bytes) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return number

    def _bytes(self, packed_span: int) -> bytes:
        at = packed_span & 0xFFFF_FFFF
        return self._data[at : at + max(packed_span >> 32, 0)].tobytes()


def named(data: Bytes, spans: Rows) -> tuple[Ints, Sequence[bytes]]:
    """Number of each text, counted as they come, and the text of each number."""
    if not len(spans):
        return np.zeros(0, np.int64), []
    numbers, firsts = distinct(sealed(data), spans)
    cells = [(int(cell["at"]), int(cell["size"])) for cell in spans[firsts]]
    return numbers, [data[at : at + size].tobytes() for at, size in cells]
