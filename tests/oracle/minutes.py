"""What ``ticks`` says of minutes beside their bars: refused records, holes in sequences, halts."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from schemas.config import Domain
from tests.oracle.calendar import MINUTE, Calendar

Key = tuple[str, str, int]
"""Symbol, source, ts_open."""
Record = dict[str, Any]

LASTS: Final = 10**30
COUNTED: Final = {"rejected": "rejected", "duplicate": "duplicate", "late.V16": "late"}


@dataclass
class _Halt:
    """A halt, ``[start, end)``, and the mark of its source up to which its minutes are told."""

    start: int
    end: int = LASTS
    told: int = -LASTS


class Minutes:
    """By law "MinuteStatus {symbol, source, ts_open, rejected, late, duplicate, seq_hole, halted}".

    Attributes:
        told: what was said of each minute.
    """

    def __init__(self) -> None:
        self.told: dict[Key, Record] = {}
        self._open: dict[Key, Record] = {}
        self._closed: set[Key] = set()
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._halts: dict[tuple[str | None, str], list[_Halt]] = defaultdict(list)

    def note(self, key: Key, **said: int) -> None:
        """Something is to be said of an open minute."""
        if key in self._closed:
            return  # By text "MinuteStatus goes out once, at the minute's close"
        row = self._open.setdefault(key, defaultdict(int))
        for name, count in said.items():
            row[name] += count

    def tell(self, key: Key) -> None:
        """A minute closes: "before the minute's close where there is something to say"."""
        if key in self._open:
            self._closed.add(key)
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
        last = spans[-1] if spans and spans[-1].end == LASTS else None
        if status["status"] == "halted" and last is None:
            spans.append(_Halt(status["ts"]))
        elif status["status"] == "halted" and last is not None and status["ts"] < last.start:
            last.start, last.told = status["ts"], -LASTS
        elif status["status"] == "resumed" and last is not None:
            last.end = status["ts"]

    def tell_halts(self, symbol: str, source: str, calendar: Calendar, mark: int, disorder: int) -> None:
        """The halted minutes that a heartbeat of their source closes."""
        for halt in [*self._halts[None, source], *self._halts[symbol, source]]:
            for ts_open in range(halt.start - halt.start % MINUTE, min(halt.end, mark - disorder), MINUTE):
                touched = halt.start < halt.end and calendar.segment(ts_open) is not None
                # Those that closed while the symbol was out are told to nobody.
                if touched and halt.told < ts_open + MINUTE + disorder <= mark:
                    self.told.setdefault((symbol, source, ts_open), defaultdict(int))["halted"] = 1

    def heard(self, source: str, mark: int) -> None:
        """The halts of a source are told of up to a mark."""
        for (_, own), halts in self._halts.items():
            for halt in halts if own == source else []:
                halt.told = max(halt.told, mark)

    def forget(self, symbols: set[str]) -> None:
        """Symbols were taken out, and whether they are halted is forgotten."""
        for symbol, source in [who for who in self._halts if who[0] in symbols]:
            del self._halts[symbol, source]


def is_gapless(source: str, domain: Domain) -> bool:
    """Whether a source numbers its records without holes."""
    return any(one.name == source and one.gapless for one in domain.sources)
