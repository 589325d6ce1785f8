"""The stage that makes everything derived from gapless 1m bars.

Order: records in log order; within one, see ``revise``. Symbols that become due by one heartbeat go by name.
Late: a bar of a trade date that is no longer kept beside its symbol's newest one goes to ``late``.
State: ``saved`` for a symbol; for the partition the watermark of ``bars.1m`` and the configuration.
Emits: bars.5m to bars.1d, indicators, ready, signals, late, dead-letters.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from schemas.columns import Columns
from schemas.errors import ConfigurationError
from schemas.history import read
from schemas.records import record_type
from schemas.topics import TOPICS
from streams.core.analytics.abreast import LEAST, MOST, NO_TURN, candidates, move_on, runs, set_bars, turn_of
from streams.core.analytics.incoming import FAULTS
from streams.core.analytics.partition import CONFIG_KEYS, Partition
from streams.core.analytics.ready import BARS, INDICATORS
from streams.core.analytics.revise import (
    Places,
    catch_up,
    close_through,
    next_due,
    revise_values,
    set_bar,
    set_cause,
    warm_up,
)
from streams.core.analytics.rows import NONE
from streams.core.analytics.scan.scanner import Scanner, is_scan_key
from streams.core.analytics.state import SymbolState
from streams.core.analytics.step import Step
from streams.core.analytics.symbols import Symbols
from streams.core.analytics.warmup import interval_of
from streams.core.analytics.windowed.kept import find_stopped
from streams.core.analytics.windowed.runner import HERE, UNWATCHED, Calls, Runner, Watch
from streams.core.slots import pack, unpack
from streams.core.stage import PARTITION_KEY, Outputs

VERSION: Final = 5
"""Of the saved states."""

_THROUGH: Final = 3  # among the fields of a promise
_FINAL: Final = 4
_BAR: Final = TOPICS["bars.1m"].records.index("Bar")
_CAUSE: Final = record_type("MinuteStatus").null_bit("cause")


_Apply: TypeAlias = Callable[[Step, int, int], None]
"""(step, position of a record in the batch, its row in its table)"""


class AnalyticsStage:
    """Derived bars, indicators and ``ready`` of one partition.

    Args:
        partition: number of the partition.
        watch: looks on while functions run; changes no output.
        runner: runs them.
    """

    def __init__(self, partition: int, watch: Watch = UNWATCHED, runner: Runner = HERE) -> None:
        self._calls = Calls(runner, watch)
        self._number = partition
        self._offset = NONE
        self._own = Partition()
        self._symbols = Symbols()
        self._is_dirty = False
        self._scanner = Scanner(partition)
        applied: dict[str, _Apply] = {
            "Bar": self._bar,
            "MinuteStatus": self._status,
            "Heartbeat": self._heartbeat,
        }
        applied |= {"Config": self._config, "History": self._history, "": self._undecodable}
        # By kind; that of an undecodable record is -1, the last.
        self._apply = tuple(applied[record] for record in (*TOPICS["bars.1m"].records, ""))

    @property
    def waits(self) -> bool:
        """Whether a step may wait for functions; see ``Waiting``."""
        return self._own.plan is not None and self._own.plan.functions

    def step(self, batch: Columns) -> Outputs:
        """Apply records in log order; see ``Stage.step``."""
        step = Step.of(batch, self._number)
        kinds, rows, offsets = batch.kinds.tolist(), batch.rows.tolist(), batch.offsets.tolist()
        position = alone = 0
        for begin, end in runs(batch.kinds, _BAR):
            while position < end:
                part = slice(position, min(end, position + MOST))
                if (
                    begin <= position >= alone
                    and end - position >= LEAST
                    and offsets[position] > self._offset
                ):
                    count, alone = self._abreast(step, rows[part], offsets[part], position)
                    position += count
                    continue
                if offsets[position] > self._offset:
                    self._offset = offsets[position]
                    self._apply[kinds[position]](step, position, rows[position])
                position += 1
        self._is_dirty = True
        signals, counted = self._scanner.finish()
        return Outputs(step.emission.finish() | signals, step.counts.named() | counted)

    def take_dirty(self) -> dict[bytes, bytes]:
        """Copies of the states that changed, the partition's own last; see ``Stage.take_dirty``."""
        states = {key: self._packed(body) for key, body in self._scanner.take_dirty().items()}
        states |= {key: self._packed(body) for key, body in self._symbols.take_dirty()}
        if self._is_dirty:
            states |= {key: self._packed(body) for key, body in self._own.take()}
        self._is_dirty = False
        return states

    def restore(self, states: Mapping[bytes, bytes]) -> None:
        """Take up saved states; see ``Stage.restore``."""
        found = {key: unpack(VERSION, state) for key, state in states.items()}
        self._own = Partition.of({key: body for key, (_, body) in found.items()})
        self._offset, _ = found.get(PARTITION_KEY, (NONE, b""))
        self._scanner.restore(self._own.plan, self._own.watermark, found)
        own = {PARTITION_KEY, *CONFIG_KEYS, *filter(is_scan_key, found)}
        self._symbols.restore(self._own.plan, {key: one for key, one in found.items() if key not in own})
        find_stopped(self._calls, self._symbols.asleep if self.waits else {}, self._own.version)

    def _packed(self, body: bytes) -> bytes:
        return pack(VERSION, self._offset, body)

    def _undecodable(self, step: Step, position: int, _row: int) -> None:
        step.refuse(position, "V01", "must be a record of this topic", self._own.counts)

    def _config(self, step: Step, position: int, row: int) -> None:
        config = step.batch.table("Config")[row]
        if int(config["version"]) <= self._own.version:
            return
        body = step.batch.bytes_at(config["body"])
        try:
            self._own.configure(int(config["version"]), body)
        except (msgspec.MsgspecError, UnicodeDecodeError, ConfigurationError) as error:
            step.refuse(position, "V01", f"configuration: {error}", self._own.counts)
            return
        self._symbols.configure(self._own.plan, self._offset)
        find_stopped(self._calls, self._symbols.asleep if self.waits else {}, self._own.version)
        self._scanner.configure(self._own.plan, self._offset)

    def _abreast(self, step: Step, rows: list[int], offsets: list[int], position: int) -> tuple[int, int]:
        """Apply the first of some bars side by side, where they are what nearly all bars are.

        Returns:
            How many that were, and the position up to which bars are to be applied one by one.
        """
        states, places = candidates(self._symbols.awake, step.bars, rows, watched=self._scanner.watches)
        turn = turn_of(states, places, step.bars, rows) if len(states) >= LEAST else NO_TURN
        count = len(turn.states)
        if count < LEAST:
            return 0, position + LEAST  # few symbols come again and again: they are not asked at every bar
        self._offset = offsets[count - 1]
        plan, watermark = turn.states[0].plan, self._own.watermark
        set_bars(turn, step.bars, rows, plan.coverage_limit, watermark)
        move_on(turn)
        step.emission.turn(turn)
        self._scanner.turn(turn, watermark)
        self._symbols.moved(turn.states)
        for state in turn.states:
            step.counts.add(state.counts, "out")
        return count, position + count

    def _bar(self, step: Step, position: int, row: int) -> None:
        bars = step.bars
        name = bars.symbols[row]
        if self._own.plan is None or name not in self._own.plan.symbols:
            step.refuse(position, "V02", "must be a symbol of the configuration", self._own.counts)
            return
        state = self._symbols.find(name, self._offset, bars.opens[row])
        if state is None:
            return
        self._symbols.dirty.add(name)
        place = state.place_of(bars.opens[row])
        if bars.faults[row]:
            step.refuse(position, *FAULTS[bars.faults[row]], state.counts)
        elif place is None:
            step.refuse(position, "V06", "must be a minute of its calendar", state.counts)
        elif place < 0:
            step.late(position, state.counts)
        elif bars.revisions[row] <= state.revisions[place]:
            step.counts.add(state.counts, "duplicate")
        else:
            if state.history:
                state.warm_at(place)
            bars.rows["source"][row] = state.source_number(bars.sources[row])
            self._publish(step, state, set_bar(state, place, bars.rows, row, self._own.watermark))
            step.counts.add(state.counts, "out")

    def _history(self, step: Step, position: int, row: int) -> None:
        history = step.batch.table("History")[row]
        name, data = step.batch.bytes_at(history["symbol"]), step.batch.bytes_at(history["bars"])
        interval = interval_of(step.batch.bytes_at(history["interval"]))
        if interval is None or read(data) is None:
            step.refuse(position, "V01", "must be closed bars of an interval", self._own.counts)
        elif self._own.plan is None or name not in self._own.plan.symbols:
            self._symbols.keep_history(name, interval, data, self._offset, self._own.version)
        elif (state := self._symbols.find(name, self._offset)) is not None:
            self._symbols.dirty.add(name)
            self._revise(step, state, warm_up(state, interval, data), BARS)

    def _status(self, step: Step, _position: int, row: int) -> None:
        status = step.batch.table("MinuteStatus")[row]
        ts_open = int(status["ts_open"])
        state = self._symbols.find(step.batch.bytes_at(status["symbol"]), self._offset, ts_open)
        place = None if state is None else state.place_of(ts_open)
        if state is None or place is None or place < 0:
            return
        self._symbols.dirty.add(state.name)
        cause = NONE if status["nulls"] & _CAUSE else int(status["cause"])
        changed = set_cause(state, place, cause, self._own.watermark, filled=bool(status["filled"]))
        self._publish(step, state, changed)

    def _heartbeat(self, step: Step, _position: int, row: int) -> None:
        promise = step.promises.fields[row]
        before, self._own.watermark = self._own.watermark, max(self._own.watermark, promise[_THROUGH])
        symbols = self._symbols
        if symbols.asleep:
            symbols.wake_all(self._offset)
        if symbols.owing and self._own.watermark > before:
            self._catch_up(step, final=False)
        if symbols.due <= self._own.watermark:
            for state in symbols.take_due(self._own.watermark):
                symbols.dirty.add(state.name)
                self._publish(step, state, close_through(state, self._own.watermark))
        if symbols.owing and promise[_FINAL]:
            self._catch_up(step, final=True)
        if self._own.watermark > before:
            self._scanner.heartbeat(symbols.awake, self._offset, self._own.watermark)
        step.emission.heartbeat(step.promises.sources[row], promise)

    def _catch_up(self, step: Step, *, final: bool) -> None:
        """Compute what functions are due, of symbols by name; what a heartbeat closes waits for the next."""
        for name in sorted(self._symbols.owing):
            state = self._symbols.awake[name]
            self._symbols.dirty.add(name)
            self._calls.offset, self._calls.symbol = self._offset, name
            self._revise(step, state, catch_up(state, self._calls, final=final), INDICATORS)
            if not state.owes:
                self._symbols.owing.discard(name)

    def _revise(self, step: Step, state: SymbolState, places: Places, what: bytes) -> None:
        """Put out values that changed without a bar."""
        if places:
            step.emission.values(state, places, what)
            changed = {number for number, _ in places}
            self._scanner.update(state, self._offset, self._own.watermark, changed)

    def _publish(self, step: Step, state: SymbolState, changed: Places) -> None:
        """Put out bars that are new or changed, and all values that follow from them."""
        step.emission.bars(state, [one for one in changed if one[0] > 0])
        revised = revise_values(state, changed)
        step.emission.values(state, revised)
        self._scanner.update(state, self._offset, self._own.watermark, {number for number, _ in changed})
        if state.waiting:
            self._symbols.due = min(self._symbols.due, next_due(state))
        if state.functions and state.owes:
            self._symbols.owing.add(state.name)
