"""The indicators of one interval, moved along its bars: forward by a new one, anew from a changed one."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from schemas.batches.nested import encode_items, encode_texts, map_key, pack_double
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.indicators.steps import STRIDE, run_along
from streams.core.analytics.rows import Floats, Ints, Rows
from streams.core.analytics.shelf import Shelf


class Chain:
    """States along the bars of a window, and the values after each.

    Attributes:
        program: what is computed.
        names: of the values, in the order of the configuration.
        values: float64[names, places], NaN while not ready.
        unseen: float64[names, places], weight of unseen history.
    """

    def __init__(self, program: Program, places: int, shelf: Shelf | None = None) -> None:
        self.program = program
        self.names = program.names
        own = Shelf.alone(program, places) if shelf is None else shelf
        self._flat = own.values, own.unseen
        self._values, self._unseen = (one.reshape(places, len(self.names)) for one in self._flat)
        self.values, self.unseen = self._values.T, self._unseen.T
        self._state, self._newest = own.state, own.newest
        self._kept_flat = own.kept
        self._kept = own.kept.reshape(places // STRIDE + 1, program.width)
        self._keys = tuple(map_key(name) for name in self.names)
        self._converged: dict[tuple[bool, ...], bytes] = {}

    @property
    def newest(self) -> int:
        """Last place that has a bar, -1 for none."""
        return int(self._newest[0])

    def revise(self, bars: Rows, changed: Sequence[int]) -> Ints | list[int]:
        """Run forward from the first changed bar to the newest one.

        Args:
            bars: BAR[places], the bars of this interval.
            changed: places of bars that are new or changed, ascending, not empty.

        Returns:
            Ascending: those places, and all later ones that have other values now.
        """
        before = self.newest
        first = min(changed[0], before + 1)
        newest = self._newest[0] = max(changed[-1], before)
        if before < first:  # new bars alone
            self._move(bars, first, newest + 1)
            return list(changed)
        part = slice(first, newest + 1)
        old = self._values[part].copy(), self._converges(part)
        kept = first // STRIDE
        self._state[:] = self._kept[kept]
        self._move(bars, kept * STRIDE, newest + 1)
        other = self._differ(part, *old)
        other[np.asarray(changed) - first] = True
        return first + np.flatnonzero(other & (bars["revision"][part] >= 0))

    def _move(self, bars: Rows, first: int, end: int) -> None:
        """Move the state on; it may stand among those of others, so what is run is a copy."""
        state = self._state.copy()
        self._run(bars, state, first, end)
        self._state[:] = state

    def _run(self, bars: Rows, state: Floats, first: int, end: int) -> None:
        values, unseen = self._flat
        run_along(
            self.program.codes, state, self._kept_flat, bars, first, end, values, unseen, len(self.names)
        )

    def _converges(self, part: slice) -> NDArray[np.bool_]:
        return np.asarray((self._unseen[part] < CONVERGED) & np.isfinite(self._values[part]))

    def _differ(self, part: slice, values: Floats, converged: NDArray[np.bool_]) -> NDArray[np.bool_]:
        now = self._values[part]
        same = (now == values) | (np.isnan(now) & np.isnan(values))
        return np.asarray(np.any(~same | (self._converges(part) != converged), axis=1))

    def shown(self) -> tuple[Floats, NDArray[np.bool_]]:
        """What is published of all places: a copy, for ``changed``."""
        return self._values.copy(), self._converges(slice(None))

    def changed(self, shown: tuple[Floats, NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """bool[places], where something else is published now."""
        return self._differ(slice(None), *shown)

    def cells(self, place: int, *, due: bool = False) -> tuple[bytes, bytes]:
        """The values of a place that are ready and the names of those that have converged, in Avro.

        Args:
            place: of the bar.
            due: whether those of functions are still to be computed: they are left out.
        """
        values = self._values[place].tolist()
        ready = [isfinite(value) for value in values]
        if due:
            ready = [has and not late for has, late in zip(ready, self.program.late.tolist(), strict=True)]
        cells = zip(self._keys, values, ready, strict=True)
        items = [key + pack_double(value) for key, value, has in cells if has]
        weights = zip(ready, self._unseen[place].tolist(), strict=True)
        converged = tuple([has and weight < CONVERGED for has, weight in weights])
        return encode_items(items), self._converged.get(converged) or self._names(converged)

    def missing(self, place: int, *, due: bool = False) -> bytes:
        """The names that ``cells`` leaves out, in Avro."""
        late = self.program.late.tolist()
        values = zip(self._values[place].tolist(), late, strict=True)
        wanted = tuple([not isfinite(value) or (due and own) for value, own in values])
        return self._converged.get(wanted) or self._names(wanted)

    def _names(self, wanted: tuple[bool, ...]) -> bytes:
        names = [name for name, has in zip(self.names, wanted, strict=True) if has]
        cell = self._converged[wanted] = encode_texts(names)
        return cell

    def peek(self, bar: Rows) -> Floats:
        """Values that a bar after the newest would give; see ``Program.peek``."""
        return self.program.peek(np.ascontiguousarray(self._state), bar)

    def start_at(self, bars: Rows, place: int) -> list[bytes]:
        """State of each indicator before a place."""
        reached = min(place, self.newest + 1)
        kept = reached // STRIDE
        if reached > self.newest:
            state = np.ascontiguousarray(self._state)
        else:
            state = self._kept[kept].copy()
            self._run(bars, state, kept * STRIDE, reached)
        return [state[part].tobytes() for part in self.program.slices]

    def restart(self, bars: Rows, states: Sequence[bytes]) -> None:
        """Compute everything over the bars there are.

        Args:
            bars: BAR[places].
            states: of each indicator, its state before the first place; one of another size counts as none.
        """
        self._state[:] = 0.0
        for part, state in zip(self.program.slices, states, strict=True):
            if len(state) == 8 * (part.stop - part.start):
                self._state[part] = np.frombuffer(state)
        self._kept[0] = self._state
        there = np.flatnonzero(bars["revision"] >= 0)
        self._newest[0] = there[-1] if len(there) else -1
        self._move(bars, 0, self.newest + 1)
