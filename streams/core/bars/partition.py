"""What the symbols of a partition share: configuration, marks, silences, halts, and how far all is decided.

It changes by what stands in the log of the partition alone, never by what a symbol's state says; so after a
crash it may be older than the symbols and still reaches the same.

The configuration is large and seldom changes, so it has keys of its own, used in turn: the one that the
partition's state names is never overwritten before that state has moved on.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from schemas.columns import Bytes
from schemas.config import Domain, decode
from schemas.errors import ConfigurationError, StateError
from schemas.market.intervals import MINUTE
from streams.core.bars.causes import Judge
from streams.core.bars.choose import standing
from streams.core.bars.halts import Halts
from streams.core.bars.judges import Judges
from streams.core.bars.marks import NumberedMarks
from streams.core.bars.roster import MS, Listing, Roster
from streams.core.bars.state import COUNTED
from streams.core.slots import pack, unpack
from streams.core.watermark import FOREVER, NEVER, Watermarks

VERSION: Final = 2
CONFIG_KEYS: Final = tuple(f"!config|{number}".encode() for number in range(8))

_HEAD: Final = struct.Struct("<qqqqqqqqqq6q")
_SYMBOL: Final = np.dtype([("since", "<i8"), ("here", "<i8"), ("waiting", "<i8"), ("floor", "<i8")])


class Partition:
    """The state that spans the symbols.

    Attributes:
        offset: of the last record it reflects.
        marks: marks and liveness of the sources.
        domain: the configuration; of version -1 before any.
        body: its text.
        changes: configurations taken up so far.
        roster: its symbols.
        halts: halts of trading.
        judges: the sources as judges of missed minutes.
        promised: up to here every minute of every symbol is decided, in ns.
        told: event time of the last heartbeat put out.
        counts: of records without a known symbol, as ``COUNTED``.
        evicted: what was forgotten for want of room since it was last cleared, by metric name; not saved.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.offset = -1
        self.marks: Watermarks = NumberedMarks()
        self.domain, self.body, self.changes = Domain(-1), b"", 0
        self.roster = Roster(self.domain, self.marks, number)
        self.promised = self.told = NEVER
        self.counts = dict.fromkeys(COUNTED, 0)
        self.evicted: Counter[str] = Counter()
        self.judges = Judges(self.marks)
        self._shifts = -1  # of the marks, as of the last heartbeat
        self.halts = Halts()

    @property
    def silence(self) -> int:
        """Longest silence that is no outage, in ns."""
        return self.domain.silence_ms * MS

    @property
    def session_timeout(self) -> int:
        """So many minutes of a session without any known one are too many."""
        return max(1, -(-self.domain.session_timeout_ms * MS // MINUTE))

    def configure(self, body: bytes, version: int) -> None:
        """Take up a newer configuration.

        Raises:
            ConfigurationError: it cannot be read or contradicts itself; nothing but the numbers of sources
                has changed then.
        """
        domain = _read(body, version)
        roster = Roster(domain, self.marks, self._number)
        roster.inherit(self.roster)
        moved = {
            x.index: roster.by_name[x.name].index for x in self.roster.listings if x.name in roster.by_name
        }
        self.halts.move(moved)
        self.domain, self.body, self.changes, self.roster = domain, body, self.changes + 1, roster
        self.marks.configure(domain)
        self.stand()

    def heartbeat(
        self, source: bytes, writer: bytes, ts: int, ts_through: int, ts_last: int, *, alive: bool
    ) -> int:
        """Take up a heartbeat; number of its source, -1 where it is ignored."""
        before = self.marks.ts_last(self.marks.find(source))
        number = self.marks.heartbeat(source, writer, ts, ts_through, ts_last, alive=alive)
        if number < 0:
            self.evicted["evicted.source"] += self.marks.lacks_room(source)
            return number
        self.judges.hear(number, before, self.silence, self.evicted)
        return number

    def subscribe(self, number: int) -> list[Listing]:
        """Symbols without a start get the mark of their source, cut to the minute; which they are."""
        mark = self.marks.mark(number)
        unset = self.roster.unset(number)
        for at in unset:
            self.roster.subscribe(at, mark - mark % MINUTE)
        return [self.roster.listings[at] for at in unset]

    def end_history(self, listings: Iterable[Listing]) -> None:
        """The history of these symbols is loaded, or will not be: their own sources decide from now on."""
        roster = self.roster
        for listing in listings:
            roster.floor[listing.index] = roster.oldest(listing)  # what it let go of does not come back
            roster.waiting[listing.index] = False
        roster.regroup()

    def meet(self, listing: Listing, source: int, ts_open: int) -> bool:
        """A record of a symbol: it belongs here, and is subscribed at the latest from now on.

        Returns:
            Whether that is new.
        """
        roster, at = self.roster, listing.index
        is_new = not roster.here[at]
        if is_new:
            roster.arrive(at)
        if roster.since[at] == FOREVER and (source == listing.history or not roster.waiting[at]):
            mark = self.marks.mark(source)
            roster.subscribe(at, ts_open if mark == NEVER else mark - mark % MINUTE)
            is_new = True
        return is_new

    def follow(self, number: int) -> tuple[Sequence[int], list[int]]:
        """Follow the mark of a source that spoke.

        Returns:
            The groups whose minutes may be decided further, and those that another source decides now.
        """
        roster = self.roster
        if self.marks.shifts != self._shifts:
            changed = self.stand()
            return range(len(roster.groups)), changed
        mark, touched = self.marks.mark(number), roster.led.get(number, [])
        for group in touched:
            roster.through[group] = max(roster.through[group], mark)
        if -1 in roster.led:
            touched = [*touched, *roster.led[-1]]
            given_up = self.marks.newest() - self.domain.source_timeout_ms * MS
            for group in roster.led[-1]:
                roster.through[group] = max(roster.through[group], given_up)
        return touched, []

    def stand(self) -> list[int]:
        """Reckon who decides now; the groups where that is another source than before."""
        roster, changed = self.roster, []
        self._shifts = self.marks.shifts
        for group, sources in enumerate(roster.groups):
            if roster.is_loading(group):
                now, through = sources[0], self.marks.mark(sources[0])
            else:
                now, through = standing(sources, self.marks, self.domain.source_timeout_ms * MS)
            if now != roster.best[group]:
                roster.best[group] = now
                changed.append(group)
            roster.through[group] = max(roster.through[group], through)
        roster.lead()
        return changed

    def promise(self, default: int) -> int:
        """The time up to which every minute of every symbol that does not wait for history is decided."""
        roster = self.roster
        through = min([roster.through[group] for group in roster.deciding]) if roster.deciding else default
        self.promised = max(self.promised, through)
        return self.promised

    def stamp(self, ts: int) -> int:
        """Event time of the next heartbeat put out: that of the one that came in, or just after the last."""
        self.told = max(ts, self.told + 1)
        return self.told

    def judge(self, number: int, listing: Listing) -> Judge:
        """A source as the judge of a minute of a symbol."""
        # A history is not asked to be alive, even when it is no longer named: it tells of the past.
        is_past = number not in listing.ranks
        return self.judges.of(number, is_alone=number in self.roster.alone, is_past=is_past)

    def save(self, offset: int) -> bytes:
        """The saved state."""
        roster = self.roster
        (silences, outages), halts = self.judges.save(), self.halts.save()
        symbols = np.zeros(len(roster.listings), _SYMBOL)
        symbols["since"], symbols["here"], symbols["waiting"] = roster.since, roster.here, roster.waiting
        symbols["floor"] = roster.floor
        marks = self.marks.pack()
        sizes = (len(symbols), len(roster.groups), len(silences), len(outages), len(halts), len(marks))
        head = _HEAD.pack(
            self.changes, self.domain.version, self.promised, self.told, *sizes, *self.counts.values()
        )
        parts = (
            symbols.tobytes(),
            np.array(roster.through, np.int64).tobytes(),
            silences,
            outages,
            halts,
            marks,
        )
        return pack(VERSION, offset, head + b"".join(parts))

    def save_config(self, offset: int) -> tuple[bytes, bytes]:
        """Key and saved state of the configuration."""
        body = struct.pack("<q", self.changes) + self.body
        return CONFIG_KEYS[self.changes % len(CONFIG_KEYS)], pack(VERSION, offset, body)

    def restore(self, state: bytes, config: bytes | None) -> None:
        """Take up saved states.

        Args:
            state: what ``save`` gave.
            config: what ``save_config`` gave under the key of ``config_key``.

        Raises:
            StateError: they do not fit.
        """
        self.offset, body = unpack(VERSION, state)
        fields = _HEAD.unpack_from(body)
        changes, _, promised, told, symbols, groups, silences, outages, halts, marks = fields[:10]
        sizes = [_HEAD.size, symbols * _SYMBOL.itemsize, groups * 8, silences]
        sizes += [outages, halts, marks]
        ends = np.cumsum(sizes).tolist()
        if len(body) != ends[-1]:
            raise StateError(f"state of the partition must have {ends[-1]} bytes, was {len(body)!r}")
        data = np.frombuffer(body, np.uint8)
        self.marks.restore(body[ends[5] : ends[6]])
        self._restore_config(changes, config)
        self._restore_symbols(data[ends[0] : ends[1]], data[ends[1] : ends[2]])
        self.judges = Judges(self.marks, body[ends[2] : ends[3]], body[ends[3] : ends[4]])
        self.halts = Halts(body[ends[4] : ends[5]])
        self.promised, self.told = promised, told
        self.counts = dict(zip(COUNTED, fields[10:], strict=True))
        self.stand()

    def _restore_config(self, changes: int, config: bytes | None) -> None:
        if changes == 0:
            return
        body = unpack(VERSION, config)[1] if config else b""
        if len(body) < 8 or struct.unpack_from("<q", body)[0] != changes:
            raise StateError(
                f"configuration {changes} of the partition must be saved, was {len(body)!r} bytes"
            )
        self.body = body[8:]
        self.domain, self.changes = decode(self.body), changes
        self.marks.configure(self.domain)
        self.roster = Roster(self.domain, self.marks, self._number)

    def _restore_symbols(self, symbols: Bytes, through: Bytes) -> None:
        rows, roster = symbols.view(_SYMBOL), self.roster
        if len(rows) != len(roster.listings) or len(through) != 8 * len(roster.groups):
            raise StateError(f"state must fit its configuration, was {len(rows)!r} symbols")
        roster.since, roster.here = rows["since"].tolist(), (rows["here"] == 1).tolist()
        roster.waiting, roster.floor = (rows["waiting"] == 1).tolist(), rows["floor"].tolist()
        roster.through = through.view(np.int64).tolist()
        roster.regroup()


def _read(body: bytes, version: int) -> Domain:
    try:
        domain = decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"configuration must be readable: {error}") from error
    if domain.version != version:
        raise ConfigurationError(f"version must be that of the record, {version}, was {domain.version!r}")
    return domain


def config_key(state: bytes) -> bytes:
    """Key of the configuration that a saved partition names."""
    changes: int = _HEAD.unpack_from(unpack(VERSION, state)[1])[0]
    return CONFIG_KEYS[changes % len(CONFIG_KEYS)]
