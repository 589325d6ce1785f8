"""What ``ticks`` says of minutes beside their bars: refused records, holes in sequences, halts."""

from collections import defaultdict
from typing import Any, Final

from schemas.config import Domain
from tests.oracle.calendar import MINUTE, Calendar

Key = tuple[str, str, int]
"""Symbol, source, ts_open."""
Record = dict[str, Any]

LASTS: Final = 10**30
COUNTED: Final = {"rejected": "rejected", "duplicate": "duplicate", "late.V16": "late"}


class Minutes:
    """By law "MinuteStatus {symbol, source, ts_open, rejected, late, duplicate, seq_hole, halted}".

    Attributes:
        told: what was said of each minute.
    """

    def __init__(self) -> None:
        self.told: dict[Key, Record] = {}
        self._open: dict[Key, Record] = {}
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._halts: dict[tuple[str | None, str], list[list[int]]] = defaultdict(list)

    def note(self, key: Key, **said: int) -> None:
        """Something is to be said of an open minute."""
        row = self._open.setdefault(key, defaultdict(int))
        for name, count in said.items():
            row[name] += count

    def tell(self, key: Key) -> None:
        """A minute closes: "before the minute's close where there is something to say"."""
        if key in self._open:
            self.told.setdefault(key, defaultdict(int)).update(self._open.pop(key))

    def open(self, source: str) -> list[Key]:
        """Minutes of a source of which something is to be said."""
        return [key for key in self._open if key[1] == source]

    def follows(self, record: Record) -> bool:
        """Whether the number of a record is the one after the last."""
        # By law V17 "hole or reset in seq, only for sources declared gapless per symbol"
        where = (record["symbol"], record["source"], record["record"])
        last = self._numbers.get(where)
        self._numbers[where] = record["seq"]
        return last is None or record["seq"] == last + 1

    def halt(self, status: Record) -> None:
        """Take a SourceStatus."""
        spans = self._halts[status["symbol"], status["source"]]
        lasts = bool(spans) and spans[-1][1] == LASTS
        if status["status"] == "halted" and lasts:
            spans[-1][0] = min(spans[-1][0], status["ts"])
        elif status["status"] == "halted":
            spans.append([status["ts"], LASTS])
        elif status["status"] == "resumed" and lasts:
            spans[-1][1] = status["ts"]

    def tell_halts(self, symbol: str, source: str, calendar: Calendar, watermark: int) -> None:
        """The halted minutes that a heartbeat of their source closes."""
        for start, end in [*self._halts[None, source], *self._halts[symbol, source]]:
            for ts_open in range(start - start % MINUTE, min(end, watermark), MINUTE):
                touched = start < end and calendar.segment(ts_open) is not None
                if touched and ts_open + MINUTE <= watermark:
                    self.told.setdefault((symbol, source, ts_open), defaultdict(int))["halted"] = 1


def is_gapless(source: str, domain: Domain) -> bool:
    """Whether a source numbers its records without holes."""
    return any(one.name == source and one.gapless for one in domain.sources)
