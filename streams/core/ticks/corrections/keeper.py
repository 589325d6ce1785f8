"""The prints of all pairs of a partition that are kept for corrections, as the hot path admits them."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.topics import TOPICS
from streams.core.ticks.corrections.kept import CONFIRMED, DOUBTED, ENTRY, PRINT
from streams.core.ticks.corrections.pair import Pair
from streams.core.ticks.rows import ADMITTED, FOLD, HELD, V13, Rows, State
from streams.core.ticks.rows import CONFIRMED as FATE_CONFIRMED
from streams.core.ticks.rules import Book
from streams.core.ticks.rules import Pair as Name
from streams.core.ticks.step import Step
from streams.core.watermark import NEVER

TICK: Final = TOPICS["ticks.raw"].kind("Tick")
_SAME: Final = ("window", "folds", "flags", "number", "ts_event", "ts_bar", "seq", "price", "size")


class Keeper:
    """What is kept for corrections, of all pairs of a partition that ask for it.

    Attributes:
        pairs: by symbol and source.
        numbered: the same, by number of the pair.
        numbers: of all pairs that the configuration names.
    """

    def __init__(self) -> None:
        self.pairs: dict[Name, Pair] = {}
        self.numbers: dict[Name, int] = {}
        self.numbered: dict[int, Pair] = {}
        self._keeps = np.zeros(1, np.bool_)  # by number of the pair; the last one stands for none

    def bind(self, book: Book) -> None:
        """Take up the numbers of the pairs."""
        self.numbered = {
            number: self.pairs[name] for number, name in enumerate(book.pairs) if name in self.pairs
        }
        self._keeps = np.zeros(len(book.pairs) + 1, np.bool_)
        self._keeps[list(self.numbered)] = True
        self.numbers = {
            name: number
            for number, (name, known) in enumerate(zip(book.pairs, book.disorders.tolist(), strict=True))
            if known >= 0
        }

    def feed(self, state: State, work: Step, upto: int) -> None:
        """Keep what was admitted up to a position."""
        if not self.pairs:
            return
        rows, verdicts = work.prints
        work.bars.drain(state)
        if len(rows) == 0:  # heartbeats alone
            return
        said = verdicts[work.kept : upto]
        wanted = work.batch.kinds[work.kept : upto] == TICK
        wanted &= (said == ADMITTED) | (said == HELD) | (said == V13)
        places = np.flatnonzero(wanted) + work.kept
        places = places[self._keeps[rows["pair"][places]]]
        fates = [
            part[(part["what"] == FATE_CONFIRMED) & self._keeps[part["pair"]]]
            for part in work.bars.parts(work.seen)
        ]
        work.kept, work.seen = upto, work.seen + len(fates)
        fate = np.concatenate([np.empty(0, FOLD), *fates])
        if len(places) + len(fate):
            self._keep(work, places, fate)

    def _keep(self, work: Step, places: NDArray[np.intp], fates: Rows) -> None:
        rows, verdicts = work.prints
        entries = np.zeros(len(places) + len(fates), ENTRY)
        new, confirmed = entries[: len(places)], entries[len(places) :]
        for name in _SAME:
            new[name] = rows[name][places]
        new["kind"] = np.where(verdicts[places] == ADMITTED, PRINT, DOUBTED)
        new["offset"] = work.batch.offsets[places]
        confirmed["kind"], confirmed["ts_bar"], confirmed["number"] = CONFIRMED, NEVER, fates["offset"]
        confirmed["offset"] = work.batch.offsets[fates["at"]]
        pairs = np.concatenate([rows["pair"][places], fates["pair"]])
        order = np.lexsort((entries["kind"], entries["offset"], pairs))
        entries, pairs = entries[order], pairs[order]
        borders = np.flatnonzero(np.diff(pairs)) + 1
        for part, numbers in zip(np.split(entries, borders), np.split(pairs, borders), strict=True):
            dropped = self.numbered[int(numbers[0])].kept.append(part)
            if dropped:
                work.counts["evicted.print"] += dropped

    def dirty(self, name: Name) -> Iterator[tuple[bytes, bytes]]:
        """Keys and entries of the blocks of a pair that are to be saved."""
        if name in self.pairs:
            for key, body in self.pairs[name].kept.dirty():
                yield b"|".join((*name, b"p", b"%04d" % key)), body

    def pack(self, name: Name) -> bytes:
        """What belongs into the state of a pair; nothing where none of its prints are kept."""
        return self.pairs[name].pack() if name in self.pairs else b""

    def restore(self, name: Name, body: bytes, blocks: Mapping[int, bytes]) -> None:
        """Take up what ``pack`` gave."""
        if body:
            self.pairs[name] = Pair.restored(body, blocks)
