"""What the stage puts out: rows of each record type, gathered in order, made columns at the end of a step."""

from collections import Counter
from typing import Final, TypeAlias

import numpy as np

from schemas.columns import Columns, Draft
from schemas.market.intervals import MINUTE
from schemas.records import SPAN, record_type
from streams.core.bars.doubt import CODES
from streams.core.bars.gaps import Extent, Summary
from streams.core.bars.sessions import Quality, Told
from streams.core.bars.state import FLAT, HALTED, HOLE, NO_TRADES, Day, Ints, Print
from streams.core.bars.validate import Rejected

Span: TypeAlias = tuple[int, int]
Row: TypeAlias = tuple[float | Span, ...]

STAGE: Final = "bars"
"""Source and writer of what this stage says itself."""

_STAGE: Final = STAGE.encode()
_NULL: Final = {
    (record, name): int(record_type(record).null_bit(name))
    for record, name in (("Bar", "ts_first"), ("Bar", "ts_last"), ("Session", "quality"))
}
_FLAT_NULLS: Final = _NULL["Bar", "ts_first"] | _NULL["Bar", "ts_last"]
_CODED: Final = sum(CODES)
_TOPICS: Final = ("bars.1m", "gaps", "sessions", "dead-letters", "late")


class Sheets:
    """The outputs of one step, in order.

    Args:
        partition: its number.
        batch: what is stepped over.

    Attributes:
        flagged: published bars by ``flagged.<code>`` of each flag that this stage sets.
    """

    def __init__(self, partition: int, batch: Columns | None = None) -> None:
        self.flagged: Counter[str] = Counter()
        self._partition = partition
        self._drafts: dict[str, Draft] = {}
        self._rows: dict[tuple[str, str], tuple[list[Row], list[int]]] = {}
        self._batch = batch
        self._copied: list[tuple[int, ...]] = []  # bars that go out as they came in, but for a few fields
        self._next = 0

    def _draft(self, topic: str) -> Draft:
        draft = self._drafts.get(topic)
        if draft is None:
            draft = self._drafts[topic] = Draft(topic, self._partition)
        return draft

    def _add(self, topic: str, record: str, row: Row) -> None:
        found = self._rows.get((topic, record))
        if found is None:
            found = self._rows[topic, record] = [], []
        found[0].append(row)
        found[1].append(self._next)
        self._next += 1

    def bar(self, symbol: bytes, day: Day, place: int, bar: Print, source: bytes) -> None:
        """A real or refetched bar."""
        row, text = day.rows[place], self._draft("bars.1m").text
        if bar.flags & _CODED:
            self.flagged.update(f"flagged.{code}" for bit, code in CODES.items() if bar.flags & bit)
        ts_open, _, _, revision, *_ = row.item()
        refetched = int(bar.fill == 1)
        self._add("bars.1m", "Bar", (
            text(symbol), text(b"1m"), ts_open, ts_open + MINUTE, day.session_date,
            bar.open, bar.high, bar.low, bar.close, bar.volume, bar.notional, bar.trades, bar.ts_first,
            bar.ts_last, revision, refetched, 1, 1, 0, 1, 1.0, text(source), bar.flags, bar.nulls,
        ))  # fmt: skip

    def bar_of(self, row: int, date: int, revision: int, flags: int) -> None:
        """The real bar that a row of the batch is, of a trade date."""
        self._copied.append((row, self._next, date, revision, flags))
        self._next += 1

    def flat(self, symbol: bytes, day: Day, place: int) -> None:
        """A flat bar: the previous close, no volume."""
        text = self._draft("bars.1m").text
        ts_open, price, _, revision, _, _, _, _, cause, *_ = day.rows[place].item()
        self._add("bars.1m", "Bar", (
            text(symbol), text(b"1m"), ts_open, ts_open + MINUTE, day.session_date,
            price, price, price, price, 0.0, 0.0, 0, 0, 0, revision, 2, 1, 0, 1, 1,
            float(cause == NO_TRADES), text(_STAGE), 0, _FLAT_NULLS,
        ))  # fmt: skip

    def status(self, symbol: bytes, day: Day, place: int) -> None:
        """Why a minute has no real bar."""
        text = self._draft("bars.1m").text
        ts_open, _, _, _, _, rejected, late, kind, cause, bits, *_ = day.rows[place].item()
        self._add("bars.1m", "MinuteStatus", (
            text(symbol), text(_STAGE), ts_open, rejected, late, 0, int(bits & HOLE != 0),
            int(bits & HALTED != 0), cause, int(kind == FLAT), 0,
        ))  # fmt: skip

    def heartbeat(self, ts: int, ts_last: int, ts_through: int, final: int) -> None:
        """The heartbeat of this stage."""
        who = self._draft("bars.1m").text(_STAGE)
        self._add("bars.1m", "Heartbeat", (who, who, ts, 1, ts_last, ts_through, final, 0))

    def config(self, version: int, ts: int, body: bytes) -> None:
        """A configuration passed on."""
        self._add("bars.1m", "Config", (version, ts, self._draft("bars.1m").text(body), 0))

    def gap(self, symbol: bytes, day: Day, gap: Extent, said: Summary, revision: int) -> None:
        """A gap as it stands."""
        first, last = day.rows[gap.start], day.rows[gap.end - 1]
        self._add("gaps", "Gap", (
            self._draft("gaps").text(symbol), int(first["ts_open"]), int(last["ts_open"]) + MINUTE,
            day.session_date, said.minutes, *said.causes, said.state, revision, 0,
        ))  # fmt: skip

    def session(self, symbol: bytes, day: Day, told: Told, of: Quality) -> None:
        """A session as it stands, by the bars of one interval."""
        text, quality = self._draft("sessions").text, of.parts.quality
        self._add("sessions", "Session", (
            text(symbol), day.session_date, *told.bounds, told.ts, told.state, *of.parts, quality or 0.0,
            int(day.head["session"][0]), text(of.interval), of.planned, of.flags,
            _NULL["Session", "quality"] if quality is None else 0,
        ))  # fmt: skip

    def letter(self, topic: str, batch: Columns, at: int, why: Rejected) -> None:
        """A record that is refused (``dead-letters``) or too late (``late``), with its bytes."""
        key = batch.keys[at]
        self._draft(topic).row(
            "DeadLetter",
            at=self._next,
            stage=STAGE,
            topic=batch.topic.name,
            partition=batch.partition,
            offset=int(batch.offsets[at]),
            ts_event=int(batch.timestamps[at]) * 1_000_000,
            code=why.code,
            detail=why.detail,
            key=None if int(key["size"]) < 0 else batch.bytes_at(key),
            data=batch.bytes_at(batch.values[at]),
        )
        self._next += 1

    def finish(self) -> dict[str, Columns]:
        """Columns by topic; a topic without records is left out."""
        if self._copied and self._batch is not None:
            self._copy(self._batch, np.array(self._copied, np.int64))
        for (topic, record), (rows, ats) in self._rows.items():
            table = np.array(rows, record_type(record).dtype)
            self._drafts[topic].extend(record, table, np.array(ats, np.int64))
        return {name: self._drafts[name].finish() for name in _TOPICS if name in self._drafts}

    def _copy(self, batch: Columns, said: Ints) -> None:
        """Bars of the batch, with the texts that they have there."""
        draft, bars, flags = self._draft("bars.1m"), batch.table("Bar")[said[:, 0]], said[:, 4]
        one_minute, shift = np.array(draft.text(b"1m"), SPAN), draft.size
        names = [bars["symbol"], bars["source"]]
        first = min(int(one["at"].min()) for one in names)
        draft.append(batch.data[first : max(int((one["at"] + one["size"]).max()) for one in names)])
        for one in names:
            one["at"] += shift - first
        bars["interval"], bars["session_date"], bars["revision"] = one_minute, said[:, 2], said[:, 3]
        bars["expected"] = bars["actual"] = bars["complete"] = bars["coverage"] = 1
        bars["fill"], bars["filled"], bars["flags"] = 0, 0, flags
        counts = {f"flagged.{code}": int(np.count_nonzero(flags & bit)) for bit, code in CODES.items()}
        self.flagged.update({name: count for name, count in counts.items() if count})
        draft.extend("Bar", bars, said[:, 1])
