"""The stage that makes gapless 1m bars of the bars of all sources.

Order: records in log order; what one of them decides goes out by symbol as configured, by minute, and within
    a minute the status, then the bar; then the gaps and the session; the heartbeat of the stage comes last.
Late: a bar of a trade date before those that are kept, of a minute outside the session, and a live bar while
    the symbol's history is being loaded go to ``late``.
State: a key a symbol and trade date (``state``), a key a symbol for other counts, the partition's own and its
    configuration (``partition``).
Emits: bars.1m, gaps, sessions, dead-letters, late.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from schemas.columns import UNDECODABLE, Columns
from schemas.config import Domain
from schemas.errors import ConfigurationError
from schemas.topics import TOPICS
from streams.core.bars import incoming, validate
from streams.core.bars.admit import Outcome, admit, rejected, release
from streams.core.bars.book import NONE, Book
from streams.core.bars.effects import Effects
from streams.core.bars.emit import Sheets
from streams.core.bars.following import take_column
from streams.core.bars.halts import EVERYWHERE
from streams.core.bars.incoming import Bars, BeatRow, ConfigRow, MinuteRow, SourceRow, Texts
from streams.core.bars.partition import CONFIG_KEYS, config_key
from streams.core.bars.roster import Listing, Roster
from streams.core.bars.state import HALTED, HOLE, UNKNOWN, Day, Print, silent_before
from streams.core.bars.validate import Rejected
from streams.core.stage import PARTITION_KEY, Outputs

_INVALID_CONFIG = "V01"
_BAR: Final = TOPICS["bars.raw"].kind("Bar")


class BarsStage:
    """The decisions of the ``bars`` agent over one partition.

    Args:
        partition: number of the partition.
    """

    def __init__(self, partition: int) -> None:
        self._number = partition
        self._book = Book(partition)
        self._counts: Counter[str] = Counter()
        self._is_dirty = self._is_config_dirty = False

    def step(self, batch: Columns) -> Outputs:
        """Apply records in log order; see ``streams.core.stage``."""
        book, partition = self._book, self._book.partition
        self._counts, book.sheets = Counter(), Sheets(self._number, batch)
        self._batch, self._texts, self._bars = batch, Texts(batch), Bars(batch)
        self._tables: dict[int, list[tuple[object, ...]]] = {}
        columns, plain = self._bars.columns, 0
        for at, (offset, kind, row) in enumerate(
            zip(batch.offsets.tolist(), batch.kinds.tolist(), batch.rows.tolist(), strict=True)
        ):
            if offset <= partition.offset:
                continue  # the partition's state is written last, so all others reflect this record, too
            partition.offset = book.offset = offset
            self._is_dirty = True
            if kind == _BAR and columns is not None and take_column(book, columns, row):
                plain += 1
            else:
                self._take(at, kind, row)
        topics = book.sheets.finish()
        self._counts.update({"in": plain, "out": plain} if plain else {}, **book.sheets.flagged)
        self._counts.update({name: count for name, count in partition.evicted.items() if count})
        partition.evicted.clear()
        return Outputs(topics, dict(self._counts))

    def take_dirty(self) -> dict[bytes, bytes]:
        """Saved states that changed; see ``streams.core.stage``."""
        partition = self._book.partition
        saved: dict[bytes, bytes] = {}
        if self._is_config_dirty:
            key, state = partition.save_config(partition.offset)
            saved[key] = state
        saved |= self._book.days.take(partition.offset)
        if self._is_dirty:
            saved[PARTITION_KEY] = partition.save(partition.offset)
        self._is_dirty = self._is_config_dirty = False
        return saved

    def restore(self, states: Mapping[bytes, bytes]) -> None:
        """Take up saved states; see ``streams.core.stage``.

        Raises:
            StateError: a state is of another version, torn, or missing.
        """
        book = self._book
        if PARTITION_KEY in states:
            state = states[PARTITION_KEY]
            book.partition.restore(state, states.get(config_key(state)))
        others = {key: state for key, state in states.items() if key not in (PARTITION_KEY, *CONFIG_KEYS)}
        book.days.restore(others, book.partition)
        book.offset = book.partition.offset + 1
        book.index()

    def _take(self, at: int, kind: int, row: int) -> None:
        record = self._batch.topic.records[kind] if kind != UNDECODABLE else ""
        if record == "Bar":
            self._bar(at, row)
        elif record == "Heartbeat":
            self._heartbeat(BeatRow._make(self._fields(kind, row)))
        elif record == "MinuteStatus":
            self._minute(MinuteRow._make(self._fields(kind, row)))
        elif record == "SourceStatus":
            self._source(SourceRow._make(self._fields(kind, row)))
        elif record == "Config":
            self._config(at, ConfigRow._make(self._fields(kind, row)))
        else:
            self._refuse_unknown(at, validate.UNDECODABLE_BAR)

    def _fields(self, kind: int, row: int) -> tuple[object, ...]:
        if kind not in self._tables:
            self._tables[kind] = self._batch.tables[kind].tolist()
        return self._tables[kind][row]

    def _bar(self, at: int, row: int) -> None:
        book, bar, failed = self._book, self._bars.at(row), self._bars.failed[row]
        listing = book.partition.roster.by_name.get(self._texts.at(bar.symbol))
        if listing is None:
            self._refuse_unknown(
                at, validate.reason(failed & validate.V01, "forbid") or validate.UNKNOWN_SYMBOL
            )
            return
        said = Print(
            book.partition.marks.add(self._texts.at(bar.source)), bar.revision, int(bar.fill == 1), bar.open,
            bar.high, bar.low, bar.close, bar.volume, bar.notional, bar.trades, bar.ts_first, bar.ts_last,
            self._bars.flags[row], bar.nulls,
        )  # fmt: skip
        outcome = admit(book, listing, said, bar.ts_open, failed)
        if outcome is not None:
            self._count(at, outcome)

    def _refuse_unknown(self, at: int, why: Rejected) -> None:
        """Refuse a record of no known symbol; it is counted in the partition's state."""
        counts = self._book.partition.counts
        counts["in"] += 1
        counts["rejected"] += 1
        self._count(at, rejected(why))

    def _count(self, at: int, outcome: Outcome) -> None:
        self._counts["in"] += 1
        self._counts[outcome.counted] += 1
        if outcome.flagged:
            self._counts[f"flagged.{outcome.flagged}"] += 1
        if outcome.why is not None:
            self._book.sheets.letter(outcome.topic, self._batch, at, outcome.why)
            if outcome.counted == "rejected":
                self._counts[f"rejected.{outcome.why.code}"] += 1

    def _heartbeat(self, beat: BeatRow) -> None:
        book, partition = self._book, self._book.partition
        source, writer = self._texts.at(beat.source), self._texts.at(beat.writer)
        number = partition.heartbeat(
            source, writer, beat.ts, beat.ts_through, beat.ts_last, alive=beat.alive == 1
        )
        if number >= 0:
            for listing in partition.subscribe(number):
                book.subscribe(listing)
            book.advance(number, final=beat.final == 1)
        through = partition.promise(beat.ts_through)
        ts_last = max(partition.marks.newest_last, beat.ts_last)
        book.sheets.heartbeat(partition.stamp(beat.ts), ts_last, through, beat.final)

    def _minute(self, status: MinuteRow) -> None:
        book = self._book
        listing = book.partition.roster.by_name.get(self._texts.at(status.symbol))
        session_date = listing.session_date(status.ts_open) if listing else -1
        if listing is None or session_date < 0:
            return
        is_new = book.partition.meet(
            listing, book.partition.marks.add(self._texts.at(status.source)), status.ts_open
        )
        if is_new:
            book.subscribe(listing)
        # of files, what a watermark has passed before is decided now
        if self._tell(listing, status, session_date) or is_new:
            book.settle(listing, only=NONE)

    def _tell(self, listing: Listing, status: MinuteRow, session_date: int) -> bool:
        """Take up what is said of a minute; whether it is the first record of its trade date."""
        book = self._book
        day = book.days.slot(listing, session_date)
        late = session_date < book.partition.roster.oldest(listing) or session_date < day.session_date
        if late or book.offset <= day.offset or book.is_taken(listing, day, session_date):
            return False
        is_first = session_date > day.session_date
        if is_first:
            book.begin(listing, day, session_date)
        place = day.place(status.ts_open)
        if place >= 0:
            _note(day, place, status)
            book.apply(listing, day, Effects.find_causes)
            book.refresh(listing)
        return is_first

    def _source(self, status: SourceRow) -> None:
        book, partition = self._book, self._book.partition
        number = partition.marks.add(self._texts.at(status.source))
        named = not status.nulls & incoming.STATUS_SYMBOL_NULL
        one = partition.roster.by_name.get(self._texts.at(status.symbol)) if named else None
        if number < 0 or (named and one is None):
            return
        symbols = [one] if one else list(partition.roster.listings)
        at = one.index if one else EVERYWHERE
        if status.status == incoming.HALTED:
            partition.evicted["evicted.halt"] += partition.halts.begin(at, number, status.ts)
        elif status.status == incoming.RESUMED:
            partition.halts.end(at, number, status.ts)
        elif status.status in (incoming.HISTORY_END, incoming.HISTORY_FAILED):
            symbols = [x for x in symbols if x.history == number and partition.roster.waiting[x.index]]
            partition.end_history(symbols)
            self._take_up(symbols)
            return
        else:
            return
        for listing in symbols:
            book.settle(listing)

    def _take_up(self, symbols: Sequence[Listing]) -> None:
        """The history of these symbols is over: the bars that waited for its end are taken up."""
        book = self._book
        for listing in symbols:
            self._counts.update(release(book, listing))
        for listing in symbols:
            book.settle(listing)
            book.turn(listing)

    def _config(self, at: int, config: ConfigRow) -> None:
        book, partition = self._book, self._book.partition
        if config.version <= partition.domain.version:
            return
        body = self._texts.at(config.body)
        before = partition.roster, partition.domain
        try:
            partition.configure(body, config.version)
        except ConfigurationError as error:
            book.sheets.letter("dead-letters", self._batch, at, Rejected(_INVALID_CONFIG, str(error)))
            return
        self._is_config_dirty = True
        book.lay_out()
        book.sheets.config(config.version, config.ts, body)
        self._follow(*before)

    def _follow(self, before: Roster, domain: Domain) -> None:
        """Decide what is due under a new configuration, given the symbols and the one before it."""
        book, roster = self._book, self._book.partition.roster
        waited = {x.name for x in before.listings if before.waiting[x.index]}
        over = [x for x in roster.listings if x.name in waited or book.days.waits(x)]
        # a history that is no longer named has no end
        self._take_up([x for x in over if not roster.waiting[x.index]])
        alike = _common(domain) == _common(book.partition.domain)
        for listing in roster.listings:
            if book.is_idle(listing):
                continue
            was = before.by_name.get(listing.name)
            if was is None:  # of one that was out, minutes may have been explained meanwhile
                book.settle(listing, only=UNKNOWN)
            elif not alike or listing.name in waited or not _is_same(before, was, roster, listing):
                book.settle(listing, only=NONE)


def _common(domain: Domain) -> Domain:
    """What a configuration says of all symbols alike."""
    return msgspec.structs.replace(domain, version=0, symbols=[])


def _is_same(before: Roster, was: Listing, roster: Roster, listing: Listing) -> bool:
    """Whether a symbol is configured as before, and no more of its minutes are decided."""
    group, other = roster.group[listing.index], before.group[was.index]
    is_as_far = (roster.through[group], roster.best[group]) == (before.through[other], before.best[other])
    return was.config == listing.config and is_as_far


def _note(day: Day, place: int, status: MinuteRow) -> None:
    """Keep what a status says of a minute; the largest counts of all sources hold."""
    row = day.rows[place]
    row["rejected"] = max(int(row["rejected"]), status.rejected)
    row["late"] = max(int(row["late"]), status.late)
    row["bits"] = int(row["bits"]) | (HALTED if status.halted else 0)
    if status.seq_hole:
        day.rows["bits"][silent_before(day, place) : place + 1] |= HOLE
