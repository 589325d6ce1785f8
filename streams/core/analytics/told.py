"""What a turn puts out (``abreast``), as whole columns: derived bars, indicator values and ``ready``.

Order: as if its bars had come one by one: by bar, then by close and interval.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.batches.nested import encode_texts
from schemas.columns import Draft
from schemas.market.intervals import Interval
from schemas.records import record_type
from streams.core.analytics.abreast import Group, Turn
from streams.core.analytics.cells import most_bytes, write_cells
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.room import Room
from streams.core.analytics.rows import Ints, Rows
from streams.core.analytics.window import Window

NO_NAMES: Final = encode_texts([])


@dataclass(frozen=True, slots=True, eq=False)
class _Bars:
    """New bars of one interval, room and window.

    Attributes:
        room: where they stand.
        window: their places.
        number: of the interval.
        order: int64[n], which bar of the turn made each.
        lanes: int64[n].
        places: int64[n].
        rows: int64[n], their rows in what is put out.
    """

    room: Room
    window: Window
    number: int
    order: Ints
    lanes: Ints
    places: Ints
    rows: Ints

    @property
    def program(self) -> Program:
        return self.room.parts[self.number].program


def derived(turn: Turn, number: int) -> tuple[list[bytes], list[bytes], Rows]:
    """Names, sources and BAR rows of the bars of one interval that are new."""
    found = [one for one in _of_groups(turn.groups) if one.number == number]
    order = np.concatenate([one.order for one in found])
    rows = np.concatenate([one.room.bars[one.lanes, one.places] for one in found])
    sorted_ = np.argsort(order, kind="stable")
    order, rows = order[sorted_], rows[sorted_]
    states = [turn.states[place] for place in order.tolist()]
    sources = [one.sources[n].encode() for one, n in zip(states, rows["source"].tolist(), strict=True)]
    return [one.name for one in states], sources, rows


def _of_groups(groups: list[Group]) -> Iterator[_Bars]:
    for group in groups:
        for number in range(len(group.room.parts)):
            own, places = group.members(number)
            if len(own):
                yield _Bars(group.room, group.window, number, group.order[own], group.lanes[own], places, own)


class Told:
    """The bars of a turn that have values or are ready, in order.

    Args:
        turn: the bars.
        intervals: 1m first.
    """

    def __init__(self, turn: Turn, intervals: tuple[Interval, ...]) -> None:
        self._names = [state.name for state in turn.states]
        self._intervals = [interval.name.encode() for interval in intervals]
        parts = list(_of_groups(turn.groups))
        closes = np.concatenate([one.window.closes[one.places] for one in parts])
        numbers = np.repeat([one.number for one in parts], [len(one.order) for one in parts])
        order = np.lexsort((numbers, closes, np.concatenate([one.order for one in parts])))
        rows = np.empty(len(order), np.int64)
        rows[order] = np.arange(len(order))
        ends = np.cumsum([len(one.order) for one in parts])
        self._parts = [
            _Bars(one.room, one.window, one.number, one.order, one.lanes, one.places, mine)
            for one, mine in zip(parts, np.split(rows, ends[:-1]), strict=True)
        ]
        self.intervals = {one.number for one in parts}
        self._count = len(order)

    def values(self, draft: Draft) -> Rows:
        """Rows of ``IndicatorValues``, their texts in a draft."""
        rows, has = self._rows("IndicatorValues", draft), np.zeros(self._count, np.bool_)
        rows["missing"] = np.array(draft.text(NO_NAMES), rows["missing"].dtype)
        for one in self._parts:
            if one.program.names:
                has[one.rows] = True
                rows["bar_revision"][one.rows] = one.room.bars["revision"][one.lanes, one.places]
                expires = one.window.due_next[one.places] + one.room.expiry[one.lanes]
                rows["ts_expires"][one.rows] = expires
                self._cells(one, draft, rows)
        return rows if has.all() else rows[has]

    def ready(self, draft: Draft, what: bytes) -> Rows:
        """Rows of ``Ready``, their texts in a draft; all they tell of is new."""
        rows = self._rows("Ready", draft)
        rows["what"] = np.array(draft.text(what), rows["what"].dtype)
        return rows

    def _rows(self, record: str, draft: Draft) -> Rows:
        """Rows with all that says which bar they tell of."""
        rows = record_type(record).empty(self._count)
        symbols, intervals = draft.texts(self._names), draft.texts(self._intervals)
        for one in self._parts:
            rows["symbol"][one.rows] = symbols[one.order]
            rows["interval"][one.rows] = intervals[one.number]
            rows["ts_open"][one.rows] = one.window.bars["ts_open"][one.places]
            rows["ts_close"][one.rows] = one.window.closes[one.places]
            is_valued = bool(one.program.names)
            revisions = one.room.bars["values_revision" if is_valued else "revision"]
            rows["revision"][one.rows] = revisions[one.lanes, one.places]
        return rows

    @staticmethod
    def _cells(one: _Bars, draft: Draft, rows: Rows) -> None:
        part, program, size = one.room.parts[one.number], one.program, len(one.rows)
        data = np.zeros(size * most_bytes(program), np.uint8)
        firsts = part.first + (one.places - part.begin) * len(program.names)
        spans = np.empty((size, 3), np.int64)
        write_cells(
            one.room.values, one.room.values.view(np.int64), one.room.unseen, one.lanes, firsts,
            program.texts, program.ends, data, np.arange(size) * most_bytes(program), spans,
        )  # fmt: skip
        begin = draft.size
        draft.append(data)
        for field, at in (("values", 0), ("converged", 1)):
            rows[field]["at"][one.rows] = begin + spans[:, at]
            rows[field]["size"][one.rows] = spans[:, at + 1] - spans[:, at]
