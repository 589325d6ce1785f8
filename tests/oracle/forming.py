"""Forming bars, and how long a symbol was silent before a print; behind ``By law`` stands SEMANTICS."""

from collections import defaultdict
from typing import Any, Final

from schemas.flags import STUCK
from schemas.rules import AssetRules
from tests.oracle.bar import Open, fold
from tests.oracle.calendar import MINUTE, Segment
from tests.oracle.corrections import Words
from tests.oracle.doubts import Pair
from tests.oracle.prints import Record

NEVER: Final = -(10**30)
SLOT: Final = 250_000_000


class Forming:
    """The prints of each minute as they came.

    Args:
        words: what venues said of prints.

    Attributes:
        bars: every forming bar in order, apart from its flags.
    """

    def __init__(self, words: Words) -> None:
        self.bars: list[dict[str, Any]] = []
        self._words = words
        self._largest: dict[Pair, int] = defaultdict(lambda: NEVER)
        self._shown: dict[tuple[str, str, int], list[Record]] = defaultdict(list)

    def largest(self, pair: Pair) -> int:
        """Largest ts_event of the prints of a pair that count."""
        return self._largest[pair]

    def prints(self, pair: Pair) -> list[Record]:
        """Every print of a pair that counts."""
        return [one for (*own, _), shown in self._shown.items() if (*own,) == pair for one in shown]

    def silence(self, one: Record, pair: Pair, segment: Segment | None, rules: AssetRules) -> int:
        """V15: "no tick in an open session for [60 s]": FLAG."""
        if segment is None or not rules.quiet_ms:
            return 0
        since = max(self._largest[pair], segment.opens)
        return STUCK if one["ts"] - since > rules.quiet_ms * 1_000_000 else 0

    def add(self, print_: Record, pair: Pair) -> None:
        """A print counts in its minute."""
        self._shown[*pair, print_["bar"] - print_["bar"] % MINUTE].append(print_)

    def move(self, print_: Record, pair: Pair, *, is_named: bool) -> None:
        """By law "bars.forming when the largest ts_event of a symbol enters a new 250 ms slot"."""
        ts, largest = print_["ts"], self._largest[pair]
        self._largest[pair] = max(largest, ts)
        key = (*pair, ts - ts % MINUTE)
        standing = self._words.standing(self._shown[key])
        if not is_named and ts // SLOT > largest // SLOT and any(one["priced"] for one in standing):
            row = fold(*key, Open(key[2] + MINUTE, standing))
            self.bars.append({name: row[name] for name in row if name != "flags"})
