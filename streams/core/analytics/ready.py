"""What ``analytics`` puts out: derived bars, indicator values, ``ready`` and what was refused.

A ``ready`` follows all values of its bar: the topics go out as 5m, 15m, 30m, 1h, 1d, indicators, ready.
"""

from typing import Any, Final, TypeAlias

import numpy as np

from schemas.columns import Columns, Draft
from schemas.jit import kernel
from schemas.market.intervals import Interval
from schemas.records import record_type
from streams.core.analytics.abreast import Turn
from streams.core.analytics.revise import Places
from streams.core.analytics.rows import BAR, NULL, Row, Rows
from streams.core.analytics.state import SymbolState
from streams.core.analytics.told import NO_NAMES, Told, derived

_BAR: Final = record_type("Bar")
_NO_NOTIONAL: Final = _BAR.null_bit("notional")
_NO_TRADES: Final = _BAR.null_bit("trades")
_NO_FIRST: Final = _BAR.null_bit("ts_first")
_NO_LAST: Final = _BAR.null_bit("ts_last")
BARS: Final = b"bars"
"""Ready are a bar and its compiled indicators."""
INDICATORS: Final = b"indicators"
"""Ready are all indicators of a bar, those of functions too."""
_WRITER: Final = b"analytics"

_Part: TypeAlias = tuple[list[bytes], list[bytes], Rows]


class Emission:
    """Collects the outputs of one step over a partition.

    Args:
        batch: the records of the step.
        partition: number of the partition.
    """

    def __init__(self, batch: Columns, partition: int) -> None:
        self._batch = batch
        self._partition = partition
        self._bars: dict[Interval, list[_Part]] = {}
        self._values: list[tuple[Any, ...]] = []
        self._ready: list[tuple[Any, ...]] = []
        self._heartbeats: list[tuple[Any, ...]] = []
        self._before: list[int] = []  # ready records before each heartbeat
        self._count = 0  # of ready records
        self._drafts: dict[str, Draft] = {}
        self._refused: dict[str, Draft] = {}

    def bars(self, state: SymbolState, changed: Places) -> None:
        """Derived bars as they are now."""
        for number, place in changed:
            row = state.interval_bars(number)[place : place + 1].copy()
            source = state.sources[int(row["source"][0])].encode()
            interval = state.plan.layout.intervals[number]
            self._bars.setdefault(interval, []).append(([state.name], [source], row))

    def values(self, state: SymbolState, revised: Places, what: bytes = BARS) -> None:
        """Indicator values as they are now, and that they are ready: ``what`` says all that is."""
        for number, place in revised:
            bar = state.interval_bars(number)[place]
            interval = state.plan.layout.intervals[number].name.encode()
            where = state.name, interval, int(bar["ts_open"]), int(bar["ts_close"])
            revision = int(bar["revision"])
            if state.chains[number].names:
                values_revision = int(bar["values_revision"])
                chain, due = state.chains[number], state.functions and bool(bar["due"])
                missing = chain.missing(place, due=due) if values_revision > 0 else NO_NAMES
                rest = (*chain.cells(place, due=due), state.expires(number, place), missing)
                self._values.append((*where, values_revision, revision, *rest))
                revision = values_revision
            self._ready.append((*where, revision, what))
            self._count += 1

    def turn(self, turn: Turn) -> None:
        """What many bars put out, each the next one of its symbol."""
        self._flush()
        intervals = turn.states[0].plan.layout.intervals
        told = Told(turn, intervals)
        for number in sorted(told.intervals - {0}):
            self._bars.setdefault(intervals[number], []).append(derived(turn, number))
        indicators, ready = self._draft("indicators"), self._draft("ready")
        indicators.extend("IndicatorValues", told.values(indicators))
        rows = told.ready(ready, BARS)
        self._tell(rows, self._count)
        self._count += len(rows)

    def heartbeat(self, source: bytes, promise: tuple[int, ...]) -> None:
        """A heartbeat passed on: all its fields after the writer."""
        self._heartbeats.append((source, _WRITER, *promise))
        self._before.append(self._count)

    def refuse(self, position: int, code: str, detail: str, topic: str = "dead-letters") -> None:
        """A record that was refused or came too late, with its original bytes."""
        batch = self._batch
        key = batch.keys[position]
        if topic not in self._refused:
            self._refused[topic] = Draft(topic, self._partition)
        self._refused[topic].row(
            "DeadLetter", stage="analytics", topic=batch.topic.name, partition=batch.partition,
            offset=int(batch.offsets[position]), ts_event=int(batch.timestamps[position]) * 1_000_000,
            code=code, detail=detail, key=batch.bytes_at(key) if key["size"] >= 0 else None,
            data=batch.bytes_at(batch.values[position]),
        )  # fmt: skip

    def finish(self) -> dict[str, Columns]:
        """Columns by topic, in the order in which they go out; topics without a record are left out."""
        drafts = {f"bars.{interval}": self._bars_of(interval) for interval in sorted(self._bars)}
        self._flush()
        drafts |= {name: self._drafts[name] for name in ("indicators", "ready") if len(self._draft(name))}
        drafts |= {name: self._refused[name] for name in ("late", "dead-letters") if name in self._refused}
        return {name: draft.finish() for name, draft in drafts.items()}

    def _draft(self, topic: str) -> Draft:
        if topic not in self._drafts:
            self._drafts[topic] = Draft(topic, self._partition)
        return self._drafts[topic]

    def _flush(self) -> None:
        """Give what was told of one by one to the drafts."""
        if self._values:
            draft = self._draft("indicators")
            draft.extend("IndicatorValues", _rows(draft, "IndicatorValues", self._values))
        ready = self._draft("ready")
        if self._heartbeats:
            # A heartbeat stands before the ready record that had its number when it came.
            at = 2 * np.array(self._before, np.int64)
            ready.extend("Heartbeat", _rows(ready, "Heartbeat", self._heartbeats), at)
        if self._ready:
            self._tell(_rows(ready, "Ready", self._ready), self._count - len(self._ready))
        self._values, self._ready, self._heartbeats, self._before = [], [], [], []

    def _tell(self, rows: Rows, first: int) -> None:
        """Ready records whose first has a number."""
        self._draft("ready").extend("Ready", rows, 2 * np.arange(first, first + len(rows)) + 1)

    def _bars_of(self, interval: Interval) -> Draft:
        parts = self._bars[interval]
        draft = Draft(f"bars.{interval}", self._partition)
        rows = np.frombuffer(b"".join([row.tobytes() for _, _, row in parts]), BAR)
        bars = _BAR.empty(len(rows))
        _write(rows, bars)
        bars["symbol"] = draft.texts(name for names, _, _ in parts for name in names)
        bars["source"] = draft.texts(source for _, sources, _ in parts for source in sources)
        bars["interval"] = draft.text(interval.name.encode())
        draft.extend("Bar", bars)
        return draft


@kernel
def _write(rows: Rows, bars: Rows) -> None:
    """Copy what derived bars are into records."""
    for place in range(len(rows)):
        row, bar = rows[place], bars[place]
        bar["ts_open"], bar["ts_close"] = row["ts_open"], row["ts_close"]
        bar["session_date"], bar["revision"] = row["session_date"], row["revision"]
        bar["open"], bar["high"] = row["open"], row["high"]
        bar["low"], bar["close"], bar["volume"] = row["low"], row["close"], row["volume"]
        bar["fill"], bar["flags"], bar["coverage"] = row["fill"], row["flags"], row["coverage"]
        bar["expected"], bar["actual"], bar["filled"] = row["expected"], row["actual"], row["filled"]
        bar["complete"] = row["actual"] + row["filled"] == row["expected"]
        _write_nullable(row, bar)


@kernel
def _write_nullable(row: Row, bar: Row) -> None:
    if np.isnan(row["notional"]):
        bar["nulls"] |= _NO_NOTIONAL
    else:
        bar["notional"] = row["notional"]
    if row["trades"] == NULL:
        bar["nulls"] |= _NO_TRADES
    else:
        bar["trades"] = row["trades"]
    if row["ts_first"] == NULL:
        bar["nulls"] |= _NO_FIRST
    else:
        bar["ts_first"] = row["ts_first"]
    if row["ts_last"] == NULL:
        bar["nulls"] |= _NO_LAST
    else:
        bar["ts_last"] = row["ts_last"]


def _rows(draft: Draft, record: str, rows: list[tuple[Any, ...]]) -> Rows:
    """Rows given as tuples in the order of the fields, texts as bytes."""
    text = draft.text
    cells = [(*[text(cell) if type(cell) is bytes else cell for cell in row], 0) for row in rows]
    return np.array(cells, record_type(record).dtype)
