"""Cancels and corrects of prints: a minute becomes what it would have been without them.

A correction names a print by the identity it was sent with (V16). Where that is known, its minute is worked
out anew from the prints that are kept, and published with its next revision where it is closed. One that
comes first waits for its print, which then never counts as it was sent::

    log     print 7 .... cancel 7 .. heartbeat        the minute without it, revision + 1
    log     cancel 7 .... print 7 .. heartbeat        the minute without it: the same row
    log     cancel 9 .... watermark of its minute + lateness       C01: no such print

A print named before it comes is taken out of the hot path: the kernel counts it and folds nothing.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from schemas.market.intervals import MINUTE
from streams.core.ticks.batch import size_of
from streams.core.ticks.book import Book
from streams.core.ticks.close import tell
from streams.core.ticks.corrections import incoming, outcomes
from streams.core.ticks.corrections.anew import entry, hear, rebuild
from streams.core.ticks.corrections.incoming import Said
from streams.core.ticks.corrections.keeper import TICK, Keeper
from streams.core.ticks.corrections.kept import Kept
from streams.core.ticks.corrections.pair import Pair
from streams.core.ticks.corrections.waiting import MOST, MOST_RECORD, Waiting
from streams.core.ticks.fold import open_minute, open_rows
from streams.core.ticks.letters import original
from streams.core.ticks.rows import ADMITTED, CONTROL, HELD, MET, NOTHING, ROW, V13, Rows
from streams.core.ticks.rows import CONFIRMED as FATE_CONFIRMED
from streams.core.ticks.run import run
from streams.core.ticks.session import last_instant, seek_segment
from streams.core.ticks.state import State, folds_of, meet
from streams.core.ticks.step import Step
from streams.core.watermark import NEVER

_NEVER_AGAIN: Final = 1 << 62


class Corrections(Keeper):
    """Corrections of one partition, and what is kept for them."""

    def configure(self, state: State, book: Book, work: Step, at: int) -> None:
        """Begin and end to keep prints as a configuration says; the state is that of its pairs."""
        offset = int(work.batch.offsets[at])
        for number, most in self._asked(state, book):
            owner = state.pairs[number]
            name = book.pairs[owner["number"]]
            pair = self.pairs.get(name)
            if offset <= owner["offset"] or most == (0 if pair is None else pair.kept.most):
                continue
            outcomes.note_change(state, number)
            if pair is not None and most > 0:
                pair.kept.most = most
                if dropped := pair.kept.shrink():
                    work.counts["evicted.print"] += dropped
                pair.listen()
            elif pair is None:
                mark = int(state.sources[owner["source"]]["mark"])
                seen = NEVER if owner["out"] == 0 else max(int(owner["ts_largest"]), mark)
                self.pairs[name] = Pair(Kept(most, seen - seen % MINUTE))
            else:
                for one in self.pairs.pop(name).waiting:
                    outcomes.refuse(state, work, at, number, one, "C02")
        self.bind(state, book)
        work.kept, work.seen, self._met = at + 1, 0, int(state.used[MET])

    def _asked(self, state: State, book: Book) -> Iterator[tuple[int, int]]:
        """The pairs that have rows, where any of their prints are or were kept, and how many are to be."""
        numbers = state.pairs["number"][: state.used[MET]]
        most = np.maximum(book.terms["kept"][book.term_of[numbers]], 0)
        if self.pairs or most.any():
            yield from enumerate(most.tolist())

    def name(self, work: Step, start: int) -> None:
        """Take the prints that were named before they came out of the hot path, from a position on."""
        named = [(number, pair) for number, pair in self.placed.items() if pair.words]
        if not named:
            return
        rows, verdicts = work.prints
        part = rows[start : work.end]
        is_tick = (work.batch.kinds[start : work.end] == TICK) & (verdicts[start : work.end] == ADMITTED)
        for number, pair in named:
            mine = is_tick & (part["pair"] == number)
            mine &= np.isin(part["number"], [number for _, number in pair.words])
            for at in (np.flatnonzero(mine) + start).tolist():
                if (int(rows["window"][at]), int(rows["number"][at])) in pair.words:
                    work.named[at] = int(verdicts[at])
                    verdicts[at] = CONTROL

    def take_print(self, state: State, book: Book, work: Step, at: int) -> None:
        """Apply a print that was named before it came."""
        rows, verdicts = work.prints
        one, offset = rows[at], int(work.batch.offsets[at])
        verdicts[at] = work.named.pop(at)
        number, folds = int(one["pair"]), int(one["folds"])
        pair, owner = self.placed[number], state.pairs[number]
        self.feed(state, work, at)
        who = int(one["window"]), int(one["number"])
        is_whole = _minute_of(state, owner, one) > pair.kept.lost
        if is_whole and who in pair.words:
            one["folds"] = NOTHING
        run(state, work.feed, book.known, book.conditions, work.prints, at, at + 1, at + 1)
        one["folds"] = folds
        if verdicts[at] not in (ADMITTED, HELD, V13):
            return
        self.feed(state, work, at + 1)
        waited = pair.settle(who)
        if not is_whole:
            pair.listen()
            for other in waited:
                outcomes.refuse(state, work, at, number, other, "C02")
            return
        if waited:
            found = np.concatenate(
                [entry(other.who, other.word, offset, int(one["ts_bar"])) for other in waited]
            )
            pair.kept.append(found)
            work.counts.update({"held": -len(waited), "out": len(waited)})
            owner["out"] += len(waited)
        if who in pair.words and not pair.words[who].is_cancel and folds != NOTHING:
            self._apply(state, work, at, number, pair.kept.rows[pair.kept.find(*who)])

    def take(self, state: State, book: Book, work: Step, at: int) -> None:
        """Apply a correction."""
        batch, said = work.batch, incoming.read(work.batch, at)
        row = batch.table("Correction")[batch.rows[at]]
        named = book.named((batch.bytes_at(row["symbol"]), batch.bytes_at(row["source"])))
        number = int(state.places[named, ROW]) if named >= 0 else -1
        if named >= 0 and number < 0:
            number = int(meet(state, named))
            self.meet(state, book)
        if number >= 0 and batch.offsets[at] <= state.pairs[number]["offset"]:
            return
        work.counts["in"] += 1
        sound = incoming.is_sound(batch, at, said)
        if number < 0 or not sound:
            outcomes.count(state, work, at, number, "V02" if sound else "V01")
            return
        code = incoming.refusal(said, state.pairs[number])
        code = code or ("" if number in self.placed else "C02")
        outcomes.count(state, work, at, number, code or self._place(state, work, at, number, said))

    def _place(self, state: State, work: Step, at: int, number: int, said: Said) -> str:
        """What becomes of a correction of a pair whose prints are kept."""
        pair, owner = self.placed[number], state.pairs[number]
        self.feed(state, work, at)
        known = pair.kept.rows[pair.kept.find(*said.who)]
        horizon = _horizon(state, owner)
        newest = int(known["ts_bar"].max()) if len(known) else said.ts
        if min(newest, said.ts) < horizon:
            return "V09"
        if len(known) and newest - newest % MINUTE <= pair.kept.lost:
            return "C02"
        before = pair.words.get(said.who)
        if before is not None and said.word.order() <= before.order():
            return "duplicate"
        if not len(known) and not _has_room(work, at, pair):
            return "C03"
        hear(pair.words, said.who, said.word)
        self.name(work, at + 1)
        if not len(known):
            it = original(work.batch, at)
            pair.waiting.append(Waiting(said.who, said.word, said.ts, int(work.batch.offsets[at]), it))
            return "held"
        offset = int(work.batch.offsets[at])
        pair.kept.append(entry(said.who, said.word, offset, newest))
        for place in known["offset"].tolist():
            _release(state, work, at, number, place)
        self.feed(state, work, at + 1)
        self._apply(state, work, at, number, known)
        return "out"

    def _apply(self, state: State, work: Step, at: int, number: int, prints: Rows) -> None:
        """Work the minutes and seconds of prints out anew."""
        offset, pair = int(work.batch.offsets[at]), self.placed[number]
        for one in prints:
            ts, ts_bar = int(one["ts_event"]), int(one["ts_bar"])
            word = pair.words[int(one["window"]), int(one["number"])]
            if one["folds"] != NOTHING and not word.is_cancel:  # it may be the first of its minute
                if ts == ts_bar:
                    open_rows(state, at, offset, number, ts)
                    state.pairs[number]["ts_largest"] = max(int(state.pairs[number]["ts_largest"]), ts)
                else:
                    _open_last(state, at, offset, number, ts_bar)
            rebuild(state, number, pair.kept, pair.words, one, offset)

    def expire(self, state: State, work: Step, at: int, source: int, *, final: bool) -> None:
        """Refuse what waited too long, and let go of prints out of reach, at a heartbeat of a source."""
        if not self.pairs:
            return
        offset = int(work.batch.offsets[at])
        self.feed(state, work, at)
        for number, pair in self.placed.items():
            owner = state.pairs[number]
            if owner["source"] != source or offset <= owner["offset"]:
                continue
            horizon = _horizon(state, owner)
            first, waits = pair.kept.first, len(pair.waiting)
            pair.forget(horizon)
            for one in pair.expire(_NEVER_AGAIN if final else horizon):
                outcomes.refuse(state, work, at, number, one, "C01")
            if pair.kept.first != first or len(pair.waiting) != waits:
                outcomes.note_change(state, number)


def _horizon(state: State, owner: np.void) -> int:
    """Prints of minutes that begin before it are out of reach."""
    mark = int(state.sources[owner["source"]]["mark"])
    if mark == NEVER:
        return NEVER
    ts = mark - int(owner["disorder"]) - int(owner["lateness"]) - MINUTE
    return ts - ts % MINUTE + MINUTE


def _minute_of(state: State, owner: np.void, one: np.void) -> int:
    """Start of the minute that a print counts into, if it does."""
    ts = int(one["ts_event"])
    if one["auction"] == 1 and not seek_segment(state.segments, owner, ts):
        ts = int(last_instant(state.segments, owner, ts))
    return ts - ts % MINUTE


def _open_last(state: State, at: int, offset: int, number: int, ts: int) -> None:
    slot = (ts // MINUTE) & (state.minutes - 1)
    row = folds_of(state, number)[slot]
    if offset > row["offset"] and row["ts_open"] != ts - ts % MINUTE:
        open_minute(state, at, number, slot, ts)


def _has_room(work: Step, at: int, pair: Pair) -> bool:
    return len(pair.waiting) < MOST and bool(size_of(work.feed, at) <= MOST_RECORD)


def _release(state: State, work: Step, at: int, number: int, held: int) -> None:
    """A print that V13 holds is doubted no longer when a venue has spoken of it."""
    owner = state.pairs[number]
    count = int(owner["held"])
    places = np.flatnonzero(owner["waiting"]["offset"][:count] == held)
    for place in places.tolist():
        work.bars.drain(state)
        tell(state, at, number, held, FATE_CONFIRMED)
        owner["waiting"][place : count - 1] = owner["waiting"][place + 1 : count].copy()
        owner["held"] -= 1
        owner["out"] += 1
