"""The sources as judges of missed minutes: their marks, and the silences and outages that are remembered."""

from collections import Counter

from streams.core.bars.causes import NOBODY, Judge
from streams.core.periods import Periods
from streams.core.watermark import NEVER, Watermarks


class Judges:
    """All sources of a partition.

    Args:
        marks: their marks.
        silences: as ``save`` gave them.
        outages: as ``save`` gave them.
    """

    def __init__(self, marks: Watermarks, silences: bytes = b"", outages: bytes = b"") -> None:
        self._marks = marks
        self._silences, self._outages = Periods(silences), Periods(outages)
        self._turns = -1  # of the marks, as of the last heartbeat
        self._known: dict[tuple[int, bool, bool], Judge] = {}  # as of the last heartbeat

    def hear(self, number: int, before: int, limit: int, evicted: Counter[str]) -> None:
        """Take note of a heartbeat that the marks have taken up.

        Args:
            number: its source.
            before: last record of the source before it, in ns.
            limit: silence longer than this is remembered, in ns.
            evicted: what is forgotten for want of room is counted there.
        """
        self._known.clear()
        after = self._marks.ts_last(number)
        if before != NEVER and after - before > limit:
            evicted["evicted.silence"] += self._silences.note(number, before, after)
        if self._marks.turns != self._turns:
            self._note_outages(evicted)

    def _note_outages(self, evicted: Counter[str]) -> None:
        """Marks know the last outage of each source; remember those before it, too."""
        self._turns = self._marks.turns
        for number in range(len(self._marks)):
            _, start, end = self._marks.outage(number)
            if start > NEVER:
                evicted["evicted.outage"] += self._outages.note(number, start, end)

    def of(self, number: int, *, is_alone: bool, is_past: bool) -> Judge:
        """A source as a judge.

        Args:
            number: the source, -1 for nobody.
            is_alone: it is configured with one symbol.
            is_past: it tells of the past, so it is not asked to be alive.
        """
        if number < 0:
            return NOBODY
        found = self._known.get((number, is_alone, is_past))
        if found is None:
            down = () if is_past else self._outages.of(number)
            marks, silences = self._marks, self._silences.of(number)
            found = Judge(is_alone, marks.ts_last(number), marks.mark(number), down, silences)
            self._known[number, is_alone, is_past] = found
        return found

    def save(self) -> tuple[bytes, bytes]:
        """Silences and outages, as the constructor takes them."""
        return self._silences.save(), self._outages.save()
