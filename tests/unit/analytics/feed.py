"""What the tests of ``analytics`` share: minutes by number, a stage that is fed records, its last rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from schemas.config import Domain, IndicatorConfig
from streams.core.analytics.stage import AnalyticsStage
from tests.factories import DAY, Record, bar, columns, config, domain, heartbeat, minute_status, rows_of

THREE = (
    IndicatorConfig("ema_3", "ema", 3),
    IndicatorConfig("rsi_3", "rsi", 3),
    IndicatorConfig("vwap", "vwap"),
)
"""Indicators that are ready soon."""

DERIVED = ("bars.5m", "bars.15m", "bars.30m", "bars.1h", "bars.1d")


def clock(minute: int, day: str = DAY) -> str:
    """Text of a minute of the New York session, counted from its open."""
    hours, minutes = divmod(13 * 60 + 30 + minute, 60)
    return f"{day}T{hours:02d}:{minutes:02d}:00"


def minute(number: int, *prices: float, day: str = DAY, **fields: Any) -> Record:
    """The 1m bar of a minute of the session; its price is its number unless given."""
    return bar(clock(number, day), *(prices or (float(number),)), **fields)


def flat(number: int, price: float, **fields: Any) -> Record:
    """A flat minute."""
    return minute(
        number, price, volume=0.0, trades=0, notional=0.0, fill="flat", actual=0, filled=1, **fields
    )


def missing(number: int, cause: str, *, filled: bool = False, day: str = DAY) -> Record:
    """A minute without a real bar."""
    return minute_status(clock(number, day), source="bars", cause=cause, filled=filled)


def through(number: int, day: str = DAY, **fields: Any) -> Record:
    """A heartbeat through the start of a minute of the session."""
    return heartbeat(clock(number, day), "bars", **fields)


class Feed:
    """A stage that is fed records one step after the other; it keeps all that came out."""

    def __init__(self, body: Domain | None = None, *, batch: int = 1_000_000) -> None:
        self.stage = AnalyticsStage(0)
        self.out: dict[str, list[Record]] = {}
        self.counts: dict[str, int] = {}
        self.order: list[str] = []
        self._batch = batch
        self._next = 0
        if body is not None:
            self(config(body))

    def __call__(self, *records: Record) -> dict[str, list[Record]]:
        """Feed records; what they gave."""
        found: dict[str, list[Record]] = {}
        for first in range(0, len(records), self._batch):
            for topic, rows in self._step(records[first : first + self._batch]).items():
                found.setdefault(topic, []).extend(rows)
        for topic, rows in found.items():
            self.out.setdefault(topic, []).extend(rows)
        return found

    def _step(self, records: Sequence[Record]) -> dict[str, list[Record]]:
        outputs = self.stage.step(columns("bars.1m", 0, *records, first_offset=self._next))
        self._next += len(records)
        self.order += outputs.topics
        for name, count in outputs.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        return {topic: rows_of(found) for topic, found in outputs.topics.items()}

    def rewind(self, offset: int) -> None:
        """Feed on from an earlier offset."""
        self._next = offset


def plain(**fields: Any) -> Domain:
    """A configuration without indicators."""
    return domain(**fields)


def last_rows(rows: Iterable[Record]) -> dict[tuple[Any, ...], Record]:
    """The row of the highest revision by natural key."""
    last: dict[tuple[Any, ...], Record] = {}
    for row in rows:
        key = row["record"], row["symbol"], row["interval"], row["ts_open"]
        if key not in last or row["revision"] >= last[key]["revision"]:
            last[key] = row
    return last


def only(rows: Iterable[Record], **fields: Any) -> list[Record]:
    """Rows that have those fields."""
    return [row for row in rows if all(row[name] == value for name, value in fields.items())]
