"""Which sources speak on ``bars.raw``: alive, on probation or dead, and how long they were silent."""

from collections import defaultdict
from enum import Enum
from typing import Any, Final

from schemas.config import Domain

MS: Final = 1_000_000
NEVER: Final = -(10**30)


class Life(Enum):
    """What a source is worth right now."""

    COUNTS = "counts"
    PROBATION = "probation"
    DEAD = "dead"


class Sources:
    """Heartbeats of one partition of ``bars.raw`` so far.

    Attributes:
        mark: largest ``ts_through`` of each source; its watermark too (bars have no disorder).
        last: each new ``ts_last`` of a source, ascending.
    """

    def __init__(self) -> None:
        self.mark: dict[str, int] = defaultdict(lambda: NEVER)
        self.last: dict[str, list[int]] = defaultdict(list)
        self._seen: dict[tuple[str, str], int] = {}
        self._beat: dict[str, dict[str, Any]] = {}
        self._newest: dict[bool, int] = defaultdict(lambda: NEVER)
        self._failed: dict[str, bool] = defaultdict(bool)
        self._since: dict[str, int] = {}
        self.dead: dict[str, list[list[int]]] = defaultdict(list)

    def hear(self, beat: dict[str, Any], domain: Domain) -> bool:
        """Take a heartbeat; False where it says nothing new."""
        # By law "one not newer than its source's last (per writer and partition) is ignored"
        who = (beat["source"], beat["writer"])
        if who in self._seen and beat["ts"] <= self._seen[who]:
            return False
        self._seen[who] = beat["ts"]
        source = beat["source"]
        # By law "the mark = max(ts_through, ...), monotone"
        self.mark[source] = max(self.mark[source], beat["ts_through"])
        if not self.last[source] or beat["ts_last"] > self.last[source][-1]:
            self.last[source].append(beat["ts_last"])
        self._beat[source] = beat
        # By law "Ages are compared only among heartbeats that came the same way (straight, or through ticks)"
        way = beat["writer"] == "ticks"
        self._newest[way] = max(self._newest[way], beat["ts"])
        for name in self._beat:
            self._follow(name, domain)
        return True

    def _follow(self, source: str, domain: Domain) -> None:
        """Keep the spans in which a source was dead, and when it came back."""
        dead = self.dead[source]
        if not self._alive(source, domain):
            if not dead or dead[-1][1] != -NEVER:
                dead.append([self._died(source, domain), -NEVER])
            return
        if dead and dead[-1][1] == -NEVER:
            dead[-1][1] = self._since[source] = self._beat[source]["ts"]

    def _alive(self, source: str, domain: Domain) -> bool:
        beat, timeout = self._beat[source], domain.source_timeout_ms * MS
        period = next((one.poll_ms for one in domain.sources if one.name == source), 0) * MS
        # By law "alive while its last heartbeat says so and is at most [5 s] older than the partition's
        # newest heartbeat of any writer, and its ts_through at most [5 s; a poller: 2 periods] behind its ts"
        fresh = self._newest[beat["writer"] == "ticks"] - beat["ts"] <= timeout
        return bool(beat["alive"]) and fresh and beat["ts"] - beat["ts_through"] <= (2 * period or timeout)

    def _died(self, source: str, domain: Domain) -> int:
        """When a source that is not alive stopped being so."""
        beat, timeout = self._beat[source], domain.source_timeout_ms * MS
        fresh = self._newest[beat["writer"] == "ticks"] - beat["ts"] <= timeout
        return beat["ts"] if fresh else beat["ts"] + timeout

    def life(self, source: str, domain: Domain) -> Life:
        """What a source is worth at this record."""
        if source not in self._beat or not self._alive(source, domain):
            return Life.DEAD
        # By law "after a failure it counts again after [60 s] of probation"
        beat = self._beat[source]
        now = self._newest[beat["writer"] == "ticks"]
        if source in self._since and now - self._since[source] < domain.probation_ms * MS:
            return Life.PROBATION
        return Life.COUNTS

    def was_dead(self, source: str, start: int, end: int) -> bool:
        """Whether a source was dead at any time in ``[start, end)``."""
        return source not in self._beat or any(
            died < end and back > start for died, back in self.dead[source]
        )

    def silent_since(self, source: str) -> tuple[int, int]:
        """The last ``ts_last`` and the ``ts`` that said so."""
        return self.last[source][-1], self._beat[source]["ts"]
