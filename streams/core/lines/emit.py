"""What one step of the ``lines`` stage puts out, gathered as tuples and turned into columns at its end."""

from collections import Counter
from typing import Final

import numpy as np

from schemas.columns import Columns, Draft
from schemas.tuples import rows_of_tuples
from streams.core.lines.modes import Origin

IN, OUT, REJECTED, LATE, DUPLICATE, HELD = range(6)
NAMES: Final = ("in", "out", "rejected", "late", "duplicate", "held")

_DETAIL: Final = 500  # characters of a dead letter's detail
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
            draft.extend(record, rows_of_tuples(draft, record, rows), at)
        return {topic: draft.finish() for topic, draft in drafts.items()}
