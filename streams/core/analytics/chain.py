"""The indicators of one interval, moved along its bars: forward by a new one, anew from a changed one."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from schemas.batches.nested import encode_items, encode_texts, map_key, pack_double
from schemas.config import IndicatorConfig
from streams.core.analytics.indicators import INDICATORS
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.rows import Ints, Rows


class Chain:
    """States before each bar of a window, and the values after it.

    Attributes:
        indicators: what is computed, in the order of the configuration.
        states: per indicator its states[places + 1]; the first is the one before the window.
        values: float64[indicators, places], NaN while not ready.
        unseen: float64[indicators, places], weight of unseen history.
        newest: last place that has a bar, -1 for none.
    """

    def __init__(self, indicators: tuple[IndicatorConfig, ...], places: int) -> None:
        self.indicators = indicators
        self.states = [np.zeros(places + 1, INDICATORS[one.kind].state) for one in indicators]
        self.values = np.full((len(indicators), places), np.nan)
        self.unseen = np.ones((len(indicators), places))
        self.newest = -1
        self._keys = tuple(map_key(one.name) for one in indicators)
        self._converged: dict[tuple[bool, ...], bytes] = {}

    def revise(self, bars: Rows, changed: Sequence[int]) -> Ints:
        """Run forward from the first changed bar to the newest one.

        Args:
            bars: BAR[places], the bars of this interval.
            changed: places of bars that are new or changed, not empty.

        Returns:
            int64, ascending: those places, and all later ones that have other values now.
        """
        first, before = min(changed[0], self.newest + 1), self.newest
        self.newest = max(changed[-1], self.newest)
        if before < first:  # new bars alone
            self._advance(bars, first)
            return np.asarray(changed, np.int64)
        part = slice(first, self.newest + 1)
        old = self.values[:, part].copy(), self.converged(part)
        self._advance(bars, first)
        other = self._differ(part, *old)
        other[np.asarray(changed) - first] = True
        return first + np.flatnonzero(other & (bars["revision"][part] >= 0))

    def _advance(self, bars: Rows, first: int) -> None:
        for number, one in enumerate(self.indicators):
            INDICATORS[one.kind].advance(
                self.states[number], bars, first, self.newest + 1, one.length,
                self.values[number], self.unseen[number],
            )  # fmt: skip

    def converged(self, part: slice) -> NDArray[np.bool_]:
        """Whether each value of those places has converged, bool[indicators, places]."""
        return np.asarray((self.unseen[:, part] < CONVERGED) & np.isfinite(self.values[:, part]))

    def _differ(
        self, part: slice, values: NDArray[np.float64], converged: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        now = self.values[:, part]
        same = (now == values) | (np.isnan(now) & np.isnan(values))
        return np.asarray(np.any(~same | (self.converged(part) != converged), axis=0))

    def cells(self, place: int) -> tuple[bytes, bytes]:
        """The values of a place that are ready and the names of those that have converged, in Avro."""
        values = self.values[:, place].tolist()
        ready = [isfinite(value) for value in values]
        items = [
            key + pack_double(value) for key, value, has in zip(self._keys, values, ready, strict=True) if has
        ]
        weights = zip(ready, self.unseen[:, place].tolist(), strict=True)
        converged = tuple(has and weight < CONVERGED for has, weight in weights)
        return encode_items(items), self._converged.get(converged) or self._names(converged)

    def _names(self, wanted: tuple[bool, ...]) -> bytes:
        names = [one.name for one, has in zip(self.indicators, wanted, strict=True) if has]
        cell = self._converged[wanted] = encode_texts(names)
        return cell

    def start_at(self, place: int) -> list[Rows]:
        """State of each indicator before a place, an array of one each."""
        reached = min(place, self.newest + 1)
        return [states[reached : reached + 1].copy() for states in self.states]

    def restart(self, bars: Rows) -> None:
        """Compute everything from the first states on, over the bars there are."""
        there = np.flatnonzero(bars["revision"] >= 0)
        self.newest = -1
        if len(there):
            self.revise(bars, [0, int(there[-1])])
