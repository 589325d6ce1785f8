"""Items of applied lines, put out as one block a type; equity is dropped where it did not change.

Values are compared in log order over all modes at once. What each mode remembers is taken out of its state
before and put back after, in the order of first use, as if value had come after value.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import Ints
from schemas.columns import Ints as Numbers
from schemas.columns import Rows
from schemas.jit import kernel
from schemas.records import SPAN, record_type
from streams.core.lines.emit import SHIFT, Emitter
from streams.core.lines.items import Lines
from streams.core.lines.modes import Mode, Place

_NONE: Final = -1


@kernel
def _changed(
    pairs: Ints, values: NDArray[np.float64], last: NDArray[np.float64], known: NDArray[np.bool_],
    stored: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Which values differ from the last one of their pair; the last of each is kept."""
    for place in range(len(pairs)):
        pair = pairs[place]
        stored[place] = not known[pair] or last[pair] != values[place]
        known[pair] = True
        last[pair] = values[place]


class Changes:
    """Collects which run each applied line belongs to, then puts its items out.

    Args:
        lines: the lines of the batch.
        emit: where they go.
        offsets: int64[n] of the lines, by row.
        indices: int64[n], place of each line in the batch, by row.
        every: bool[n], whether a value goes out even when it did not change, by row.
    """

    def __init__(
        self, lines: Lines, emit: Emitter, offsets: Numbers, indices: Numbers, every: NDArray[np.bool_]
    ) -> None:
        self._lines, self._emit = lines, emit
        self._offsets, self._indices, self._every = offsets, indices, every
        self._run_of = np.full(len(offsets), _NONE, np.int64)
        self._runs: list[tuple[bytes, Mode, Place]] = []
        self._numbers: dict[tuple[bytes, bytes, bool], int] = {}

    @property
    def waiting(self) -> bool:
        """Whether there are lines whose items were not put out yet."""
        return bool(self._runs)

    def apply(self, rows: Numbers, name: bytes, mode: Mode, place: Place) -> None:
        """Say that lines belong to a run."""
        key = (name, place.strand_id, place.live)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._runs)
            self._runs.append((name, mode, place))
        self._run_of[rows] = number

    def flush(self) -> None:
        """Put out the items of all lines applied since the last time."""
        if not self._runs:
            return
        runs = self._run_of[self._lines.rows]
        items = np.flatnonzero(runs >= 0)
        if len(items):
            stored = self._stored(items, runs[items])
            self._put(items[stored], runs[items][stored])
        runs = self._run_of[self._lines.others.rows]
        others = np.flatnonzero(runs >= 0)
        if len(others):
            self._put_others(others, runs[others])
        self._run_of[:] = _NONE
        self._runs.clear()
        self._numbers.clear()

    def _stored(self, items: Ints, runs: Ints) -> NDArray[np.bool_]:
        texts = self._lines.texts
        numbers: dict[tuple[bytes, bytes], int] = {}
        strands = [numbers.setdefault((name, place.strand_id), len(numbers)) for name, _, place in self._runs]
        owners = {(name, place.strand_id): mode for name, mode, place in self._runs}
        names = list(numbers)
        pairs = np.array(strands, np.int64)[runs] * len(texts) + self._lines.brokers[items]
        narrow = len(names) * len(texts) < 1 << 15  # numpy sorts 16 bits by radix
        used, firsts, pairs = np.unique(
            pairs.astype(np.int16) if narrow else pairs, return_index=True, return_inverse=True
        )
        keys = [(*names[pair // len(texts)], texts[pair % len(texts)]) for pair in used.tolist()]
        before = [owners[name, strand].equity.get(strand, {}).get(broker) for name, strand, broker in keys]
        known = np.array([value is not None for value in before])
        last = np.array([value or 0.0 for value in before])
        stored = np.empty(len(items), np.bool_)
        _changed(pairs.astype(np.int64), self._lines.values[items], last, known, stored)
        for pair in np.argsort(firsts).tolist():
            name, strand, broker = keys[pair]
            owners[name, strand].equity.setdefault(strand, {})[broker] = float(last[pair])
        return stored | self._every[self._lines.rows[items]]

    def _put(self, items: Ints, runs: Ints) -> None:
        draft, lines = self._emit.draft("equity"), self._lines
        owners = lines.rows[items]
        rows = self._rows("Equity", owners, runs)
        rows["broker"] = draft.texts(lines.texts)[lines.brokers[items]]
        rows["equity"] = lines.values[items]
        self._emit.block("Equity", rows, (self._indices[owners] << SHIFT) + lines.places[items])

    def _put_others(self, items: Ints, runs: Ints) -> None:
        draft, others = self._emit.draft("trades"), self._lines.others
        owners = others.rows[items]
        rows = self._rows("Trade", owners, runs)
        rows["type"] = draft.texts(self._lines.texts)[others.types[items]]
        rows["item"] = others.places[items]
        rows["data"] = draft.block(others.texts(items))
        self._emit.block("Trade", rows, (self._indices[owners] << SHIFT) + others.places[items])

    def _rows(self, record: str, owners: Ints, runs: Ints) -> Rows:
        """Rows of a type for lines of runs, with what both types have."""
        draft = self._emit.draft("equity" if record == "Equity" else "trades")
        rows = record_type(record).empty(len(owners))
        rows["mode"] = np.array([draft.text(name) for name, _, _ in self._runs], SPAN)[runs]
        rows["strand_id"] = np.array([draft.text(place.strand_id) for _, _, place in self._runs], SPAN)[runs]
        rows["live"] = np.array([place.live for _, _, place in self._runs], np.int64)[runs]
        rows["ts_event"] = self._lines.instants[owners]
        rows["lines_offset"] = self._offsets[owners]
        return rows
