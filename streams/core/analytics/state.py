"""What ``analytics`` knows of one symbol: its bars of a few trade dates and its indicators along them."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streams.core.analytics.chain import Chain
from streams.core.analytics.copies import minutes_of, place_minutes, place_slots, slots_of
from streams.core.analytics.derive import derive_all
from streams.core.analytics.plan import Layout, SymbolPlan
from streams.core.analytics.rows import BAR, NONE, Ints, Rows
from streams.core.analytics.saved import MOST_RECENT, Saved, StartKey, recent_key
from streams.core.analytics.warmup import waiting, warmed, with_history
from streams.core.analytics.window import Window
from streams.core.analytics.windowed.kept import Kept


class SymbolState:
    """One symbol under one plan.

    Attributes:
        name: the symbol in UTF-8.
        plan: what is done about it.
        window: the places of its bars.
        bars: BAR[places]; a derived bar not yet published is kept up to date with revision NONE.
        revisions: int64[places], those of ``bars``.
        chains: per interval its indicators.
        functions: whether any indicator is computed by a function.
        kept: per interval what they make of its bars.
        history: stored bars that wait for the first bar from the log, or for the next configuration.
        waiting: (ts_close, interval number, place) of derived bars that have minutes but are not published.
        sources: names that ``source`` of a bar counts.
        counts: one for each of ``counts.COUNTS``.
        room: where its arrays stand.
        lane: which of them are its own.
        watched: whether the scanner has met it, so that any bar may come side by side with others.
        touched: bool[places], which changed since everything was saved.
        before: BAR[2], a minute as it was before its last change, and room for a kernel.
        found: int64[intervals], what ``derive_around`` found.
    """

    def __init__(self, name: bytes, saved: Saved, plan: SymbolPlan) -> None:
        """Take up a saved symbol; what its grid no longer has falls away."""
        self.name = name
        self.plan = plan
        self.sources = list(saved.sources)
        self.counts = list(saved.counts)
        self.watched = False
        self.before = np.zeros(2, BAR)
        self.room, self.lane = plan.rooms.take(self._window_of(saved), plan.expiry)
        self._most_recent = MOST_RECENT - crc32(name) % (MOST_RECENT // 2)  # symbols take turns
        self.functions = any(program.windowed for program in plan.programs)
        self.found = np.zeros(len(plan.layout.intervals), np.int64)
        self._fill(saved)

    def _take_up(self, saved: Saved) -> None:
        """Begin anew from a saved symbol, in another room if need be."""
        window, expiry = self._window_of(saved), self.plan.expiry
        self.room, self.lane = self.plan.rooms.move(self.room, self.lane, window, expiry)
        self._fill(saved)

    def _fill(self, saved: Saved) -> None:
        window = self.window = self._window_of(saved)
        self.bars: Rows = self.room.bars[self.lane]
        self.touched: NDArray[np.bool_] = self.room.touched[self.lane]
        self.revisions = self.bars["revision"]
        self._parts: list[Rows] = [self.bars[begin:end] for begin, end in pairwise(window.starts)]
        self._whole = False
        self.reach_to(place_minutes(saved.minutes, self.bars, window.minutes))
        place_slots(saved.slots, self.bars, window.begins, self.plan.layout.lengths)
        derive_all(self.bars, window.firsts, window.counts, window.minutes, self.plan.coverage_limit)
        self.waiting = set(self._waiting())
        saved = self._warmed(saved)
        self.chains = [
            Chain(program, len(self.interval_bars(number)), self.room.shelf(self.lane, number))
            for number, program in enumerate(self.plan.programs)
        ]
        for number, chain in enumerate(self.chains):
            states = [saved.starts.get(key, b"") for key in self._start_keys(number)]
            chain.restart(self.interval_bars(number), states)
        self.kept = [self._kept(number, saved) for number in range(len(self.chains))]

    def _window_of(self, saved: Saved) -> Window:
        return self.plan.layout.window(saved.session_date, saved.first_date)

    @property
    def reach(self) -> int:
        """Place after the last minute of which anything is known."""
        return int(self.room.reach[self.lane])

    def reach_to(self, end: int) -> None:
        """Something is known of the minute before a place."""
        reach = self.room.reach
        reach[self.lane] = max(reach[self.lane], end)

    def _warmed(self, saved: Saved) -> Saved:
        """Use the history that waits, once there is a bar."""
        self.history = waiting(saved.starts)
        if not self.history:
            return saved
        there = np.flatnonzero(self.interval_bars(0)["revision"] >= 0)
        return self._warmed_at(int(there[0]), saved) if len(there) else saved

    def _warmed_at(self, minute: int, saved: Saved) -> Saved:
        programs, firsts = {}, {}
        for number, interval in enumerate(self.plan.layout.intervals):
            slot = int(self.window.slot_of[number, minute])
            programs[interval.ns] = self.plan.programs[number]
            firsts[interval.ns] = int(self.bars["ts_open"][slot if slot >= 0 else minute])
        self.history = waiting(self.history, self.plan.version)
        return warmed(saved, programs, firsts, self.plan.version)

    def warm_at(self, minute: int) -> None:
        """Use the history that waits before the first bar is placed, that of a minute."""
        if not self._has_bars():
            self._take_up(self._warmed_at(minute, self.saved()))

    def warm(self, interval: int, data: bytes) -> None:
        """History of an interval (ns): used at once where there are bars, it waits where there are none."""
        self._take_up(with_history(self.saved(), interval, data, self.plan.version))

    def _has_bars(self) -> bool:
        return bool(np.any(self.revisions[: self.window.minutes] >= 0))

    def _kept(self, number: int, saved: Saved) -> Kept:
        interval = self.plan.layout.intervals[number].ns
        own = {formula: state for (ns, formula), state in saved.starts.items() if ns == interval}
        return Kept(self.chains[number], self.interval_bars(number), self.plan.delay, self.plan.version, own)

    def interval_bars(self, number: int) -> Rows:
        """Bars of one interval, a view."""
        return self._parts[number]

    def expires(self, number: int, place: int) -> int:
        """Instant through which the values of a bar are fresh."""
        return int(self.window.due_next[self.window.starts[number] + place]) + self.plan.expiry

    @property
    def owes(self) -> bool:
        """Whether functions are still to be computed for a bar."""
        return self.functions and any(kept.owes for kept in self.kept)

    def touch(self, number: int, places: Iterable[int]) -> None:
        """Note that bars of an interval changed."""
        begin = self.window.starts[number]
        for place in places:
            self.touched[begin + place] = True

    def place_of(self, ts_open: int) -> int | None:
        """Place of a minute, rolling on to its trade date; -1 where it is too old, None outside the grid."""
        place = self.window.place_of.get(ts_open)
        if place is not None:
            return place
        grid = self.plan.layout.grid
        if int(grid.minute_open(ts_open)) != ts_open:
            return None
        date = int(grid.session_date(ts_open))
        if date < self.window.dates[0]:
            return NONE
        self.roll_to(date)
        return self.window.place_of[ts_open]

    def roll_to(self, session_date: int) -> None:
        """Move the window on to a newer trade date; what is no longer kept falls away."""
        self._take_up(self.saved(session_date))

    def source_number(self, name: bytes) -> int:
        """Number of a source's name."""
        text = name.decode("utf-8", "replace")
        if text not in self.sources:
            self.sources.append(text)
        return self.sources.index(text)

    def save(self) -> tuple[bytes, bytes]:
        """State key and body of what is to be saved: what changed lately, or, now and then, everything."""
        places = np.flatnonzero(self.touched)
        if self._whole and len(places) <= self._most_recent:
            date, (minutes, slots) = self.window.dates[-1], self._rows(places)
            recent = Saved(date, minutes, slots, self._late(self.touched), self.sources, self.counts)
            return recent_key(self.name), recent.to_bytes()
        self._whole = True
        self.touched[:] = False
        return self.name, self.saved().to_bytes()

    def saved(self, session_date: int | None = None) -> Saved:
        """Everything, or what is left of it when the window moves on to a newer trade date."""
        date, first_date = self.window.dates[-1], self.window.dates[0]
        if session_date is not None:  # never back to trade dates that were let go of
            date, first_date = session_date, max(self.plan.layout.first_date(session_date), first_date)
        kept = self.bars["session_date"] >= first_date
        minutes, slots = self._rows(np.flatnonzero(kept))
        used = np.unique(minutes["source"][minutes["revision"] >= 0])
        minutes["source"] = np.where(minutes["revision"] >= 0, np.searchsorted(used, minutes["source"]), NONE)
        names = [self.sources[number] for number in used]
        history = {} if session_date is not None and self._has_bars() else self.history
        starts = self._starts(first_date) | self._late(kept) | history
        return Saved(date, minutes, slots, starts, names, list(self.counts), first_date)

    def _rows(self, places: Ints) -> tuple[Rows, Rows]:
        """What is saved of the minutes and of the derived bars at some places, ascending."""
        first = int(np.searchsorted(places, self.window.minutes))
        minutes = minutes_of(self.bars, places[:first])
        return minutes, slots_of(self.bars, places[first:], self.window.begins, self.plan.layout.lengths)

    def _starts(self, first_date: int) -> dict[StartKey, bytes]:
        starts: dict[StartKey, bytes] = {}
        for number, chain in enumerate(self.chains):
            bars = self.interval_bars(number)
            place = int(np.searchsorted(bars["session_date"], first_date))
            states = chain.start_at(bars, place)
            starts.update(zip(self._start_keys(number), states, strict=True))
            starts.update(self._keyed(number, self.kept[number].start_at(place)))
        return starts

    def _late(self, wanted: NDArray[np.bool_]) -> dict[StartKey, bytes]:
        """Values of functions of some bars."""
        found: dict[StartKey, bytes] = {}
        if not self.functions:
            return found
        for number, (begin, end) in enumerate(pairwise(self.window.starts)):
            bars = self.interval_bars(number)
            places = np.flatnonzero(wanted[begin:end] & (bars["revision"] >= 0))
            found.update(self._keyed(number, self.kept[number].save(places)))
        return found

    def _keyed(self, number: int, states: dict[str, bytes]) -> dict[StartKey, bytes]:
        interval = self.plan.layout.intervals[number].ns
        return {(interval, formula): state for formula, state in states.items()}

    def _start_keys(self, number: int) -> list[StartKey]:
        interval = self.plan.layout.intervals[number].ns
        return [(interval, key) for key in self.plan.programs[number].keys]

    def _waiting(self) -> Iterator[tuple[int, int, int]]:
        for at in np.flatnonzero(self.bars["waits"]).tolist():
            number = int(np.searchsorted(self.window.begins, at, "right")) - 1
            yield int(self.window.closes[at]), number, at - self.window.starts[number]


def begun_at(layout: Layout, ts_open: int) -> Saved:
    """A symbol of which nothing is known, at the trade date of a minute; the first one where it is none."""
    grid = layout.grid
    is_minute = int(grid.minute_open(ts_open)) == ts_open
    date = int(grid.session_date(ts_open) if is_minute else grid.sessions[0])
    return Saved(date, first_date=layout.first_date(date))
