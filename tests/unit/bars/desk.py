"""A bars stage with its log: feed records, read what came out.

The market opens at 13:30; ``minute(3)`` is 13:33. Two symbols have the sources ``feed`` (ticks, better) and
``feed.bars`` (a vendor), so that neither source is alone with one symbol.
"""

from typing import Any

from schemas.config import Domain
from schemas.rules import AssetRules
from streams.core.bars.stage import BarsStage
from streams.core.stage import Outputs
from tests.factories import DAY, Record, bar, columns, config, domain, heartbeat, rows_of, symbol

SOURCES = ["feed", "feed.bars"]


def minute(number: float, day: str = DAY) -> str:
    """ISO text of a minute of the session, counted from its open at 13:30."""
    seconds = round(13.5 * 3600 + number * 60)
    return f"{day}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def two(**fields: Any) -> Domain:
    """SPY and AIG with both sources; fields are those of the symbols. Bars may be ahead of heartbeats."""
    symbols = (symbol(name, **{"sources": SOURCES, **fields}) for name in ("SPY", "AIG"))
    return domain(*symbols, assets={"equity": AssetRules(future_ms=36_000_000)}, partitions=1)


def fed(number: float, *prices: float, **fields: Any) -> Record:
    """A bar from ``feed``, as the ticks stage writes it."""
    return bar(minute(number, fields.pop("day", DAY)), *prices, **{"source": "feed", **fields})


def vended(number: float, *prices: float, **fields: Any) -> Record:
    """A bar from the vendor."""
    return bar(minute(number, fields.pop("day", DAY)), *prices, **fields)


def beat(
    number: float, source: str = "feed", day: str = DAY, *, last: float | None = None, **fields: Any
) -> Record:
    """A heartbeat of a source at a minute; of ``feed`` it comes through ticks."""
    made = heartbeat(minute(number, day), source, writer="ticks" if source == "feed" else source, **fields)
    return made if last is None else {**made, "ts_last": heartbeat(minute(last, day))["ts"]}


class Desk:
    """One stage and the log before it.

    Attributes:
        stage: the stage; may be exchanged.
        log: every record fed so far.
        first: what came out at the first heartbeats.
    """

    def __init__(self, body: Domain | None = None, *, at: float = 0) -> None:
        self.stage = BarsStage(0)
        self.log: list[Record] = []
        self.feed(config(body or two()))
        if at is not None:
            self.first = self.feed(beat(at), beat(at, "feed.bars"))

    def feed(self, *records: Record) -> "Got":
        """Feed records as one batch."""
        batch = columns("bars.raw", 0, *records, first_offset=len(self.log))
        self.log.extend(records)
        return Got(self.stage.step(batch))


class Got:
    """What a step put out."""

    def __init__(self, outputs: Outputs) -> None:
        self.counts = outputs.counts
        self.topics = {name: rows_of(found) for name, found in outputs.topics.items()}

    def of(self, record: str) -> list[Record]:
        """All records of a type, topic by topic."""
        return [row for rows in self.topics.values() for row in rows if row["record"] == record]

    def bars(self, name: str = "SPY") -> list[tuple[int, float, str, int]]:
        """Minute since the open, close, fill and revision of each bar of a symbol."""
        return [
            (since(b), b["close"], b["fill"], b["revision"]) for b in self.of("Bar") if b["symbol"] == name
        ]

    def causes(self, name: str = "SPY") -> list[tuple[int, str, bool]]:
        """Minute, cause and whether it is filled, of each MinuteStatus of a symbol."""
        found = (row for row in self.of("MinuteStatus") if row["symbol"] == name)
        return [(since(row), row["cause"], row["filled"]) for row in found]

    def gaps(self, name: str = "SPY") -> list[tuple[int, int, str, int]]:
        """First minute, minutes, state and revision of each Gap of a symbol."""
        found = (row for row in self.of("Gap") if row["symbol"] == name)
        return [(since(row), row["minutes"], row["state"], row["revision"]) for row in found]

    def letters(self) -> list[str]:
        """Codes of what was refused or late."""
        return [row["code"] for row in self.of("DeadLetter")]


def since(row: Record) -> int:
    """Minute of a record since the open of its UTC day."""
    return int(row["ts_open"] // 60_000_000_000 % 1440) - 810
