"""The values of functions along the bars of one symbol and interval, and which of them are due.

A function costs a thousand times what a compiled indicator does, so it never stands in the way: a bar goes
out with its compiled values and ``ready`` at once, and what functions make of it follows as the next revision
of the same record, after some further heartbeats that move the watermark on. How many depends on the symbol
alone, so that the symbols of a minute do not all come at once.

Until then the value of the bar before stands for it wherever values are read, though in no record.
State: 64 bytes for each of the bars before the trade dates that a window reaches back to, 24 for a value.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from schemas.history import HISTORY
from streams.core.analytics.chain import Chain
from streams.core.analytics.rows import Ints, Rows
from streams.core.analytics.saved import VALUES, Asleep
from streams.core.analytics.windowed.bars import history_of
from streams.core.analytics.windowed.plan import Windowed
from streams.core.analytics.windowed.runner import NOWHERE, Calls

MOST_AT_ONCE: Final = 4
"""Bars of one symbol and interval that are computed at one heartbeat, unless it is the final one."""

OLDER: Final = "bars"
"""Key of the bars before the window."""
_DISABLED: Final = "!"
_NEXT: Final = 2
_VALUE: Final = np.dtype([("ts_open", "<i8"), ("value", "<f8"), ("unseen", "<f8")])


class Kept:
    """The functions of one symbol and interval.

    Attributes:
        delay: the heartbeat, of those that move the watermark on, at which a bar is computed, 2 or more: 2 is
            the first one after it.

    Args:
        chain: the values along the bars; those of functions are written here alone.
        bars: BAR[places], the bars.
        delay: see above.
        version: of the configuration; what was disabled under another one is tried again.
        saved: what ``save`` gave, empty for nothing.
    """

    def __init__(self, chain: Chain, bars: Rows, delay: int, version: int, saved: dict[str, bytes]) -> None:
        self.delay = delay
        self._version = version
        self._chain, self._bars = chain, bars
        self._functions: Sequence[Windowed] = chain.program.windowed
        self._disabled = _disabled(saved, version)
        self._longest = chain.program.longest
        self._older = self._newest_of(np.frombuffer(saved.get(OLDER, b""), HISTORY))
        self._take_up(saved)

    @property
    def owes(self) -> bool:
        """Whether a bar is due."""
        return bool(self._functions) and bool(np.any(self._bars["due"] > 0))

    def note(self, changed: Sequence[int]) -> range:
        """Bars are new or changed: they are due, and those whose windows hold them.

        Args:
            changed: their places, ascending; a new one has no ``values_revision`` yet.

        Returns:
            The places that are due.
        """
        if not self._functions:
            return range(0)
        later = np.flatnonzero(self._bars["revision"][changed[-1] : self._chain.newest + 1] >= 0)
        found = range(changed[0], changed[-1] + int(later[: self._longest][-1]) + 1)
        part = self._bars[found.start : found.stop]
        part["due"] = np.where(part["revision"] >= 0, self.delay, 0)
        for place in changed:
            if self._bars["values_revision"][place] < 0:
                self._carry(place)
        return found

    def due(self, *, final: bool) -> list[int]:
        """Count a heartbeat; the places to be computed now, ascending."""
        due = self._bars["due"]
        due[due > 1] -= 1
        if final:
            return [int(place) for place in np.flatnonzero(due > 0)]
        return [int(place) for place in np.flatnonzero(due == 1)[-MOST_AT_ONCE:]]

    def begin(self, calls: Calls) -> None:
        """Say which bars the next heartbeat is to compute."""
        due = self._bars["due"]
        for place in np.flatnonzero((due > 0) & (due <= _NEXT))[-MOST_AT_ONCE:].tolist():
            window = self._window(place)
            for one in self._functions:
                if one.key not in self._disabled and not calls.is_stopped(one.key):
                    calls.runner.soon(one.job(window))

    def compute(self, places: Sequence[int], where: str, calls: Calls) -> None:
        """Compute all functions at some places; one that fails is disabled from there on."""
        for place in places:
            window = self._window(place)
            for one in self._functions:
                self._compute(one, place, window, where, calls)
            self._bars["due"][place] = 0

    def start_at(self, place: int) -> dict[str, bytes]:
        """What is saved of the bars before a place."""
        if not self._functions:
            return {}
        before = self._bars[:place]
        older = np.concatenate([self._older, history_of(before[before["revision"] >= 0])])
        return {OLDER: self._newest_of(older).tobytes()}

    def save(self, places: Ints) -> dict[str, bytes]:
        """The values at some places, and what is disabled."""
        saved = {
            f"{_DISABLED}{key}": b"%d@%d" % (self._version, offset)
            for key, offset in sorted(self._disabled.items())
        }
        for one in self._functions:
            for number in range(one.first, one.first + one.count):
                rows = np.zeros(len(places), _VALUE)
                rows["ts_open"] = self._bars["ts_open"][places]
                rows["value"] = self._chain.values[number, places]
                rows["unseen"] = self._chain.unseen[number, places]
                saved[f"{VALUES}{one.key}{number - one.first}"] = rows.tobytes()
        return saved

    def _take_up(self, saved: dict[str, bytes]) -> None:
        """Place the values there are; of a function that has none the newest bar is due."""
        for one in self._functions:
            for number in range(one.count):
                rows = saved.get(f"{VALUES}{one.key}{number}")
                if rows is not None:
                    self._place(one.first + number, np.frombuffer(rows, _VALUE))
                elif self._chain.newest >= 0:
                    self._bars["due"][self._chain.newest] = self.delay

    def _place(self, number: int, rows: Rows) -> None:
        opens = self._bars["ts_open"]
        places = np.minimum(np.searchsorted(opens, rows["ts_open"]), len(opens) - 1)
        found = opens[places] == rows["ts_open"]
        self._chain.values[number, places[found]] = rows["value"][found]
        self._chain.unseen[number, places[found]] = rows["unseen"][found]

    def _carry(self, place: int) -> None:
        before = np.flatnonzero(self._bars["revision"][:place] >= 0)
        for one in self._functions:
            part = slice(one.first, one.first + one.count)
            self._chain.values[part, place] = self._chain.values[part, before[-1]] if len(before) else np.nan

    def _window(self, place: int) -> Rows:
        first = max(0, place + 1 - self._longest)
        own = self._bars[first : place + 1]
        while np.count_nonzero(own["revision"] >= 0) < self._longest and first > 0:
            first = max(0, first - self._longest)
            own = self._bars[first : place + 1]
        found = history_of(own[own["revision"] >= 0])
        return self._newest_of(np.concatenate([self._older, found]) if first == 0 else found)

    def _newest_of(self, rows: Rows) -> Rows:
        """As many as the longest window has."""
        return rows[max(len(rows) - self._longest, 0) :]

    def _compute(self, one: Windowed, place: int, window: Rows, where: str, calls: Calls) -> None:
        part = slice(one.first, one.first + one.count)
        values, unseen = self._chain.values[part, place], self._chain.unseen[part, place]
        values[:], unseen[:] = np.nan, 1.0
        if one.key in self._disabled or calls.is_stopped(one.key):
            return
        answer = calls.ask(one.config.name, one.job(window))
        if answer.failed:
            self._disabled[one.key] = calls.disable(one.config.name, one.key, where, answer)
            return
        values[: len(answer.values)] = answer.values
        unseen[:] = 0.0 if len(window) >= one.config.window else 1.0


def find_stopped(calls: Calls, saved: Mapping[bytes, Asleep], version: int) -> None:
    """Find what saved symbols say of functions that are disabled everywhere, under a configuration."""
    calls.stopped = {}
    for symbol, asleep in saved.items():
        starts = {key: state for (_, key), state in asleep.saved().starts.items()}
        for key, offset in _disabled(starts, version).items():
            if offset != NOWHERE:
                calls.found(key, offset, symbol)


def _disabled(saved: Mapping[str, bytes], version: int) -> dict[str, int]:
    """By key of an indicator, the offset from which on it is disabled everywhere, or NOWHERE."""
    found = {}
    for key, state in saved.items():
        if key.startswith(_DISABLED):
            own, _, offset = state.partition(b"@")
            if int(own) == version:
                found[key.removeprefix(_DISABLED)] = int(offset or NOWHERE)
    return found
