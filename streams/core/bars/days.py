"""The trade dates of all symbols of a partition: where they lie, what changed, how they are saved."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from schemas.errors import StateError
from schemas.market.grid import Grid
from schemas.market.intervals import MINUTE
from streams.core.bars.front import Front
from streams.core.bars.partition import Partition
from streams.core.bars.roster import Listing
from streams.core.bars.saved import load, overlaid, own_key, recent_key, save, slot_of
from streams.core.bars.state import COUNTED, PENDING, SLOTS, VERSION, Day, Ints, Print, lay_out
from streams.core.slots import pack, unpack
from streams.core.watermark import FOREVER

_OWN: Final = np.dtype([("counts", "<i8", (len(COUNTED),)), ("held", "<i8")])

WAIT_DATES: Final = 2
"""Live bars of so many trade dates wait while a symbol's history is being loaded."""


class Own:
    """What a symbol has beside its trade dates; its state key is the symbol.

    Attributes:
        offset: offset of the last record that it reflects.
        counts: of records that belong to no trade date, and of live bars that wait for the history.
        held: those bars by (start of the minute, source).
    """

    def __init__(self) -> None:
        self.offset = -1
        self.counts = dict.fromkeys(COUNTED, 0)
        self.held: dict[tuple[int, int], Print] = {}

    def count(self, **changes: int) -> None:
        """Add to the counts."""
        for name, change in changes.items():
            self.counts[name.removesuffix("_")] += change

    def save(self, offset: int) -> bytes:
        """The saved state."""
        row = np.array([(tuple(self.counts.values()), len(self.held))], _OWN)
        held = np.array([(ts_open, *bar) for (ts_open, _), bar in self.held.items()], PENDING)
        return pack(VERSION, max(self.offset, offset), row.tobytes() + held.tobytes())

    def restore(self, state: bytes) -> None:
        """Take up what ``save`` gave.

        Raises:
            StateError: it is of another version or size.
        """
        self.offset, body = unpack(VERSION, state)
        row = np.frombuffer(body[: _OWN.itemsize], _OWN)
        if len(row) != 1 or len(body) != _OWN.itemsize + int(row["held"][0]) * PENDING.itemsize:
            raise StateError(f"state of a symbol must fit its counts, was {len(body)!r} bytes")
        self.counts = dict(zip(COUNTED, row["counts"][0].tolist(), strict=True))
        for ts_open, *fields in np.frombuffer(body[_OWN.itemsize :], PENDING).tolist():
            self.held[ts_open, fields[0]] = Print(*fields)


class Days:
    """Every slot of every symbol.

    Attributes:
        fronts: by symbol, where its next bar goes; of those that are in turn.
        dirty: slots to be saved, by symbol and slot.
    """

    def __init__(self) -> None:
        self.fronts: dict[bytes, Front] = {}
        self._ordered: dict[bytes, list[Day]] = {}
        self.dirty: dict[tuple[bytes, int], Day] = {}
        self._days: dict[bytes, dict[int, Day]] = {}
        self._own: dict[bytes, Own] = {}
        self._dirty_own: dict[bytes, Own] = {}
        self._starts: dict[bytes, tuple[Grid, int, int, int]] = {}

    def slot(self, listing: Listing, session_date: int) -> Day:
        """The slot of a trade date, whatever it holds."""
        slots = self._days.setdefault(listing.name, {})
        day = slots.get(session_date % SLOTS)
        if day is None:
            day = slots[session_date % SLOTS] = Day()
        return day

    def own(self, listing: Listing) -> Own:
        """What a symbol has beside its trade dates, to be changed: it is saved with the next states."""
        found = self._own.get(listing.name)
        if found is None:
            found = self._own[listing.name] = Own()
        self._dirty_own[listing.name] = found
        return found

    def knows(self, listing: Listing) -> bool:
        """Whether anything was ever kept of a symbol."""
        return listing.name in self._days or listing.name in self._own

    def waits(self, listing: Listing) -> bool:
        """Whether live bars of a symbol wait for the end of its history."""
        return listing.name in self._own and bool(self._own[listing.name].held)

    def of(self, listing: Listing) -> list[Day]:
        """The trade dates of a symbol, ascending; not to be changed."""
        found = self._ordered.get(listing.name)
        if found is None:
            days = (day for day in self._days.get(listing.name, {}).values() if len(day.rows))
            found = self._ordered[listing.name] = sorted(days, key=lambda day: day.session_date)
        return found

    def begin(self, listing: Listing, day: Day, session_date: int, minutes: Ints) -> None:
        """Take up a trade date in a slot, or none (-1)."""
        day.begin(session_date, minutes)
        self._ordered.pop(listing.name, None)

    def mark(self, listing: Listing, day: Day, slot: int) -> None:
        """A slot changed, otherwise than by the next bar."""
        self.dirty[listing.name, slot % SLOTS] = day
        self.fronts.pop(listing.name, None)

    def lay_out(self, listing: Listing, since: int) -> None:
        """Give the trade dates of a symbol the minutes of its grid.

        One that was restored while the symbol was taken out may have none so far.
        """
        self._ordered.pop(listing.name, None)
        for day in self._days.get(listing.name, {}).values():
            if day.session_date < 0:
                continue
            lay_out(day, listing.grid.minutes(day.session_date))
            day.aim(since)

    def cursor(self, listing: Listing, partition: Partition, offset: int) -> int:
        """Start of the next minute that the watermark decides, seen from a record, in ns.

        ``FOREVER`` where there is none yet.
        """
        since = partition.roster.since[listing.index]
        if since == FOREVER or not partition.roster.here[listing.index]:
            return FOREVER
        days = self.of(listing)
        if listing.played:
            return min((day.next_open for day in days), default=FOREVER)
        start = self._start(listing, since, partition.roster.oldest(listing))
        return self._along(listing, start, offset)

    def _start(self, listing: Listing, since: int, oldest: int) -> int:
        """The first expected minute of a symbol that may still be revised, -1 where there is none, in ns."""
        known = self._starts.get(listing.name)
        if known is None or known[:3] != (listing.grid, since, oldest):
            opens = listing.grid.open_from(oldest)
            ts = listing.grid.next_minute(max(since, opens) - 1) if opens >= 0 else -1
            known = self._starts[listing.name] = (listing.grid, since, oldest, ts)
        return known[3]

    def _along(self, listing: Listing, start: int, offset: int) -> int:
        """The first undecided minute from a start on, over trade dates of which nothing is known yet.

        A trade date whose slot is ahead of the record in hand, and holds another one by now, was decided and
        let go before.
        """
        slots = self._days.get(listing.name, {})
        ts = start
        while ts >= 0:
            session_date = listing.session_date(ts)
            day = slots.get(session_date % SLOTS)
            if day is not None and day.session_date == session_date:
                if day.next < len(day.rows):
                    return day.next_open
            elif day is None or day.offset < offset:
                return ts
            ts = listing.grid.next_minute(listing.grid.session_bounds(session_date)[1] - 1)
        return FOREVER

    def take(self, offset: int) -> dict[bytes, bytes]:
        """Saved states of what changed since the last call.

        A symbol's own comes after its trade dates and must be written after them: bars that waited have left
        it for them.
        """
        saved = dict(
            save(day, name, slot, max(day.offset, offset)) for (name, slot), day in self.dirty.items()
        )
        for (name, slot), day in self.dirty.items():
            if day.session_date < 0:  # an empty slot leaves no minutes behind, written after its own key
                saved[recent_key(name, slot)] = saved[own_key(name, slot)]
        saved |= {name: own.save(offset) for name, own in self._dirty_own.items()}
        self.dirty, self._dirty_own = {}, {}
        return saved

    def restore(self, states: Mapping[bytes, bytes], partition: Partition) -> None:
        """Take up saved states of symbols."""
        found: dict[tuple[bytes, int], Day] = {}
        for key, state in sorted(states.items()):  # what changed lately after what it lies over
            name, slot, is_recent = slot_of(key)
            if is_recent:
                found[name, slot] = overlaid(found.get((name, slot)), load(state))
            elif slot >= 0:
                found[name, slot] = load(state)
            else:
                own = self._own[name] = Own()
                own.restore(state)
                own.offset = max(own.offset, partition.offset)
        for (name, slot), day in found.items():
            self._settle(day, name, partition)
            self._days.setdefault(name, {})[slot] = day
        self._ordered.clear()

    @staticmethod
    def _settle(day: Day, name: bytes, partition: Partition) -> None:
        """Bring a loaded slot to its full length; rows of a newer configuration stay."""
        listing = partition.roster.by_name.get(name)
        ahead = day.offset > partition.offset
        day.offset = max(day.offset, partition.offset)
        if listing is None or day.session_date < 0:
            return
        minutes = listing.grid.minutes(day.session_date)
        if ahead:
            minutes = np.union1d(minutes, day.rows["ts_open"])
        lay_out(day, minutes)
        day.aim(partition.roster.since[listing.index])

    def counts(self) -> Iterator[dict[str, int]]:
        """Counts of every slot and symbol; their sum is what the partition has seen of known symbols."""
        for slots in self._days.values():
            for day in slots.values():
                yield dict(zip(COUNTED, day.head["counts"][0].tolist(), strict=True))
        yield from (own.counts for own in self._own.values())


def close_of(ts_open: int) -> int:
    """End of a minute, ``FOREVER`` for one that never comes."""
    return ts_open + MINUTE if ts_open < FOREVER else FOREVER
