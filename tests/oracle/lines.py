"""What must become of one partition's log of ``lines.raw``: final equity, trades, dead letters.

Each sentence behind ``By law`` is one of SEMANTICS. Not covered: more than 256 KB of parked lines, lines that
carry a configuration or an end marker themselves.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.oracle.jsnl import Said, said
from tests.oracle.prints import Record

PARKED = 200
Run = tuple[str, str, bool]
"""Mode, strand and whether it is live."""


class Lines:
    """The oracle.

    Attributes:
        equity: live or staged value by (mode, strand_id, broker, ts_event).
        trades: item as JSON by (mode, strand_id, ts_event, type, offset, place in the line).
        ended: runs of lines before their end, (mode, strand_id, offset of the RunEnd).
        letters: whether unresolved, by offset of a line that became a dead letter, also for a part of it.
    """

    def __init__(self) -> None:
        self._next = 0
        self.equity: dict[tuple[str, str, str, int], tuple[float, bool, int]] = {}
        self.trades: dict[tuple[Any, ...], Any] = {}
        self.ended: set[tuple[str, str, int]] = set()
        self.letters: dict[int, bool] = {}
        self._configs: dict[str, dict[tuple[str, int], Record]] = defaultdict(dict)
        self._parked: dict[str, list[tuple[int, Record]]] = defaultdict(list)
        self._unknown: set[str] = set()
        self._used: dict[tuple[str, str], int] = defaultdict(int)
        self._last: dict[tuple[str, str, str], float] = {}

    def read(self, log: Iterable[Record]) -> "Lines":
        """Read a log, whose offsets count from 0; another one goes on where it ended."""
        for offset, record in enumerate(log, self._next):
            self._next = offset + 1
            mode = record["mode"]
            if record["record"] == "ModeConfig":
                # By law "a configuration of a known place changes nothing"
                self._configs[mode].setdefault((record["file_id"], record["line"]), record)
                # By law "ModeUnknown holds until a ModeConfig comes"
                self._unknown.discard(mode)
                self._release(mode)
            elif record["record"] == "ModeUnknown" and mode not in self._configs:
                # By law "At that offset parked lines are applied or dead-lettered unresolved"
                self._unknown.add(mode)
                self.letters |= dict.fromkeys((at for at, _ in self._parked.pop(mode, [])), True)
            elif record["record"] == "RunEnd" and mode not in self._configs:
                self.letters[offset] = True
            elif record["record"] == "RunEnd":
                _, strand, _ = self._run(record)
                self.ended.add((mode, strand, offset))
            elif record["record"] == "Line":
                self._line(offset, record)
        return self

    def published(self) -> dict[tuple[str, str, str, int], float]:
        """The final table: live values, and those of runs that ended."""
        # By law "Equity: live -> equity; non-live -> staging of its run"; its end publishes what is before it
        ends: dict[tuple[str, str], int] = {}
        for mode, strand, end in self.ended:
            ends[mode, strand] = max(end, ends.get((mode, strand), -1))
        return {
            key: value
            for key, (value, live, offset) in self.equity.items()
            if live or offset < ends.get(key[:2], -1)
        }

    def _release(self, mode: str) -> None:
        for offset, record in self._parked.pop(mode, []):
            self._apply(offset, record)

    def _line(self, offset: int, record: Record) -> None:
        # By law "A line at or below the last applied line of its (mode, file id) is a duplicate"; a line that
        # waits or is refused is used up as well.
        mode, where = record["mode"], (record["mode"], record["file_id"])
        if not mode:  # a line of no mode has no place among those of a mode
            self.letters[offset] = False
            return
        if record["line"] <= self._used[where]:
            return
        # By choice (docs/semantics.md) the first line of a file sent again forgets its run's last values
        begins = record["file_id"].startswith("again:") and not self._used[where]
        self._used[where] = record["line"]
        if record["detail"] or said(record["data"], mode) is None:
            self.letters[offset] = False
        elif mode in self._configs:
            if begins:
                strand = self._run(record)[1]
                self._last = {run: value for run, value in self._last.items() if run[:2] != (mode, strand)}
            self._apply(offset, record)
        elif mode in self._unknown:
            self.letters[offset] = True
        elif len(self._parked[mode]) == PARKED:
            # By law "parks that mode's lines [200 lines, 256 KB] ...; overflow at once"
            self.letters[offset] = True
        else:
            self._parked[mode].append((offset, record))

    def _run(self, record: Record) -> Run:
        configs, file_id, line = self._configs[record["mode"]], record["file_id"], record["line"]
        own = sorted(place for place in configs if place[0] == file_id)
        # By law "A line uses its mode's last configuration before it in its file, else the first one after it
        # that the opening scan found, else the mode's newest in the log."
        before = [place for place in own if place[1] < line]
        after = [place for place in own if place[1] > line and configs[place]["scanned"]]
        place = before[-1] if before else after[0] if after else list(configs)[-1]
        return record["mode"], configs[place]["strand_id"], configs[place]["live"]

    def _apply(self, offset: int, record: Record) -> None:
        mode, strand, live = self._run(record)
        line = said(record["data"], mode)
        assert isinstance(line, Said)
        if line.spoiled:
            self.letters[offset] = False
        for kind, *rest in line.items:
            if kind != "e":
                place, item = rest
                self.trades[mode, strand, line.ts_event, kind, offset, place] = json.loads(
                    json.dumps(item, default=float)
                )
                continue
            broker, value = rest
            # By law "equity_on_change compares within (mode, strand_id, broker), broker '' when absent"
            if self._last.get((mode, strand, broker)) != value:
                self._last[mode, strand, broker] = value
                self.equity[mode, strand, broker, line.ts_event] = (value, live, offset)
