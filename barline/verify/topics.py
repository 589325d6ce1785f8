"""What an agent must have put out against what its output topic holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Identity(NamedTuple):
    """What makes a record the same: a repeat after a crash is identical in key and bytes."""

    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """How a topic differs from what it must hold.

    Attributes:
        expected: distinct records that must be there.
        recorded: records that are there, repeats included.
        repeats: records that are there more than once, each time after the first.
        missing: records that must be there and are not.
        wrong: records that are there and must not be.
        disordered: distinct records that stand in another order than they must.
    """

    expected: int
    recorded: int
    repeats: int
    missing: list[Identity]
    wrong: list[Identity]
    disordered: int

    @property
    def equal(self) -> bool:
        """Nothing missing, nothing wrong, everything in order; repeats are allowed."""
        return not self.missing and not self.wrong and self.disordered == 0


def compare(expected: Iterable[Identity], recorded: Iterable[Identity]) -> Difference:
    """Compare by the first occurrence of each distinct record.

    After a crash an agent repeats a stretch of what it put out; the first occurrences stay in order.
    """
    must = dict.fromkeys(expected)
    found: dict[Identity, None] = {}
    count = 0
    for identity in recorded:
        count += 1
        found.setdefault(identity)
    missing = [identity for identity in must if identity not in found]
    wrong = [identity for identity in found if identity not in must]
    common = [identity for identity in found if identity in must]
    order = [identity for identity in must if identity in found]
    disordered = sum(one != other for one, other in zip(common, order, strict=True))
    return Difference(len(must), count, count - len(found), missing, wrong, disordered)
