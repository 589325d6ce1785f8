"""Everything kept of one pair for its corrections, saved with the state of the pair."""

from collections.abc import Mapping

from streams.core.ticks.corrections import waiting
from streams.core.ticks.corrections.anew import Identity, Word, hear, words_of
from streams.core.ticks.corrections.kept import Kept
from streams.core.ticks.corrections.waiting import Waiting


class Pair:
    """One pair whose prints are kept.

    Attributes:
        kept: its prints, and what was said of them.
        waiting: corrections whose print has not come.
        words: what holds of each identity, whether or not its print has come.
    """

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.waiting: list[Waiting] = []
        self.words: dict[Identity, Word] = {}

    def settle(self, who: Identity) -> list[Waiting]:
        """Take out what waited for the prints of an identity."""
        found = [one for one in self.waiting if one.who == who]
        self.waiting = [one for one in self.waiting if one.who != who]
        return found

    def expire(self, ts: int) -> list[Waiting]:
        """Take out what waited for prints of minutes before an instant."""
        found = [one for one in self.waiting if one.ts < ts]
        if found:
            self.waiting = [one for one in self.waiting if one.ts >= ts]
            self.listen()
        return found

    def forget(self, ts: int) -> None:
        """Let go of the prints of minutes before an instant."""
        if self.kept.forget(ts):
            self.listen()

    def listen(self) -> None:
        """Work out anew what holds."""
        self.words = words_of(self.kept)
        for one in self.waiting:
            hear(self.words, one.who, one.word)

    def pack(self) -> bytes:
        """What belongs into the state of the pair."""
        return self.kept.head() + waiting.pack(self.waiting)

    @classmethod
    def restored(cls, body: bytes, blocks: Mapping[int, bytes]) -> "Pair":
        """Take up what ``pack`` gave, and blocks by their keys."""
        kept, rest = Kept.restored(body, blocks)
        found = cls(kept)
        found.waiting = waiting.restored(rest)
        found.listen()
        return found
