"""Why a minute has no real bar."""

from collections import defaultdict
from typing import Any

from schemas.config import Domain, SymbolConfig
from tests.oracle.calendar import MINUTE, Segment
from tests.oracle.sources import MS, NEVER, Sources

Record = dict[str, Any]


class Causes:
    """What a log says of missing minutes, apart from heartbeats.

    Attributes:
        rejected: symbol and minute of every refused bar.
        lost: symbol and minute of which records may be lost by a hole in a sequence.
    """

    def __init__(self, sources: Sources) -> None:
        self.rejected: set[tuple[str, int]] = set()
        self.lost: set[tuple[str, int]] = set()
        self._sources = sources
        self._halted: set[tuple[str, int]] = set()
        self._halts: dict[tuple[str, str], list[list[int]]] = defaultdict(list)

    def note(self, status: Record) -> None:
        """Take a MinuteStatus."""
        place = (status["symbol"], status["ts_open"])
        if status["rejected"]:
            self.rejected.add(place)
        if status["halted"]:
            self._halted.add(place)

    def halt(self, status: Record, domain: Domain) -> None:
        """Take a SourceStatus."""
        for symbol in domain.symbols:
            if status["symbol"] not in (None, symbol.symbol) or status["source"] not in symbol.sources:
                continue
            spans = self._halts[symbol.symbol, status["source"]]
            if status["status"] == "halted" and not (spans and spans[-1][1] == -NEVER):
                spans.append([status["ts"], -NEVER])
            elif status["status"] == "resumed" and spans and spans[-1][1] == -NEVER:
                spans[-1][1] = status["ts"]

    def of(
        self, symbol: SymbolConfig, ts_open: int, decided_by: str, segment: Segment, domain: Domain
    ) -> str:
        """By law, in order of precedence: "halt, rejected, outage, no_trades, unknown"."""
        place, close = (symbol.symbol, ts_open), ts_open + MINUTE
        halts = [span for source in symbol.sources for span in self._halts[symbol.symbol, source]]
        if place in self._halted or any(start < close and end > ts_open for start, end in halts):
            return "halt"
        if place in self.rejected:
            return "rejected"
        if not decided_by:
            return "outage"  # no source was alive
        # By text "whether it is alive is not asked", named or no longer named
        is_past = decided_by not in symbol.sources
        if not is_past and self._sources.was_dead(decided_by, ts_open, close):
            return "outage"
        # By law "For a source configured with one symbol silence is always unknown"
        if sum(decided_by in one.sources for one in domain.symbols) == 1:
            return "unknown"
        cause = self._silence(decided_by, ts_open, segment, domain.silence_ms * MS)
        # A hole says that there were records, whatever they were.
        return "unknown" if cause == "no_trades" and place in self.lost else cause

    def _silence(self, source: str, ts_open: int, segment: Segment, limit: int) -> str:
        said = self._sources.last[source]
        if not said:
            return "unknown"
        before = max([segment.opens, *(ts for ts in said if ts <= ts_open)])
        after = [ts for ts in said if ts > ts_open]
        # By law "no_trades once its source's ts_last > its ts_open and the silence around it was at most
        # [5 min]; outage when longer ...; until then unknown"
        if after and after[0] == said[0]:
            return (
                "no_trades"  # By text "of what was before the first heartbeat of a source nothing is known"
            )
        if after:
            return "no_trades" if min(after[0], segment.closes) - before <= limit else "outage"
        _, now = self._sources.silent_since(source)
        return "outage" if min(now, segment.closes) - before > limit else "unknown"
