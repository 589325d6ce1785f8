"""What ``analytics`` puts out: derived bars, indicator values, ``ready`` and what was refused.

A ``ready`` follows all values of its bar: the topics go out as 5m, 15m, 30m, 1h, 1d, indicators, ready.
"""

from math import isfinite
from typing import Any, Final

import numpy as np

from schemas.batches.nested import encode_map, encode_texts
from schemas.columns import Columns, Draft
from schemas.market.intervals import Interval
from schemas.records import record_type
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.revise import Places
from streams.core.analytics.rows import BAR, NULL, Row
from streams.core.analytics.state import SymbolState

_BAR: Final = record_type("Bar")
_COPIED: Final = (
    "ts_open", "ts_close", "session_date", "open", "high", "low", "close", "volume", "revision", "fill",
    "expected", "actual", "filled", "coverage", "flags",
)  # fmt: skip
_NULLABLE: Final = ("trades", "ts_first", "ts_last")
_BARS: Final = b"bars"


class Emission:
    """Collects the outputs of one step over a partition."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._bars: dict[Interval, list[tuple[bytes, bytes, Row]]] = {}
        self._values: list[tuple[Any, ...]] = []
        self._ready: list[tuple[Any, ...]] = []
        self._heartbeats: list[tuple[int, tuple[Any, ...]]] = []
        self._refused = {name: Draft(name, partition) for name in ("late", "dead-letters")}

    def bars(self, state: SymbolState, changed: Places) -> None:
        """Derived bars as they are now."""
        for number, place in changed:
            row = state.interval_bars(number)[place].copy()
            source = state.sources[int(row["source"])].encode()
            interval = state.plan.layout.intervals[number]
            self._bars.setdefault(interval, []).append((state.name, source, row))

    def values(self, state: SymbolState, revised: Places) -> None:
        """Indicator values as they are now, and that they are ready."""
        for number, place in revised:
            bar = state.interval_bars(number)[place]
            interval = state.plan.layout.intervals[number].name.encode()
            place_in_time = state.name, interval, bar["ts_open"], bar["ts_close"]
            revision = bar["revision"]
            if state.plan.indicators[number]:
                self._values.append((*place_in_time, *_values(state, number, place)))
                revision = bar["values_revision"]
            self._ready.append((*place_in_time, revision, _BARS))

    def heartbeat(self, batch: Columns, row: Row) -> None:
        """A heartbeat passed on."""
        promise = tuple(row[name] for name in ("ts", "alive", "ts_last", "ts_through", "final"))
        self._heartbeats.append((len(self._ready), (batch.bytes_at(row["source"]), b"analytics", *promise)))

    def refuse(
        self, batch: Columns, position: int, code: str, detail: str, topic: str = "dead-letters"
    ) -> None:
        """A record that was refused or came too late, with its original bytes."""
        key = batch.keys[position]
        self._refused[topic].row(
            "DeadLetter", stage="analytics", topic=batch.topic.name, partition=batch.partition,
            offset=int(batch.offsets[position]), ts_event=int(batch.timestamps[position]) * 1_000_000,
            code=code, detail=detail, key=batch.bytes_at(key) if key["size"] >= 0 else None,
            data=batch.bytes_at(batch.values[position]),
        )  # fmt: skip

    def finish(self) -> dict[str, Columns]:
        """Columns by topic, in the order in which they go out; topics without a record are left out."""
        drafts = {f"bars.{interval}": self._bars_of(interval) for interval in sorted(self._bars)}
        drafts["indicators"] = Draft("indicators", self._partition)
        _extend(drafts["indicators"], "IndicatorValues", self._values)
        drafts["ready"] = Draft("ready", self._partition)
        # A heartbeat stands before the ready record that had its number when it came.
        _extend(drafts["ready"], "Heartbeat", [row for _, row in self._heartbeats], self._heartbeat_places())
        _extend(drafts["ready"], "Ready", self._ready)
        drafts |= self._refused
        return {name: draft.finish() for name, draft in drafts.items() if len(draft)}

    def _heartbeat_places(self) -> list[int]:
        return [number for number, _ in self._heartbeats]

    def _bars_of(self, interval: Interval) -> Draft:
        parts = self._bars[interval]
        draft = Draft(f"bars.{interval}", self._partition)
        rows = np.zeros(len(parts), BAR)
        for place, (_, _, row) in enumerate(parts):
            rows[place] = row
        bars = _BAR.empty(len(rows))
        for name in (*_COPIED, *_NULLABLE):
            bars[name] = rows[name]
        bars["symbol"] = draft.texts(symbol for symbol, _, _ in parts)
        bars["source"] = draft.texts(source for _, source, _ in parts)
        bars["interval"] = draft.texts([interval.name.encode()])[0]
        bars["complete"] = rows["actual"] + rows["filled"] == rows["expected"]
        unknown = np.isnan(rows["notional"])
        bars["notional"] = np.where(unknown, 0.0, rows["notional"])
        bars["nulls"] |= np.where(unknown, _BAR.null_bit("notional"), np.uint64(0))
        for name in _NULLABLE:
            null = rows[name] == NULL
            bars[name][null] = 0
            bars["nulls"] |= np.where(null, _BAR.null_bit(name), np.uint64(0))
        draft.extend("Bar", bars)
        return draft


def _values(state: SymbolState, number: int, place: int) -> tuple[Any, ...]:
    chain, bar = state.chains[number], state.interval_bars(number)[place]
    names = [one.name for one in chain.indicators]
    values = dict(zip(names, chain.values[:, place].tolist(), strict=True))
    ready = {name: value for name, value in values.items() if isfinite(value)}
    unseen = zip(names, chain.unseen[:, place].tolist(), strict=True)
    due = int(state.window.due_next[state.window.begins[number] + place])
    return (
        bar["values_revision"],
        bar["revision"],
        encode_map(ready),
        encode_texts([name for name, weight in unseen if weight < CONVERGED and name in ready]),
        due + state.plan.expiry,
    )


def _extend(draft: Draft, record: str, rows: list[tuple[Any, ...]], places: list[int] | None = None) -> None:
    """Append rows given as tuples in the order of the fields, texts as bytes."""
    if not rows:
        return
    cells = [
        (*(draft.text(value) if isinstance(value, bytes) else value for value in row), 0) for row in rows
    ]
    at = np.arange(len(rows)) if places is None else np.array(places, np.int64)
    draft.extend(record, np.array(cells, record_type(record).dtype), at)
