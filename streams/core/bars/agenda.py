"""What a heartbeat may make due: next minutes by group of symbols, waiting bars, unknown minutes by source.

Everything here follows from the state and is never saved. Of each group only a bound is kept, at most the
first close that any of its symbols waits for, so a heartbeat at which nothing is due costs a comparison for
each group whose decider spoke, however many symbols there are::

    group   bound      through
    0       13:31:00   13:30:59    nothing is due
    1       13:31:00   13:31:00    its symbols are looked at, and the bound is reckoned anew
"""

from collections.abc import Iterable, Sequence

from streams.core.bars.effects import Watch
from streams.core.bars.roster import Roster
from streams.core.watermark import FOREVER, Watermarks


class Agenda:
    """When something is due next.

    Args:
        roster: the symbols; a new one needs a new agenda.
        marks: marks of the sources.
    """

    def __init__(self, roster: Roster, marks: Watermarks) -> None:
        self._roster, self._marks = roster, marks
        self._closes = [FOREVER] * len(roster.listings)
        self._bounds = [FOREVER] * len(roster.groups)
        self._overdue: set[int] = set()  # groups of symbols that are due and could not be decided
        self._watches: dict[int, list[Watch]] = {}
        self._bells: dict[int, Watch] = {}  # by judge the earliest of all its watches
        self._pending: set[int] = set()

    def expect(self, at: int, close: int) -> None:
        """The next minute of a symbol that a watermark decides ends then, ``FOREVER`` for none."""
        self._closes[at] = close
        group = self._roster.group[at]
        self._bounds[group] = min(self._bounds[group], close)
        if close <= self._roster.through[group]:
            self._overdue.add(group)

    def move_on(self, at: int, close: int, following: int) -> bool:
        """A minute is decided and another one comes next; whether it was the one that was waited for."""
        if self._closes[at] != close:
            return False
        self.expect(at, following)
        return True

    def hold(self, at: int, *, pending: bool) -> None:
        """Whether bars of a symbol wait for their minute."""
        if pending:
            self._pending.add(at)
        else:
            self._pending.discard(at)

    def watch(self, at: int, watches: list[Watch]) -> None:
        """When the unknown minutes of a symbol are looked at again."""
        self._watches.pop(at, None)
        if not watches:
            return
        self._watches[at] = watches
        for one in watches:
            self._bells[one.judge] = _earlier(one, self._bells.get(one.judge))

    def due(self, touched: Iterable[int]) -> list[int]:
        """Symbols whose next minute is due, where the watermarks of these groups may have moved."""
        found: list[int] = []
        through, closes = self._roster.through, self._closes
        for group in self._overdue.union(touched) if self._overdue else touched:
            if self._bounds[group] <= through[group]:
                until = through[group]
                mine = [at for at in self._roster.members[group] if closes[at] <= until]
                if not mine:
                    self._bound(group)  # all that was due has got its bar
                found += mine
        return found

    def waiting(self, groups: Sequence[int]) -> set[int]:
        """Symbols of these groups of which bars wait for their minute."""
        return {at for at in self._pending if self._roster.group[at] in groups} if groups else set()

    def rung(self, number: int) -> set[int]:
        """Symbols with an unknown minute that a source has explained by now."""
        bell = self._bells.get(number)
        if bell is None or not self._rings(bell):
            return set()
        mine = {at: [one for one in own if one.judge == number] for at, own in self._watches.items()}
        del self._bells[number]
        for watches in mine.values():
            for one in watches:
                self._bells[number] = _earlier(one, self._bells.get(number))
        return {at for at, watches in mine.items() if any(map(self._rings, watches))}

    def _rings(self, watch: Watch) -> bool:
        marks, judge = self._marks, watch.judge
        return marks.ts_last(judge) > watch.ts_open or marks.mark(judge) > watch.clears_at

    def renew(self, touched: Iterable[int]) -> None:
        """Reckon the bounds of groups anew after what was due is decided."""
        for group in [*self._overdue.union(touched)]:
            if self._bounds[group] <= self._roster.through[group]:
                self._bound(group)
            else:
                self._overdue.discard(group)

    def _bound(self, group: int) -> None:
        closes = (self._closes[at] for at in self._roster.members[group])
        self._bounds[group] = min(closes, default=FOREVER)
        if self._bounds[group] <= self._roster.through[group]:
            self._overdue.add(group)
        else:
            self._overdue.discard(group)


def _earlier(one: Watch, other: Watch | None) -> Watch:
    if other is None:
        return one
    return Watch(one.judge, min(one.ts_open, other.ts_open), min(one.clears_at, other.clears_at))
