"""What one step of the ``lines`` stage puts out, gathered as tuples and turned into columns at its end."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.columns import Columns, Draft, Rows
from schemas.records import SPAN, Op, record_type
from streams.core.lines.modes import Origin

IN, OUT, REJECTED, LATE, DUPLICATE, HELD = range(6)
NAMES: Final = ("in", "out", "rejected", "late", "duplicate", "held")

_DETAIL: Final = 500  # characters of a dead letter's detail
_NUMBERS: Final = {Op.LONG: np.int64, Op.DOUBLE: np.float64, Op.BOOLEAN: np.int64}
_TOPICS: Final = {
    "ModeConfig": "modes",
    "Equity": "equity",
    "RunEnd": "equity",
    "Trade": "trades",
    "ModeWanted": "modes.wanted",
    "DeadLetter": "dead-letters",
}


class Emitter:
    """Records by type, each a tuple of its fields in declaration order; texts are bytes, enums positions.

    Attributes:
        rows: by record type; ``run_end`` and ``dead_letter`` add to theirs.
        counts: in the order of ``NAMES``.
        codes: refused records by code.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._ends: list[int] = []
        self.rows: dict[str, list[tuple[object, ...]]] = {record: [] for record in _TOPICS}
        self.counts = [0] * len(NAMES)
        self.codes: Counter[str] = Counter()

    def run_end(self, *fields: object) -> None:
        """Add a ``RunEnd`` after every ``Equity`` so far."""
        self._ends.append(len(self.rows["Equity"]) - 1)
        self.rows["RunEnd"].append(fields)

    def dead_letter(self, origin: Origin, code: str, detail: str) -> None:
        """Add a ``DeadLetter`` with a record of ``lines.raw`` as it stood."""
        self.rows["DeadLetter"].append((
            b"lines", b"lines.raw", self._partition, origin.offset, origin.timestamp * 1_000_000,
            code.encode(), detail[:_DETAIL].encode(), origin.key, origin.value,
        ))  # fmt: skip

    def metrics(self) -> dict[str, int]:
        """Counts by metric name."""
        named = {name: count for name, count in zip(NAMES, self.counts, strict=True) if count}
        return named | {f"rejected.{code}": count for code, count in self.codes.items()}

    def finish(self) -> dict[str, Columns]:
        """Columns by topic; topics without a record are left out."""
        drafts: dict[str, Draft] = {}
        for record, rows in self.rows.items():
            if not rows:
                continue
            topic = _TOPICS[record]
            draft = drafts.setdefault(topic, Draft(topic, self._partition))
            at = np.array(self._ends, np.int64) if record == "RunEnd" else np.arange(len(rows))
            draft.extend(record, _table(draft, record, rows), at)
        return {topic: draft.finish() for topic, draft in drafts.items()}


def _table(draft: Draft, record: str, rows: Sequence[tuple[object, ...]]) -> Rows:
    kind = record_type(record)
    table = kind.empty(len(rows))
    for field, values in zip(kind.fields, zip(*rows, strict=True), strict=True):
        if field.op in _NUMBERS:
            table[field.name] = np.array(values, _NUMBERS[field.op])
            continue
        table[field.name] = np.array([draft.text(value or b"") for value in values], SPAN)
        if field.nullable:
            absent = np.array([value is None for value in values])
            table["nulls"][absent] |= kind.null_bit(field.name)
    return table
