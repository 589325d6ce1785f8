"""The trade dates of a symbol that may still change, as places for bars in one array.

::

    one array    | minutes of d-1, d | 5m slots of d-1, d | 15m ... | 1d |
    begins       0                   n                    ...

A minute knows its slot of each interval (``slot_of``), a slot its minutes (``firsts``, ``counts``).
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.market.grid import Grid
from schemas.market.intervals import Interval
from streams.core.analytics.rows import BAR, NONE, NULL, Ints, Rows

_Slots: TypeAlias = tuple[Ints, Ints, Ints, Ints]


class Window:
    """The places of bars in the newest trade date of a symbol and in those kept before it.

    Attributes:
        dates: trade dates in days, ascending.
        first_minute: number of the first minute in the grid.
        begins: int64[intervals + 1], where the places of each interval begin; the last is the total.
        starts: the same as numbers.
        bars: BAR[places], every place empty; to be copied.
        firsts: int64[places], place of the first minute of a slot.
        counts: int64[places], its expected minutes by the calendar.
        closes: int64[places], when each bar closes, ns.
        slot_of: int64[intervals, minutes], place of the slot around a minute, -1 where that is older.
        place_of: place of a minute by its start.
        due_next: int64[places], close of the next expected bar of the same interval.
    """

    def __init__(
        self, grid: Grid, intervals: tuple[Interval, ...], session_date: int, first_date: int
    ) -> None:
        """Lay out the places.

        Args:
            grid: the expected minutes.
            intervals: 1m first, then the derived ones.
            session_date: the newest trade date in days; the next older one where it is none.
            first_date: the first that is kept; the next newer one where it is none.
        """
        place = max(int(np.searchsorted(grid.sessions, session_date, "right")) - 1, 0)
        first = min(int(np.searchsorted(grid.sessions, first_date)), place)
        self.dates = tuple(int(date) for date in grid.sessions[first : place + 1])
        self.first_minute = int(grid.count_before(grid.session_bounds(self.dates[0])[0]))
        parts = [_slots(grid, interval, self.dates) for interval in intervals]
        lengths = [len(part[0]) for part in parts]
        self.begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.starts: tuple[int, ...] = tuple(self.begins.tolist())
        opens, closes, counts, dates = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        self.bars = _places(opens, closes, dates)
        self.counts, self.closes = counts, closes
        self.firsts = np.asarray(grid.count_before(opens)) - self.first_minute
        self.slot_of = self._slot_of(len(intervals), lengths[0])
        self.place_of = {ts_open: place for place, ts_open in enumerate(opens[: lengths[0]].tolist())}
        self.due_next = self._due_next(grid, intervals)
        self._mark_starts()

    @property
    def minutes(self) -> int:
        """Number of places of minutes, the first ones."""
        return int(self.begins[1])

    def _slot_of(self, intervals: int, minutes: int) -> NDArray[np.int64]:
        slot_of = np.full((intervals, minutes), NONE, np.int64)
        for number in range(intervals):
            for slot in range(int(self.begins[number]), int(self.begins[number + 1])):
                first = int(self.firsts[slot])
                slot_of[number, first : first + int(self.counts[slot])] = slot
        return slot_of

    def _due_next(self, grid: Grid, intervals: tuple[Interval, ...]) -> Ints:
        closes = self.bars["ts_close"]
        following = np.asarray(grid.minute_at(grid.count_before(closes)))
        due = np.empty(len(closes), np.int64)
        for number, interval in enumerate(intervals):
            part = slice(int(self.begins[number]), int(self.begins[number + 1]))
            ends = grid.bounds(interval, following[part])[1]
            # Past the horizon of the calendar nothing is expected; the value then lives as long as its bar.
            lengths = closes[part] - self.bars["ts_open"][part]
            due[part] = np.where(following[part] >= 0, ends, closes[part] + lengths)
        return due

    def _mark_starts(self) -> None:
        for begin, end in zip(self.begins[:-1], self.begins[1:], strict=True):
            dates = self.bars["session_date"][begin:end]
            self.bars["starts"][begin:end] = np.diff(dates, prepend=NONE) > 0


def _slots(grid: Grid, interval: Interval, dates: tuple[int, ...]) -> _Slots:
    parts = [grid.slots(interval, date) for date in dates]
    opens, closes, counts = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return opens, closes, counts, np.repeat(np.array(dates), [len(part[0]) for part in parts])


def _places(opens: Ints, closes: Ints, dates: Ints) -> Rows:
    bars = np.zeros(len(opens), BAR)
    bars["ts_open"], bars["ts_close"], bars["session_date"] = opens, closes, dates
    bars["notional"] = np.nan
    for name in ("trades", "ts_first", "ts_last"):
        bars[name] = NULL
    for name in ("revision", "values_revision", "cause", "source"):
        bars[name] = NONE
    return bars
