"""What one step of the ``lines`` stage puts out: tuples, items of lines also as blocks, columns at the end.

Each record has a place: that of the input record in its batch, then its own among those of that record. Modes
are decided one after the other, so the places bring the records back into log order.
"""

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.columns import Columns, Draft, Ints, Rows
from schemas.tuples import rows_of_tuples
from streams.core.lines.modes import Origin

IN, OUT, REJECTED, LATE, DUPLICATE, HELD = range(6)
NAMES: Final = ("in", "out", "rejected", "late", "duplicate", "held")

SHIFT: Final = 24
"""A record of the input puts out fewer than 2^24."""

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
        counts: in the order of ``NAMES``.
        codes: refused records by code.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._rows: dict[str, list[tuple[object, ...]]] = {record: [] for record in _TOPICS}
        self._ats: dict[str, list[int]] = {record: [] for record in _TOPICS}
        self._blocks: dict[str, list[tuple[Rows, Ints]]] = {}
        self._next = 0
        self.drafts: dict[str, Draft] = {}
        self.counts = [0] * len(NAMES)
        self.codes: Counter[str] = Counter()

    def begin(self, index: int) -> None:
        """What is added now comes from the record at that index of the batch."""
        self._next = index << SHIFT

    def add(self, record: str, *fields: object) -> None:
        """Add one record."""
        self._rows[record].append(fields)
        self._ats[record].append(self._next)
        self._next += 1

    def block(self, record: str, rows: Rows, at: Ints) -> None:
        """Add rows whose texts stand in the draft of their topic, at their places."""
        self._blocks.setdefault(record, []).append((rows, at))

    def draft(self, topic: str) -> Draft:
        """What is gathered for a topic."""
        draft = self.drafts.get(topic)
        if draft is None:
            draft = self.drafts[topic] = Draft(topic, self._partition)
        return draft

    def dead_letter(self, origin: Origin, code: str, detail: str) -> None:
        """Add a ``DeadLetter`` with a record of ``lines.raw`` as it stood."""
        self.add(
            "DeadLetter", b"lines", b"lines.raw", self._partition, origin.offset,
            origin.timestamp * 1_000_000, code.encode(), detail[:_DETAIL].encode(), origin.key, origin.value,
        )  # fmt: skip

    def metrics(self) -> dict[str, int]:
        """Counts by metric name."""
        named = {name: count for name, count in zip(NAMES, self.counts, strict=True) if count}
        return named | {f"rejected.{code}": count for code, count in self.codes.items()}

    def finish(self) -> dict[str, Columns]:
        """Columns by topic; topics without a record are left out."""
        for record, tuples in self._rows.items():
            blocks = self._blocks.get(record, [])
            if tuples:
                draft = self.draft(_TOPICS[record])
                rows = rows_of_tuples(draft, record, tuples)
                blocks = [*blocks, (rows, np.array(self._ats[record], np.int64))]
            if blocks:
                self._extend(record, blocks)
        return {topic: draft.finish() for topic, draft in self.drafts.items() if len(draft)}

    def _extend(self, record: str, blocks: list[tuple[Rows, Ints]]) -> None:
        rows = blocks[0][0] if len(blocks) == 1 else np.concatenate([rows for rows, _ in blocks])
        at = blocks[0][1] if len(blocks) == 1 else np.concatenate([at for _, at in blocks])
        if np.any(at[1:] < at[:-1]):
            order: NDArray[np.intp] = np.argsort(at, kind="stable")
            rows, at = rows[order], at[order]
        self.draft(_TOPICS[record]).extend(record, rows, at)
