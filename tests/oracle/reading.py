"""What stages ended in, as plain values that stand beside the oracle's."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from barline.verify.values import rows
from schemas.columns import Columns
from streams.core.stage import Stage
from tests.factories import Record, columns

Row = dict[str, Any]


class Ended:
    """Everything one stage put out over a log, cut into batches.

    Attributes:
        rows: of each topic, in order; ``record`` names the type.
        counts: summed.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.counts: Counter[str] = Counter()

    def take(self, found: dict[str, Columns], counts: dict[str, int]) -> None:
        """Add what one step gave."""
        self.counts.update(counts)
        for topic, part in found.items():
            self.rows.setdefault(topic, []).extend(plain(part))

    def of(self, topic: str, record: str) -> list[Row]:
        """Rows of one type."""
        return [row for row in self.rows.get(topic, []) if row["record"] == record]


def plain(part: Columns) -> list[Row]:
    """Rows of columns with the name of their type."""
    return [{"record": row.record, **row.fields} for row in rows(part)]


def through(stage: Stage, topic: str, log: Sequence[Record], cuts: Iterable[int] = ()) -> Ended:
    """A log through a stage in batches that end at the cuts."""
    ended = Ended()
    borders = sorted({0, len(log), *(cut for cut in cuts if 0 < cut < len(log))})
    for start, end in pairwise(borders):
        outputs = stage.step(columns(topic, 0, *log[start:end], first_offset=start))
        ended.take(outputs.topics, outputs.counts)
    return ended


def newest(found: Iterable[Row], *key: str) -> dict[tuple[Any, ...], Row]:
    """The row of the highest revision of each key: "A higher revision replaces a lower one"."""
    kept: dict[tuple[Any, ...], Row] = {}
    for row in found:
        name = tuple(row[part] for part in key)
        if name not in kept or row["revision"] > kept[name]["revision"]:
            kept[name] = row
    return kept


def difference(wanted: dict[Any, Row], found: dict[Any, Row], *, digits: float = 1e-12) -> list[str]:
    """Every difference between rows by key, in words; fields that the oracle lacks are not compared."""
    said = [f"missing {key}" for key in sorted(wanted.keys() - found.keys(), key=str)]
    said += [f"invented {key}" for key in sorted(found.keys() - wanted.keys(), key=str)]
    for key in sorted(wanted.keys() & found.keys(), key=str):
        for name, value in wanted[key].items():
            other = found[key][name]
            if not same(value, other, digits):
                said.append(f"{key} {name}: wanted {value!r}, was {other!r}")
    return said


def same(value: Any, other: Any, digits: float) -> bool:
    """Equal; floats to so many relative digits (SEMANTICS: "volume and notional to 1e-12 relative")."""
    if isinstance(value, float) and isinstance(other, float):
        return math.isclose(value, other, rel_tol=digits, abs_tol=0.0)
    return value == other
