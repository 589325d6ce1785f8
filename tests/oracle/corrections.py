"""Cancels and corrects of prints, the obvious way: every print and every word is kept for ever.

Each sentence behind ``By text`` is one of ``docs/semantics.md``. Not covered: forgotten prints.
"""

import math
from collections import defaultdict
from typing import Any

from schemas.config import Domain, SymbolConfig, rules_of
from tests.oracle.calendar import MINUTE
from tests.oracle.prints import Record

MS = 1_000_000
_MOST_WAITING = 64

Identity = tuple[str, str, str, Any]
"""Symbol, source, which of the two names it, and that."""


def identity(record: Record) -> Identity | None:
    """By text "names a print by the identity that V16 knows it by: its trade_id, else its seq"."""
    for name in ("trade_id", "seq"):
        if record.get(name) is not None:
            return record["symbol"], record["source"], name, record[name]
    return None


def order(word: Record) -> tuple[Any, ...]:
    """By text "the latest by ts_event holds (then the greater price, then the greater size)"."""
    # By text "a cancel is final"
    numbers = [-math.inf if word[name] is None else word[name] for name in ("price", "size")]
    cancels = word["action"] == "cancel"
    return (cancels, word["ts_event"], *([0.0, 0.0] if cancels else numbers))


def refusal(word: Record, symbol: SymbolConfig | None, domain: Domain) -> str:
    """Code of the first check that a correction fails, empty where it passes."""
    numbers = [word[name] for name in ("price", "size") if word[name] is not None]
    says = word["action"] == "cancel" or numbers
    if identity(word) is None or not says or not all(abs(number) <= 1e100 for number in numbers):
        return "V01"
    if symbol is None or word["source"] not in symbol.sources:
        return "V02"
    rules, is_correct = rules_of(domain, symbol), word["action"] == "correct"
    if (
        is_correct
        and word["price"] is not None
        and word["price"] <= 0
        and rules.nonpositive_price == "forbid"
    ):
        return "V03"
    if is_correct and word["size"] is not None and word["size"] <= 0:
        return "V05"
    if max(word["ts_event"], word["ts_print"] or 0) > word["ts_recv"] + rules.future_ms * MS:
        return "V08"
    # By text "C02: its prints are not kept"
    return "" if rules.correction_prints and symbol.price == "last" else "C02"


class Words:
    """What venues said of prints.

    Attributes:
        waiting: places of corrections whose print has not come, with the record.
    """

    def __init__(self) -> None:
        self._said: dict[Identity, list[Record]] = defaultdict(list)
        self._prints: dict[Identity, list[Record]] = defaultdict(list)
        self.waiting: dict[int, Record] = {}
        self._begun: dict[tuple[str, str], int] = {}

    def begin(self, pair: tuple[str, str], ts: int) -> None:
        """From now on prints of a pair are kept; minutes up to that of an instant have begun before."""
        self._begun[pair] = ts - ts % MINUTE

    def is_whole(self, pair: tuple[str, str], ts: int) -> bool:
        """Whether all prints of the minute of an instant are kept."""
        return ts - ts % MINUTE > self._begun[pair]

    def forget(self, pair: tuple[str, str], counted: list[Record]) -> list[int]:
        """Prints of a pair are kept no more: they stay as they stand. Places of the words that waited."""
        del self._begun[pair]
        for one in counted:
            said = self.standing([one])
            one.update(said[0] if said else {"priced": False, "size": None}, who=None, doubted=False)
        found = [at for at, word in self.waiting.items() if (word["symbol"], word["source"]) == pair]
        for at in found:
            del self.waiting[at]
        for names in (self._said, self._prints):
            for who in [who for who in names if who[:2] == pair]:
                del names[who]
        return found

    def refuse(self, who: Identity | None) -> list[int]:
        """A print came whose minute is not kept whole: what is said of it does not hold."""
        found = self.came(who)
        if who is not None:
            self._said[who] = [one for one in self._said[who] if one["at"] not in found]
        return found

    def keep(self, print_: Record) -> None:
        """A print that spent its identity, where prints of its pair are kept."""
        if print_["who"] is not None and print_["who"][:2] not in self._begun:
            print_["who"] = None  # nothing that is said later is heard of it
        if print_["who"] is not None:
            self._prints[print_["who"]].append(print_)

    def prints(self, word: Record) -> list[Record]:
        """The prints that a correction names."""
        who = identity(word)
        return self._prints[who] if who is not None else []

    def is_named(self, who: Identity | None) -> bool:
        """Whether something is said of an identity."""
        return bool(who is not None and self._said[who])

    def place(self, word: Record, at: int, watermark: int, lateness: int) -> str:
        """Outcome of a correction that passed its checks; where it is ``out`` or ``held`` it holds."""
        who, prints = identity(word), self.prints(word)
        assert who is not None
        said = word["ts_event"] if word["ts_print"] is None else word["ts_print"]
        # By text "late (V09) when its print is: by the minute of the print, and of ts_print, else ts_event"
        for ts in [said, *(one["bar"] for one in prints)]:
            if ts - ts % MINUTE + MINUTE + lateness <= watermark:
                return "late.V09"
        if prints and not self.is_whole(who[:2], max(one["bar"] for one in prints)):
            return "rejected.C02"
        if any(order(word) <= order(other) for other in self._said[who]):
            return "duplicate"
        mine = [one for one in self.waiting.values() if identity(one)[:2] == who[:2]]  # type: ignore[index]
        if not prints and len(mine) >= _MOST_WAITING:
            return "rejected.C03"
        self._said[who].append({**word, "at": at})
        if not prints:
            self.waiting[at] = {**word, "ends": said - said % MINUTE + MINUTE}
        return "out" if prints else "held"

    def came(self, who: Identity | None) -> list[int]:
        """The print of an identity has come: places of what waited for it."""
        found = [at for at, word in self.waiting.items() if identity(word) == who]
        for at in found:
            del self.waiting[at]
        return found

    def give_up(self, at: int) -> None:
        """By text "C01: no such print": it never was said."""
        word = self.waiting.pop(at)
        who = identity(word)
        assert who is not None
        self._said[who] = [one for one in self._said[who] if one["at"] != at]

    def standing(self, prints: list[Record]) -> list[Record]:
        """The prints as they stand corrected, without those that were cancelled."""
        found = []
        for one in prints:
            words = self._said[one["who"]] if one["who"] is not None else []
            word = max(words, key=order, default=None)
            if word is None and not one.get("doubted"):
                found.append(one)
            elif word is not None and word["action"] == "correct":
                new = {name: word[name] for name in ("price", "size") if word[name] is not None}
                found.append(
                    {**one, **new, "flags": one["flag_of"](new["price"]) if "price" in new else one["flags"]}
                )
        return found
