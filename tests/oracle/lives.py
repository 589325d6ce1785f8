"""When the sources of ``ticks.raw`` were alive, as far as their heartbeats say."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.config import Domain

MS: Final = 1_000_000
LASTS: Final = 10**30


@dataclass
class _Life:
    """One source."""

    beat: dict[str, Any]
    born: int | None = None
    last_good: int = 0
    outages: list[list[int]] = field(default_factory=list)  # each [last good, next good)

    @property
    def up(self) -> bool:
        return self.born is not None and not (self.outages and self.outages[-1][1] == LASTS)


class Lives:
    """Every outage of every source of a partition."""

    def __init__(self) -> None:
        self._writers: dict[tuple[str, str], int] = defaultdict(lambda: -LASTS)
        self._lives: dict[str, _Life] = {}
        self._newest = -LASTS

    def hear(self, beat: dict[str, Any], domain: Domain) -> bool:
        """Take a heartbeat; False where it says nothing new."""
        # By law "one not newer than its source's last (per writer and partition) is ignored"
        source, who = beat["source"], (beat["source"], beat["writer"])
        if beat["ts"] <= self._writers[who]:
            return False
        self._writers[who] = beat["ts"]
        self._newest = max(self._newest, beat["ts"])
        self._lives.setdefault(source, _Life(beat)).beat = beat
        for name, life in self._lives.items():
            good = self._good(life.beat, domain, name)
            if not good and life.up:
                life.outages.append([life.last_good, LASTS])
            elif good and name == source:
                self._revive(life)
        return True

    def _revive(self, life: _Life) -> None:
        ts = life.last_good = life.beat["ts"]
        if life.born is None:
            life.born = ts
        elif not life.up:
            life.outages[-1][1] = ts

    def _good(self, beat: dict[str, Any], domain: Domain, source: str) -> bool:
        timeout = domain.source_timeout_ms * MS
        period = next((one.poll_ms for one in domain.sources if one.name == source), 0) * MS
        # By law "A source is alive while its last heartbeat says so and is at most [5 s] older than the
        # partition's newest heartbeat of any writer, and its ts_through at most [5 s; a poller: 2 periods]
        # behind its ts"
        fresh = self._newest - beat["ts"] <= timeout
        return bool(beat["alive"]) and fresh and beat["ts"] - beat["ts_through"] <= (2 * period or timeout)

    def was_whole(self, source: str, ts_open: int, ts_close: int) -> bool:
        """Whether a source is known to have been alive for all of ``[ts_open, ts_close)``."""
        life = self._lives.get(source)
        if life is None or life.born is None or life.born > ts_open:
            return False
        return not any(start < ts_close and end > ts_open for start, end in life.outages)
