"""The form in which a symbol of ``analytics`` is saved.

Saved are the minutes of the window, the revisions of what was published and the state of each indicator
before the window; all else is a function of these. Everything is kept by its instant, so it can be taken up
under a newer configuration than the one it was saved under. At most 103 bytes a minute, 24 a derived bar and
70 an indicator and interval: 90 KB for a market of 390 minutes a day, 320 KB for one of 1440.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from schemas.batches.nested import decode_texts, encode_texts
from streams.core.analytics.counts import COUNTS
from streams.core.analytics.rows import NONE, NULL, Rows

StartKey: TypeAlias = tuple[int, str, int]
"""(interval in ns, kind, length) of an indicator."""

MINUTE: Final = np.dtype(
    [
        ("ts_open", "<i8"),
        *((name, "<f8") for name in ("open", "high", "low", "close", "volume", "notional")),
        *((name, "<i8") for name in ("trades", "ts_first", "ts_last", "flags")),
        *((name, "<i4") for name in ("revision", "values_revision", "source")),
        *((name, "<i1") for name in ("fill", "cause", "unfilled")),
    ]
)
"""A minute that has a bar or a cause: 103 bytes."""

SLOT: Final = np.dtype(
    [("interval", "<i8"), ("ts_open", "<i8"), ("revision", "<i4"), ("values_revision", "<i4")]
)
"""A published derived bar: 24 bytes."""

_START: Final = np.dtype([("interval", "<i8"), ("length", "<i8"), ("kind", "S24"), ("size", "<i8")])
_HEAD: Final = np.dtype(
    [
        ("session_date", "<i8"),
        ("minutes", "<i8"),
        ("slots", "<i8"),
        ("starts", "<i8"),
        ("start_bytes", "<i8"),
        ("counts", "<i8", (len(COUNTS),)),
    ]
)
_PARTITION: Final = np.dtype([("watermark", "<i8"), ("version", "<i8"), ("counts", "<i8", (len(COUNTS),))])


def _zeros() -> list[int]:
    return [0] * len(COUNTS)


@dataclass(slots=True, eq=False)
class Partition:
    """What spans the symbols.

    Attributes:
        watermark: through which every minute of ``bars.1m`` is decided, ns.
        version: of the configuration, NONE before the first.
        body: the configuration.
        counts: one for each of COUNTS, of records without a known symbol.
    """

    watermark: int = NULL
    version: int = NONE
    body: bytes = b""
    counts: list[int] = field(default_factory=_zeros)

    def to_bytes(self) -> bytes:
        """The body of the saved state."""
        row = np.zeros(1, _PARTITION)
        row[0] = (self.watermark, self.version, self.counts)
        return row.tobytes() + self.body

    @staticmethod
    def from_bytes(body: bytes) -> "Partition":
        """The partition in a body."""
        row = np.frombuffer(body, _PARTITION, 1)[0]
        counts = [int(count) for count in row["counts"]]
        return Partition(int(row["watermark"]), int(row["version"]), body[_PARTITION.itemsize :], counts)


@dataclass(slots=True, eq=False)
class Saved:
    """One symbol.

    Attributes:
        session_date: newest trade date of its window, in days.
        minutes: MINUTE rows, ascending.
        slots: SLOT rows.
        starts: by indicator, the bytes of its state before the window.
        sources: names that ``source`` of a minute counts.
        counts: one for each of COUNTS.
    """

    session_date: int
    minutes: Rows = field(default_factory=lambda: np.zeros(0, MINUTE))
    slots: Rows = field(default_factory=lambda: np.zeros(0, SLOT))
    starts: dict[StartKey, bytes] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=_zeros)

    def to_bytes(self) -> bytes:
        """The body of the saved state."""
        starts = np.zeros(len(self.starts), _START)
        for row, ((interval, kind, length), state) in zip(starts, self.starts.items(), strict=True):
            row["interval"], row["length"], row["kind"], row["size"] = interval, length, kind, len(state)
        states = b"".join(self.starts.values())
        head = np.zeros(1, _HEAD)
        sizes = (len(self.minutes), len(self.slots), len(starts), len(states))
        head[0] = (self.session_date, *sizes, self.counts)
        rows = b"".join(part.tobytes() for part in (head, self.minutes, self.slots, starts))
        return rows + states + encode_texts(self.sources)

    @staticmethod
    def from_bytes(body: bytes) -> "Saved":
        """The symbol in a body."""
        head = np.frombuffer(body, _HEAD, 1)[0]
        at = _HEAD.itemsize
        parts = []
        for dtype, name in ((MINUTE, "minutes"), (SLOT, "slots"), (_START, "starts")):
            parts.append(np.frombuffer(body, dtype, int(head[name]), at))
            at += parts[-1].nbytes
        starts: dict[StartKey, bytes] = {}
        for row in parts[2]:
            key = int(row["interval"]), row["kind"].decode(), int(row["length"])
            starts[key] = body[at : at + int(row["size"])]
            at += int(row["size"])
        sources = decode_texts(body[at:])
        counts = [int(count) for count in head["counts"]]
        return Saved(int(head["session_date"]), parts[0], parts[1], starts, sources, counts)
