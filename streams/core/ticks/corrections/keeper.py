"""The prints of all pairs of a partition that are kept for corrections, as the hot path admits them."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.market.intervals import MINUTE
from schemas.topics import TOPICS
from streams.core.ticks.book import Book
from streams.core.ticks.book import Pair as Name
from streams.core.ticks.corrections.kept import CONFIRMED, DOUBTED, ENTRY, PRINT, Kept
from streams.core.ticks.corrections.pair import Pair
from streams.core.ticks.rows import ADMITTED, FOLD, HELD, MET, ROW, V13, Rows
from streams.core.ticks.rows import CONFIRMED as FATE_CONFIRMED
from streams.core.ticks.state import State
from streams.core.ticks.step import Step
from streams.core.watermark import NEVER

TICK: Final = TOPICS["ticks.raw"].kind("Tick")
_SAME: Final = ("window", "folds", "flags", "number", "ts_event", "ts_bar", "seq", "price", "size")


class Keeper:
    """What is kept for corrections, of all pairs of a partition that ask for it.

    Attributes:
        pairs: by symbol and source.
        placed: the same, by the place of their rows.
        is_on: whether prints of any pair are kept, or will be when it comes.
    """

    def __init__(self) -> None:
        self.pairs: dict[Name, Pair] = {}
        self.placed: dict[int, Pair] = {}
        self._keeps = np.zeros(1, np.bool_)  # by place of the rows; the last one stands for none
        self._met = 0
        self.is_on = False

    def bind(self, state: State, book: Book) -> None:
        """Take up where the rows of the pairs are."""
        self.placed = {int(state.places[book.number(name), ROW]): pair for name, pair in self.pairs.items()}
        self._keeps = np.zeros(len(state.pairs) + 1, np.bool_)
        self._keeps[list(self.placed)] = True
        self.is_on = bool(self.pairs) or bool((book.terms["kept"] > 0).any())

    def meet(self, state: State, book: Book) -> None:
        """Begin to keep prints of the pairs that got rows since the last call, as a configuration says."""
        first, self._met = self._met, int(state.used[MET])
        numbers = state.pairs["number"][first : self._met]
        most, names = book.terms["kept"][book.term_of[numbers]], dict[Name, Pair]()
        for place in np.flatnonzero(most > 0).tolist():
            name, owner = book.pairs[numbers[place]], state.pairs[first + place]
            if owner["offset"] < 0 and name not in self.pairs:
                names[name] = Pair(Kept(int(most[place]), NEVER - NEVER % MINUTE))
        if names or len(self._keeps) != len(state.pairs) + 1:
            self.pairs |= names
            self.bind(state, book)

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
            part[(part["what"] == FATE_CONFIRMED) & self._keeps[state.places[part["pair"], ROW]]]
            for part in work.bars.parts(work.seen)
        ]
        work.kept, work.seen = upto, work.seen + len(fates)
        fate = np.concatenate([np.empty(0, FOLD), *fates])
        if len(places) + len(fate):
            self._keep(state, work, places, fate)

    def _keep(self, state: State, work: Step, places: NDArray[np.intp], fates: Rows) -> None:
        rows, verdicts = work.prints
        entries = np.zeros(len(places) + len(fates), ENTRY)
        new, confirmed = entries[: len(places)], entries[len(places) :]
        for name in _SAME:
            new[name] = rows[name][places]
        new["kind"] = np.where(verdicts[places] == ADMITTED, PRINT, DOUBTED)
        new["offset"] = work.batch.offsets[places]
        confirmed["kind"], confirmed["ts_bar"], confirmed["number"] = CONFIRMED, NEVER, fates["offset"]
        confirmed["offset"] = work.batch.offsets[fates["at"]]
        pairs = np.concatenate([rows["pair"][places], state.places[fates["pair"], ROW]])
        order = np.lexsort((entries["kind"], entries["offset"], pairs))
        entries, pairs = entries[order], pairs[order]
        borders = np.flatnonzero(np.diff(pairs)) + 1
        for part, numbers in zip(np.split(entries, borders), np.split(pairs, borders), strict=True):
            dropped = self.placed[int(numbers[0])].kept.append(part)
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
