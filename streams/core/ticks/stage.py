"""The stage of ``ticks``: validate, fold each source apart, close by its watermark.

Order: prints in log order; within a bar the order of the log does not show. At one record: what a minute says
    of itself, bars by ts_open and symbol, then the heartbeat or configuration passed on.
Late: a print whose minute ended more than the lateness before its source's watermark goes to ``late``, and so
    does one outside the session or below the window of remembered numbers.
State: by (symbol, source) minutes that may still change, open seconds, identities, counts; by partition the
    marks and liveness of sources and the configuration. See ``saved`` and ``partition``.
Emits: ``bars.raw`` (1m bars, MinuteStatus, Heartbeat, Config), ``bars.1s``, ``bars.forming``, ``late``,
    ``dead-letters``.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from schemas.columns import Columns
from schemas.errors import ConfigurationError
from schemas.topics import TOPICS
from streams.core.stage import Outputs
from streams.core.states import States
from streams.core.ticks import restoring, saved
from streams.core.ticks.batch import NO_FEED, NO_PRINTS, blank, check, feed_of, has_prints, whole
from streams.core.ticks.book import NO_PAIRS, PairNames, book, empty_book, numbers_of
from streams.core.ticks.close import close_all, close_source, revise_source
from streams.core.ticks.corrections.corrections import Corrections
from streams.core.ticks.emit import Drafts, finished
from streams.core.ticks.held import Held
from streams.core.ticks.letters import add, counts_of, write_letter, write_refused
from streams.core.ticks.moving import grown, moved, placed, shape_for
from streams.core.ticks.outgoing import PLACES
from streams.core.ticks.partition import Partition
from streams.core.ticks.relay import Beat, beats_of, pass_on
from streams.core.ticks.rows import CONTROL, FLAGGED, FORGOTTEN, LISTED, MET, UNPAIRED
from streams.core.ticks.run import run
from streams.core.ticks.state import has_room, new_state
from streams.core.ticks.step import Step
from streams.core.watermark import NEVER

_NONE: Final = np.zeros(0, np.int64)
_HEARTBEAT, _CORRECTION = (TOPICS["ticks.raw"].kind(name) for name in ("Heartbeat", "Correction"))


class TicksStage:
    """Decisions of the ticks agent over one partition.

    Args:
        partition: number of the partition; every output goes there.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._offset = -1
        self._saved = -1
        self._own = Partition()
        self._book = empty_book(NO_PAIRS, self._own.marks)
        self._state = placed(
            new_state(shape_for(self._book, _NONE, _NONE, partition), self._book.segments), self._book, _NONE
        )
        self._held = Held()
        self._corrections = Corrections()

    def step(self, batch: Columns) -> Outputs:
        """Apply records in log order; those at or below what the stage reflects have no effect."""
        at = int(batch.offsets.searchsorted(self._offset, "right"))
        judged = has_prints(batch)
        feed = feed_of(batch) if judged else NO_FEED
        prints = (
            blank(batch, self._offset, self._state, whole=self._corrections.is_on) if judged else NO_PRINTS
        )
        work = Step(batch, feed, prints, Drafts(self._partition), beats_of(batch), kept=at)
        for end in [*self._configs(batch, at), len(batch)]:
            if judged:
                work.end = end
                self._run(work, at, end)
            else:
                for place in range(at, end):
                    self._control(work, place)
            if end < len(batch):
                self._configure(work, end)
            at = end + 1
        return self._finish(work)

    def _configs(self, batch: Columns, at: int) -> list[int]:
        """Positions of configurations from one on."""
        if len(batch.table("Config")) == 0:
            return []
        found = batch.places("Config")
        return [int(place) for place in found if place >= at]

    def _finish(self, work: Step) -> Outputs:
        batch = work.batch
        if len(batch):
            self._offset = max(self._offset, int(batch.offsets[-1]))
        if len(work.prints.verdicts):  # heartbeats raise both
            self._own.return_marks(self._state)
        self._corrections.feed(self._state, work, len(work.prints.verdicts))
        work.bars.drain(self._state)
        work.bars.write(work.drafts, self._book.names)
        if work.passed:
            pass_on(work.drafts["bars.raw"], work.passed)
        counts = counts_of(work.prints.verdicts)
        self._settle(work, counts)
        return Outputs(finished(work.drafts), counts)

    def _settle(self, work: Step, counts: dict[str, int]) -> None:
        """Write what was refused, now or after it was held, and complete the counts."""
        batch, verdicts, refused = work.batch, work.prints.verdicts, counts["in"] > counts["out"]
        if counts["held"]:
            self._held.keep(batch, verdicts)
        if len(fates := work.bars.fates()):
            add(counts, self._held.settle(fates, work.drafts["dead-letters"], batch))
        if refused:
            write_refused(work.drafts, batch, verdicts)
        add(counts, work.counts)
        self._own.refused += work.unknown
        if counts["in"]:
            add(counts, self._flags())
        add(counts, self._own.take_evicted())

    def _flags(self) -> dict[str, int]:
        """How many admitted records were flagged in this step, and identities forgotten before it."""
        used = self._state.used
        self._own.refused += int(used[UNPAIRED])
        found = {f"flagged.{code}": int(used[place]) for place, code in FLAGGED if used[place]}
        if used[FORGOTTEN]:
            found["evicted.identity"] = int(used[FORGOTTEN])
        used[1:LISTED] = 0
        return found

    def _run(self, work: Step, at: int, end: int) -> None:
        judged = at
        if self._corrections.is_on:  # all at once, so that prints can be named before they are applied
            work.prints = whole(work.prints)
            while (judged := check(self._state, work.feed, self._book, work.prints, judged, end)) < end:
                self._grow(work)
            self._corrections.meet(self._state, self._book)
            self._corrections.name(work, at)
        feed, verdicts, book = work.feed, work.prints.verdicts, self._book
        while at < end:
            at = run(self._state, feed, book.known, book.conditions, work.prints, at, end, judged)
            if at < 0:
                at = -1 - at
                self._grow(work)
            elif at < end and verdicts[at] == CONTROL:
                self._control(work, at)
                at += 1
            if 2 * int(self._state.used[0]) > len(self._state.out):
                work.bars.drain(self._state)

    def _grow(self, work: Step) -> None:
        """Find room for pairs that were not expected in this partition."""
        work.bars.drain(self._state)
        self._state = grown(self._state, self._book)

    def _control(self, work: Step, at: int) -> None:
        """Take up a heartbeat, close what is due, and pass it on; or what is no ordinary print."""
        batch = work.batch
        if batch.kinds[at] != _HEARTBEAT:
            self._other(work, at)
            return
        beat = work.beats[batch.rows[at]]
        own = self._own
        number = own.marks.heartbeat(
            beat.source, beat.writer, beat.ts, beat.ts_through, beat.ts_last, alive=beat.alive
        )
        if number < 0:
            if own.marks.lacks_room(beat.source):
                work.counts["evicted.source"] += 1
            return
        own.outages.show(own.marks, self._state.sources)
        self._corrections.feed(self._state, work, at)
        mark = self._close(at, int(batch.offsets[at]), number, beat)
        self._corrections.expire(self._state, work, at, number, final=beat.final)
        if len(own.halts):
            work.bars.add(at, own.halts.tell(number, mark, self._book, self._partition))
        work.passed.append((at, beat, mark - self._book.relay_ns))

    def _other(self, work: Step, at: int) -> None:
        """Take up a correction, a print that one has named before it came, or a halt."""
        if at in work.named:
            self._corrections.take_print(self._state, self._book, work, at)
        elif work.batch.kinds[at] == _CORRECTION:
            if not has_room(self._state):
                self._grow(work)
            self._corrections.take(self._state, self._book, work, at)
        else:
            self._own.take_status(work.batch, at, self._book)

    def _close(self, at: int, offset: int, number: int, beat: Beat) -> int:
        """Close and revise what a heartbeat demands; the mark of its source."""
        source = self._state.sources[number]
        mark = max(int(source["mark"]), beat.ts_through)
        source["mark"] = mark
        if mark >= source["due"]:
            close_source(self._state, at, offset, number)
        if source["pending"]:
            revise_source(self._state, at, offset, number)
        if beat.final:
            close_all(self._state, at, offset, number)
        return mark

    def _configure(self, work: Step, at: int) -> None:
        """Take up a configuration and pass it on, unless it is not newer."""
        batch = work.batch
        row = batch.table("Config")[batch.rows[at]]
        version, body = int(row["version"]), batch.bytes_at(row["body"])
        if version <= self._book.version:
            return
        names = self._names()
        try:
            new = book(version, body, names, self._own.marks)
        except ConfigurationError as error:
            write_letter(work.drafts["dead-letters"], batch, at, "V01", str(error))
            return
        self._corrections.feed(self._state, work, at)
        work.bars.drain(self._state)
        work.bars.write(work.drafts, self._book.names)
        self._own.marks.configure(new.domain)
        self._own.return_marks(self._state)
        numbers, offset = numbers_of(names, new), int(batch.offsets[at])
        self._state = moved(self._state, numbers, new, self._partition, offset)
        self._book = new
        self._own.lend_marks(self._state)
        if len(self._own.halts):
            self._own.halts.forget(new.knows)
        self._corrections.configure(self._state, new, work, at)
        work.drafts["bars.raw"].row("Config", at * PLACES + 1, version=version, ts=int(row["ts"]), body=body)

    def _names(self) -> PairNames:
        """Names of the pairs that have rows, in their order."""
        numbers = self._state.pairs["number"][: self._state.used[MET]]
        return self._book.names_at(numbers)

    def calendars_left(self) -> dict[str, int]:
        """See ``streams.core.stage.Scheduled``."""
        newest = self._own.marks.newest()
        return {} if newest == NEVER else {name: end - newest for name, end in self._book.horizons.items()}

    def take_dirty(self) -> States:
        """Copies of every state that changed since the last call; ``saved`` says why in this order."""
        if self._offset == self._saved:
            return States.of({})
        self._saved = self._offset
        own = dict(self._own.save(self._book, self._offset))
        return saved.dirty_states(self._state, self._book, self._offset, self._held, self._corrections, own)

    def restore(self, states: Mapping[bytes, bytes]) -> None:
        """Take up saved states; called once, before the first step.

        Raises:
            StateError: one is of another version or torn.
        """
        self._offset = self._saved = self._own.restore(states)
        found = restoring.sorted_out(states)
        known = found.names()
        self._book = self._own.read_back(known)
        self._state = restoring.restored(
            self._book, found, known, self._partition, self._held, self._corrections
        )
        self._corrections.bind(self._state, self._book)
        self._corrections.meet(self._state, self._book)
        self._own.lend_marks(self._state)
