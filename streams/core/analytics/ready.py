"""What ``analytics`` puts out: derived bars, indicator values, ``ready`` and what was refused.

A ``ready`` follows all values of its bar: the topics go out as 5m, 15m, 30m, 1h, 1d, indicators, ready.
"""

from math import isfinite
from typing import Final

import numpy as np

from schemas.batches.nested import encode_map, encode_texts
from schemas.columns import Columns, Draft
from schemas.market.intervals import Interval
from schemas.records import record_type
from streams.core.analytics.revise import Places
from streams.core.analytics.rows import NULL, Row, Rows
from streams.core.analytics.state import SymbolState

_BAR: Final = record_type("Bar")
_COPIED: Final = (
    "ts_open", "ts_close", "session_date", "open", "high", "low", "close", "volume", "revision", "fill",
    "expected", "actual", "filled", "coverage", "flags",
)  # fmt: skip
_NULLABLE: Final = ("trades", "ts_first", "ts_last")


class Emission:
    """Collects the outputs of one step over a partition."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._bars: dict[Interval, list[tuple[bytes, bytes, Rows]]] = {}
        self._values = Draft("indicators", partition)
        self._ready = Draft("ready", partition)
        self._refused = {name: Draft(name, partition) for name in ("late", "dead-letters")}

    def bars(self, state: SymbolState, changed: Places) -> None:
        """Derived bars as they are now."""
        for number, place in changed:
            row = state.interval_bars(number)[place : place + 1].copy()
            source = state.sources[int(row["source"][0])].encode()
            interval = state.plan.layout.intervals[number]
            self._bars.setdefault(interval, []).append((state.name, source, row))

    def values(self, state: SymbolState, revised: Places) -> None:
        """Indicator values as they are now, and that they are ready."""
        for number, place in revised:
            bar = state.interval_bars(number)[place]
            revision = bar["revision"]
            if state.plan.indicators[number]:
                revision = bar["values_revision"]
                self._value(state, number, place, bar)
            self._ready.row(
                "Ready", symbol=state.name, interval=_interval(state, number), ts_open=bar["ts_open"],
                ts_close=bar["ts_close"], revision=revision, what="bars",
            )  # fmt: skip

    def _value(self, state: SymbolState, number: int, place: int, bar: Row) -> None:
        chain = state.chains[number]
        names = [one.name for one in chain.indicators]
        values = chain.values[:, place].tolist()
        converged = chain.converged(slice(place, place + 1))[:, 0].tolist()
        there = {name: value for name, value in zip(names, values, strict=True) if isfinite(value)}
        known = [name for name, one in zip(names, converged, strict=True) if one]
        due = int(state.window.due_next[state.window.begins[number] + place])
        self._values.row(
            "IndicatorValues", symbol=state.name, interval=_interval(state, number), ts_open=bar["ts_open"],
            ts_close=bar["ts_close"], revision=bar["values_revision"], bar_revision=bar["revision"],
            values=encode_map(there), converged=encode_texts(known), ts_expires=due + state.plan.expiry,
        )  # fmt: skip

    def heartbeat(self, batch: Columns, row: Row) -> None:
        """A heartbeat passed on."""
        self._ready.row(
            "Heartbeat", source=batch.bytes_at(row["source"]), writer="analytics",
            **{name: row[name] for name in ("ts", "alive", "ts_last", "ts_through", "final")},
        )  # fmt: skip

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
        derived = {
            f"bars.{interval.name}": self._columns(interval.name, parts)
            for interval, parts in sorted(self._bars.items())
        }
        drafts = {"indicators": self._values, "ready": self._ready, **self._refused}
        return derived | {name: draft.finish() for name, draft in drafts.items() if len(draft)}

    def _columns(self, interval: str, parts: list[tuple[bytes, bytes, Rows]]) -> Columns:
        draft = Draft(f"bars.{interval}", self._partition)
        rows = np.concatenate([row for _, _, row in parts])
        bars = _BAR.empty(len(rows))
        for name in (*_COPIED, *_NULLABLE):
            bars[name] = rows[name]
        bars["symbol"] = draft.texts(symbol for symbol, _, _ in parts)
        bars["source"] = draft.texts(source for _, source, _ in parts)
        bars["interval"] = draft.texts([interval.encode()])[0]
        bars["complete"] = rows["actual"] + rows["filled"] == rows["expected"]
        unknown = np.isnan(rows["notional"])
        bars["notional"] = np.where(unknown, 0.0, rows["notional"])
        bars["nulls"] |= np.where(unknown, _BAR.null_bit("notional"), np.uint64(0))
        for name in _NULLABLE:
            null = rows[name] == NULL
            bars[name][null] = 0
            bars["nulls"] |= np.where(null, _BAR.null_bit(name), np.uint64(0))
        draft.extend("Bar", bars)
        return draft.finish()


def _interval(state: SymbolState, number: int) -> str:
    return state.plan.layout.intervals[number].name
