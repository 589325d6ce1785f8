"""The form in which a symbol of ``analytics`` is saved.

Saved are the minutes of the window, the revisions of what was published and the state of each indicator
before the window; all else is a function of these. Everything is kept by its instant, so it can be taken up
under a newer configuration than the one it was saved under.

A symbol has two keys: its own holds everything, written now and then; the other (``recent_key``) holds the
rows that changed since, as they are now, and counts where its offset is the higher one. So a minute rewrites
a few kilobytes, and no kill between two writes can mix two moments: each key is whole by itself, and the rows
of a newer one cover all that changed after any older or equal state of the other.

State: at most 104 bytes a minute, 25 a derived bar, and 64 an indicator and interval besides what its file
says: with nine indicators 100 KB for a market of 390 minutes a day, 330 KB for one of 1440, with the current
trade date and the one before it; half as much more for each further one that is kept (``trailing_dates``).
While history waits 64 bytes a bar of it, at most 57.6 MB: ``history.MOST`` bars on six intervals.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from schemas.batches.nested import decode_texts, encode_texts
from streams.core.analytics.counts import COUNTS, zeros
from streams.core.analytics.rows import NONE, Rows

MOST_RECENT: Final = 96
"""At most so many changed rows are saved apart; with more, everything is."""

_RECENT: Final = b"|recent"

VALUES: Final = "="
"""Begins the keys of values of functions."""

StartKey: TypeAlias = tuple[int, str]
"""(interval in ns, formula) of an indicator, such as ``ema(20)``."""

MINUTE: Final = np.dtype(
    [
        ("ts_open", "<i8"),
        *((name, "<f8") for name in ("open", "high", "low", "close", "volume", "notional")),
        *((name, "<i8") for name in ("trades", "ts_first", "ts_last", "flags")),
        *((name, "<i4") for name in ("revision", "values_revision", "source")),
        *((name, "<i1") for name in ("fill", "cause", "unfilled")),
        ("due", "<i1"),
    ]
)
"""A minute that has a bar or a cause: 104 bytes."""

SLOT: Final = np.dtype(
    [("interval", "<i8"), ("ts_open", "<i8"), ("revision", "<i4"), ("values_revision", "<i4"), ("due", "<i1")]
)
"""A published derived bar: 25 bytes."""

_START: Final = np.dtype([("interval", "<i8"), ("formula", "S48"), ("size", "<i8")])
_HEAD: Final = np.dtype(
    [
        ("session_date", "<i8"),
        ("first_date", "<i8"),
        ("minutes", "<i8"),
        ("slots", "<i8"),
        ("starts", "<i8"),
        ("start_bytes", "<i8"),
        ("counts", "<i8", (len(COUNTS),)),
    ]
)


@dataclass(slots=True, eq=False)
class Saved:
    """One symbol.

    Attributes:
        session_date: newest trade date of its window, in days.
        minutes: MINUTE rows, ascending.
        slots: SLOT rows.
        starts: by indicator, the bytes of its state before the window; and what ``windowed`` keeps.
        sources: names that ``source`` of a minute counts.
        counts: one for each of COUNTS.
        first_date: first trade date of its window; ``starts`` are of the moment before it.
    """

    session_date: int
    minutes: Rows = field(default_factory=lambda: np.zeros(0, MINUTE))
    slots: Rows = field(default_factory=lambda: np.zeros(0, SLOT))
    starts: dict[StartKey, bytes] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=zeros)
    first_date: int = 0

    def overlaid(self, recent: "Saved") -> "Saved":
        """With rows that changed since."""
        names = list(dict.fromkeys([*self.sources, *recent.sources]))
        numbers = np.array([names.index(name) for name in recent.sources] or [NONE], np.int32)
        minutes = recent.minutes.copy()
        minutes["source"] = np.where(minutes["source"] >= 0, numbers[minutes["source"]], NONE)
        old = self.minutes[~np.isin(self.minutes["ts_open"], minutes["ts_open"])]
        minutes = np.concatenate([old, minutes])
        changed = set(_slot_keys(recent.slots))
        kept = np.array([key not in changed for key in _slot_keys(self.slots)], np.bool_)
        return Saved(
            self.session_date,
            minutes[np.argsort(minutes["ts_open"], kind="stable")],
            np.concatenate([self.slots[kept], recent.slots]),
            self._starts_with(recent.starts),
            names,
            recent.counts,
            self.first_date,
        )

    def _starts_with(self, recent: dict[StartKey, bytes]) -> dict[StartKey, bytes]:
        """Values of functions go by their instants: of two the later one counts. The others replace."""
        return self.starts | {
            key: self.starts.get(key, b"") + rows if key[1].startswith(VALUES) else rows
            for key, rows in recent.items()
        }

    def to_bytes(self) -> bytes:
        """The body of the saved state."""
        starts = np.zeros(len(self.starts), _START)
        for row, ((interval, formula), state) in zip(starts, self.starts.items(), strict=True):
            row["interval"], row["formula"], row["size"] = interval, formula, len(state)
        states = b"".join(self.starts.values())
        head = np.zeros(1, _HEAD)
        sizes = (len(self.minutes), len(self.slots), len(starts), len(states))
        head[0] = (self.session_date, self.first_date, *sizes, self.counts)
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
            key = int(row["interval"]), row["formula"].decode()
            starts[key] = body[at : at + int(row["size"])]
            at += int(row["size"])
        sources = decode_texts(body[at:])
        counts = [int(count) for count in head["counts"]]
        first_date = int(head["first_date"])
        return Saved(int(head["session_date"]), parts[0], parts[1], starts, sources, counts, first_date)


def _slot_keys(slots: Rows) -> list[tuple[int, int]]:
    return list(zip(slots["interval"].tolist(), slots["ts_open"].tolist(), strict=True))


def recent_key(name: bytes) -> bytes:
    """State key of what changed lately of a symbol."""
    return name + _RECENT


def name_of(key: bytes) -> bytes:
    """Symbol of a state key."""
    return key.removesuffix(_RECENT)


@dataclass(frozen=True, slots=True)
class Asleep:
    """A saved symbol that was not needed yet.

    Attributes:
        offset: last record of the partition that it reflects.
        whole: everything.
        recent: what changed since, empty for nothing.
    """

    offset: int
    whole: bytes
    recent: bytes = b""

    @staticmethod
    def of(name: bytes, bodies: Mapping[bytes, tuple[int, bytes]]) -> "Asleep":
        """The symbol among (offset, body) by state key."""
        offset, whole = bodies[name]
        changed, recent = bodies.get(recent_key(name), (NONE, b""))
        return Asleep(changed, whole, recent) if changed > offset else Asleep(offset, whole)

    def saved(self) -> Saved:
        """Everything, as of its offset."""
        whole = Saved.from_bytes(self.whole)
        return whole.overlaid(Saved.from_bytes(self.recent)) if self.recent else whole
