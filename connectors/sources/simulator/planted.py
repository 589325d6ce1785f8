"""What was planted, and what must come of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planted:
    """Faults of one kind, known in advance.

    Attributes:
        name: what it is, such as ``duplicate ticks``.
        topic: input topic it enters by.
        symbol: symbol or mode concerned, empty for several.
        count: how many records.
        outcome: what the stage must count them as (``out``, ``duplicate``, ``late``, ``rejected.V03``), or in
            words what must be seen (``gap: outage``).
        detail: what a reader should look for.
    """

    name: str
    topic: str
    symbol: str
    count: int
    outcome: str
    detail: str = ""


def expected(planted: list[Planted], topic: str) -> dict[str, int]:
    """How many records of a topic must be counted as each outcome, those in words and ``out`` left out."""
    found: dict[str, int] = {}
    for one in planted:
        if one.topic == topic and (
            one.outcome in {"duplicate", "late"} or one.outcome.startswith("rejected.")
        ):
            found[one.outcome] = found.get(one.outcome, 0) + one.count
    return found
