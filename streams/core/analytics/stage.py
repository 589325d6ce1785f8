"""The stage that makes everything derived from gapless 1m bars.

Order: records in log order; within one, see ``revise``. Symbols that become due by one heartbeat go by name.
Late: a bar older than the trade date before its symbol's newest one goes to ``late``.
State: ``saved`` for a symbol; for the partition the watermark of ``bars.1m`` and the configuration.
Emits: bars.5m to bars.1d, indicators, ready, late, dead-letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from schemas.columns import UNDECODABLE, Columns
from schemas.errors import ConfigurationError
from schemas.records import record_type
from streams.core.analytics.counts import Counts
from streams.core.analytics.incoming import faults, incoming
from streams.core.analytics.partition import CONFIG_KEYS, Partition
from streams.core.analytics.ready import Emission
from streams.core.analytics.revise import (
    NEVER,
    Places,
    close_through,
    next_due,
    revise_values,
    set_bar,
    set_cause,
)
from streams.core.analytics.rows import NONE, Rows
from streams.core.analytics.saved import Asleep, Saved, name_of
from streams.core.analytics.state import SymbolState
from streams.core.slots import pack, unpack
from streams.core.stage import PARTITION_KEY, Outputs

VERSION: Final = 1
"""Of the saved states."""

_CAUSE: Final = record_type("MinuteStatus").null_bit("cause")


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """What one step reads and writes."""

    batch: Columns
    bars: Rows
    faults: dict[int, tuple[str, str]]
    emission: Emission
    counts: Counts


class AnalyticsStage:
    """Derived bars, indicators and ``ready`` of one partition.

    Args:
        partition: number of the partition.
    """

    def __init__(self, partition: int) -> None:
        self._number = partition
        self._offset = NONE
        self._own = Partition()
        self._symbols: dict[bytes, SymbolState] = {}
        self._asleep: dict[bytes, Asleep] = {}
        self._dirty: set[bytes] = set()
        self._due = NEVER

    def step(self, batch: Columns) -> Outputs:
        """Apply records in log order; see ``Stage.step``."""
        step = _Step(batch, incoming(batch), faults(batch), Emission(self._number), Counts())
        apply = {
            batch.topic.kind("Bar"): self._bar,
            batch.topic.kind("MinuteStatus"): self._status,
            batch.topic.kind("Heartbeat"): self._heartbeat,
            batch.topic.kind("Config"): self._config,
            UNDECODABLE: self._undecodable,
        }
        for position in np.flatnonzero(batch.offsets > self._offset).tolist():
            self._offset = int(batch.offsets[position])
            apply[int(batch.kinds[position])](step, position, int(batch.rows[position]))
            self._dirty.add(PARTITION_KEY)
        return Outputs(step.emission.finish(), step.counts.named())

    def take_dirty(self) -> dict[bytes, bytes]:
        """Copies of the states that changed, the partition's own last; see ``Stage.take_dirty``."""
        names = sorted(self._dirty - {PARTITION_KEY})
        states = {key: self._packed(body) for key, body in (self._saved(name) for name in names)}
        if PARTITION_KEY in self._dirty:
            states |= {key: self._packed(body) for key, body in self._own.take()}
        self._dirty.clear()
        return states

    def restore(self, states: Mapping[bytes, bytes]) -> None:
        """Take up saved states; see ``Stage.restore``.

        A symbol wakes at the first record above its offset: only then is the configuration surely its own.
        """
        found = {key: unpack(VERSION, state) for key, state in states.items()}
        self._own = Partition.of({key: body for key, (_, body) in found.items()})
        self._offset, _ = found.get(PARTITION_KEY, (NONE, b""))
        own = {PARTITION_KEY, *CONFIG_KEYS}
        self._asleep = {key: Asleep.of(key, found) for key in found if name_of(key) == key and key not in own}

    def _saved(self, name: bytes) -> tuple[bytes, bytes]:
        state = self._symbols.get(name)
        return (name, self._asleep[name].whole) if state is None else state.save()

    def _packed(self, body: bytes) -> bytes:
        return pack(VERSION, self._offset, body)

    def _undecodable(self, step: _Step, position: int, _row: int) -> None:
        self._refuse(step, position, "V01", "must be a record of this topic", self._own.counts)

    def _config(self, step: _Step, position: int, row: int) -> None:
        config = step.batch.table("Config")[row]
        if int(config["version"]) <= self._own.version:
            return
        body = step.batch.bytes_at(config["body"])
        try:
            self._own.configure(int(config["version"]), body)
        except (msgspec.MsgspecError, UnicodeDecodeError, ConfigurationError) as error:
            self._refuse(step, position, "V01", f"configuration: {error}", self._own.counts)
            return
        self._put_to_sleep()

    def _put_to_sleep(self) -> None:
        """Let every symbol take itself up anew, under the new plan, when it is next needed."""
        for name, state in self._symbols.items():
            self._asleep[name] = Asleep(self._offset - 1, state.saved().to_bytes())
        self._symbols = {}

    def _bar(self, step: _Step, position: int, row: int) -> None:
        record = step.batch.table("Bar")[row]
        name = step.batch.bytes_at(record["symbol"])
        if self._own.plan is None or name not in self._own.plan.symbols:
            self._refuse(step, position, "V02", "must be a symbol of the configuration", self._own.counts)
            return
        state = self._state(name)
        if state is None:
            return
        self._dirty.add(name)
        bar = step.bars[row]
        place = self._place(state, int(bar["ts_open"]))
        if row in step.faults:
            self._refuse(step, position, *step.faults[row], state.counts)
        elif place is None:
            self._refuse(step, position, "V06", "must be a minute of its calendar", state.counts)
        elif place < 0:
            step.emission.refuse(step.batch, position, "V09", "must be of the last two trade dates", "late")
            step.counts.add(state.counts, "in", "late")
        elif int(bar["revision"]) <= int(state.bars[place]["revision"]):
            step.counts.add(state.counts, "in", "duplicate")
        else:
            bar["source"] = state.source_number(step.batch.text_at(record["source"]))
            self._publish(step, state, set_bar(state, place, step.bars, row, self._own.watermark))
            step.counts.add(state.counts, "in", "out")

    def _status(self, step: _Step, _position: int, row: int) -> None:
        status = step.batch.table("MinuteStatus")[row]
        state = self._state(step.batch.bytes_at(status["symbol"]))
        place = None if state is None else self._place(state, int(status["ts_open"]))
        if state is None or place is None or place < 0:
            return
        self._dirty.add(state.name)
        cause = NONE if status["nulls"] & _CAUSE else int(status["cause"])
        changed = set_cause(state, place, cause, self._own.watermark, filled=bool(status["filled"]))
        self._publish(step, state, changed)

    def _heartbeat(self, step: _Step, _position: int, row: int) -> None:
        heartbeat = step.batch.table("Heartbeat")[row]
        self._own.watermark = max(self._own.watermark, int(heartbeat["ts_through"]))
        self._wake_all()
        if self._due <= self._own.watermark:
            for name in sorted(self._symbols):
                self._close(step, self._symbols[name])
            self._due = min((next_due(state) for state in self._symbols.values()), default=NEVER)
        step.emission.heartbeat(step.batch, heartbeat)

    def _close(self, step: _Step, state: SymbolState) -> None:
        if next_due(state) > self._own.watermark:
            return
        self._dirty.add(state.name)
        self._publish(step, state, close_through(state, self._own.watermark))

    def _publish(self, step: _Step, state: SymbolState, changed: Places) -> None:
        step.emission.bars(state, [one for one in changed if one[0] > 0])
        step.emission.values(state, revise_values(state, changed))
        self._due = min(self._due, next_due(state))

    def _state(self, name: bytes) -> SymbolState | None:
        """State of a symbol, None where it is unknown or reflects this record already."""
        plan = self._own.plan.symbols.get(name) if self._own.plan else None
        if plan is None:
            return None
        if name not in self._symbols:
            asleep = self._asleep.get(name)
            if asleep is not None and asleep.offset >= self._offset:
                return None
            self._asleep.pop(name, None)
            saved = Saved(int(plan.layout.grid.sessions[0])) if asleep is None else asleep.saved()
            self._symbols[name] = SymbolState(name, saved, plan)
            self._due = min(self._due, next_due(self._symbols[name]))
        return self._symbols[name]

    def _wake_all(self) -> None:
        for name in list(self._asleep):
            self._state(name)

    def _place(self, state: SymbolState, ts_open: int) -> int | None:
        """Place of a minute, rolling on to its trade date; -1 where it is too old, None outside the grid."""
        place = state.window.place_of.get(ts_open)
        if place is not None:
            return place
        grid = state.plan.layout.grid
        if int(grid.minute_open(ts_open)) != ts_open:
            return None
        date = int(grid.session_date(ts_open))
        if date < state.window.dates[0]:
            return NONE
        state.roll_to(date)
        return state.window.place_of[ts_open]

    def _refuse(self, step: _Step, position: int, code: str, detail: str, counts: list[int]) -> None:
        step.emission.refuse(step.batch, position, code, detail)
        step.counts.add(counts, "in", "rejected")
        step.counts.code(code)
