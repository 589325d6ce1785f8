"""The form in which a trade date is saved: everything now and then, else the minutes that changed since.

A slot has two keys: its own holds every minute of which anything is known; the other (``recent_key``) holds
the minutes that are not as the own one has them, and counts where its offset is the higher one. So a minute
rewrites a few kilobytes instead of a day, and no kill between two writes can mix two moments: each key is
whole by itself, and the minutes of a newer one cover all that changed after any older state of the other.
"""

from typing import Final, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError
from schemas.jit import kernel
from streams.core.bars.state import (
    HEAD,
    MINUTE,
    PENDING,
    UNDECIDED,
    VERSION,
    Day,
    Ints,
    Print,
    Rows,
    Shadow,
    lay_out,
)
from streams.core.plain import plain
from streams.core.slots import pack, unpack

MOST_RECENT: Final = 64
"""With more changed minutes everything is saved, with up to twice as many so that symbols take turns."""

_RECENT: Final = b"+"
_WORDS: Final = MINUTE.itemsize // 2

Words: TypeAlias = NDArray[np.uint16]


def _words(rows: Rows) -> Words:
    return rows.view(np.uint16).reshape(len(rows), _WORDS)


@kernel
def _changed(words: Words, base: Words, applied: Ints, base_applied: Ints, found: Ints) -> int:
    """Find the rows that differ; how many there are."""
    count = 0
    for place in range(len(words)):
        differs = False
        for word in range(words.shape[1]):
            differs |= words[place, word] != base[place, word]
        for source in range(applied.shape[1]):
            differs |= applied[place, source] != base_applied[place, source]
        found[count] = place
        count += differs
    return count


def recent_key(name: bytes, slot: int) -> bytes:
    """Key of the minutes that changed lately."""
    return b"%b|%d%b" % (name, slot, _RECENT)


def own_key(name: bytes, slot: int) -> bytes:
    """Key of everything."""
    return b"%b|%d" % (name, slot)


def slot_of(key: bytes) -> tuple[bytes, int, bool]:
    """Symbol and slot of a key, and whether it is that of the minutes that changed lately; -1: no slot."""
    name, _, slot = key.partition(b"|")
    return name, int(slot.removesuffix(_RECENT)) if slot else -1, slot.endswith(_RECENT)


def changed(day: Day) -> Ints | None:
    """Places of the minutes that are not as the own key has them; None where it holds another trade date."""
    was = day.base
    if was is None or (was.session_date, was.applied.shape) != (day.session_date, day.applied.shape):
        return None
    found = np.empty(len(day.rows), np.int64)
    return found[: _changed(_words(day.rows), _words(was.rows), day.applied, was.applied, found)]


def save(day: Day, name: bytes, slot: int, offset: int) -> tuple[bytes, bytes]:
    """Key and saved state of what is to be written."""
    is_little = day.next <= MOST_RECENT  # as a whole, so that it costs more to look for what changed
    recent, most = None if is_little else changed(day), MOST_RECENT + crc32(name) % max(MOST_RECENT, 1)
    if recent is not None and len(recent) <= most:
        waiting = [place for place, _ in day.pending]
        places = np.union1d(recent, np.array(waiting, np.int64)) if waiting else recent
        return recent_key(name, slot), packed(day, places, offset)
    day.base = None if is_little else Shadow(day)
    return own_key(name, slot), packed(day, np.arange(_used(day)), offset)


def _used(day: Day) -> int:
    """Minutes up to the last that anything is known of."""
    rows = day.rows
    told = (rows["rejected"] > 0) | (rows["late"] > 0) | (rows["bits"] > 0)
    known = np.flatnonzero((rows["kind"] != UNDECIDED) | told)
    waiting = [place for place, _ in day.pending]
    return max([int(known[-1]) if len(known) else -1, *waiting]) + 1


def packed(day: Day, places: Ints, offset: int) -> bytes:
    """A saved state of some minutes, those of the bars that wait among them."""
    bars = sorted(day.pending.items())
    at = np.searchsorted(places, [place for (place, _), _ in bars]).tolist()
    pending = np.array([(place, *bar) for place, (_, bar) in zip(at, bars, strict=True)], PENDING)
    head = day.head.copy()
    head["rows"], head["pending"] = len(places), len(pending)
    parts = head, plain(day.rows)[places], day.applied[places], pending
    return pack(VERSION, offset, b"".join(part.tobytes() for part in parts))


def load(state: bytes) -> Day:
    """The slot of a saved state, with the minutes that were saved; ``lay_out`` adds the others.

    Raises:
        StateError: the state is of another version or not of the right size.
    """
    day = Day()
    day.offset, body = unpack(VERSION, state)
    if len(body) < HEAD.itemsize:
        raise StateError(f"state of a trade date must have a head, was {len(body)!r} bytes")
    day.head = np.frombuffer(body[: HEAD.itemsize], HEAD).copy()
    day.session_date = int(day.head["session_date"][0])
    count, waiting = int(day.head["rows"][0]), int(day.head["pending"][0])
    sources = int(np.count_nonzero(day.head["sources"][0] >= 0))
    ends = np.cumsum(
        [HEAD.itemsize, count * MINUTE.itemsize, count * sources * 8, waiting * PENDING.itemsize]
    )
    if len(body) != ends[-1]:
        raise StateError(f"state of a trade date must have {ends[-1]} bytes, was {len(body)!r}")
    day.rows = np.frombuffer(body[ends[0] : ends[1]], MINUTE).copy()
    day.applied = np.frombuffer(body[ends[1] : ends[2]], np.int64).reshape(count, sources).copy()
    for place, *fields in np.frombuffer(body[ends[2] :], PENDING).tolist():
        day.pending[place, fields[0]] = Print(*fields)
    return day


def overlaid(day: Day | None, recent: Day) -> Day:
    """A slot with the minutes that changed since; as it is where these are older.

    Raises:
        StateError: there is nothing that they lie over.
    """
    if day is None:
        raise StateError("minutes that changed lately must lie over others, was nothing")
    if recent.offset <= day.offset:
        return day
    opens = recent.rows["ts_open"]
    minutes = np.union1d(day.rows["ts_open"], opens)
    lay_out(day, minutes)
    rows, applied, places = day.rows, day.applied, np.searchsorted(minutes, opens)
    rows[places], applied[places] = recent.rows, recent.applied
    lay_out(recent, minutes)
    recent.rows, recent.applied = rows, applied
    return recent
