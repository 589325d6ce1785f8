"""What is known of one source of a partition, in use and saved.

In use it is an object of plain numbers, since heartbeats come one by one; saved it is a row.
"""

import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError

Ints: TypeAlias = NDArray[np.int64]
Writer: TypeAlias = tuple[int, bytes, int]
"""Number of a source, name of a writer, and its last heartbeat about that source."""

NEVER: Final = -(1 << 62)
"""An instant before all others, far enough from the edge to be reckoned with."""
FOREVER: Final = 1 << 62
"""An instant after all others."""
NAME_SIZE: Final = 64
"""Most bytes of a source's or a writer's name; a longer one is no source."""

SOURCE: Final = np.dtype(
    [
        ("name", f"S{NAME_SIZE}"),
        ("mark", "<i8"),
        ("ts", "<i8"),  # last heartbeat
        ("ts_through", "<i8"),
        ("ts_last", "<i8"),
        ("relayed", "<i8"),  # which way the last heartbeat came: 0 straight, 1 through ticks
        ("up", "<i8"),  # 1 while heartbeats are good
        ("ts_born", "<i8"),  # first good heartbeat
        ("ts_good", "<i8"),  # last good heartbeat
        ("ts_failed", "<i8"),  # last proof of life before the last outage
        ("ts_since", "<i8"),  # first good heartbeat after the last outage
    ]
)
"""One source of a partition; instants in nanoseconds, ``NEVER`` where there was none."""

WRITER: Final = np.dtype([("source", "<i8"), ("writer", f"S{NAME_SIZE}"), ("ts", "<i8")])
"""The last heartbeat of one writer about one source."""

_HEAD: Final = struct.Struct("<iiqq")  # sources, writers, newest heartbeat of each way


@dataclass(slots=True)
class Source:
    """A ``SOURCE`` row while it is in use, its fields in that order."""

    name: bytes
    mark: int = NEVER
    ts: int = NEVER
    ts_through: int = NEVER
    ts_last: int = NEVER
    relayed: int = 0
    up: int = 0
    ts_born: int = FOREVER
    ts_good: int = NEVER
    ts_failed: int = NEVER
    ts_since: int = NEVER


def packed(sources: Sequence[Source], writers: Sequence[Writer], newest: Sequence[int]) -> bytes:
    """The rows of sources and writers, and the newest heartbeat of each way."""
    rows = np.array([astuple(source) for source in sources], SOURCE)
    head = _HEAD.pack(len(sources), len(writers), *newest)
    return head + rows.tobytes() + np.array(list(writers), WRITER).tobytes()


def unpacked(body: bytes) -> tuple[list[Source], list[Writer], list[int]]:
    """What ``packed`` was given.

    Raises:
        StateError: it is not of the right size.
    """
    sources, writers, straight, relayed = _HEAD.unpack_from(body)
    end = _HEAD.size + sources * SOURCE.itemsize
    if len(body) != end + writers * WRITER.itemsize:
        raise StateError(f"watermark state must fit its counts, was {len(body)!r} bytes")
    rows = [Source(*row) for row in np.frombuffer(body[_HEAD.size : end], SOURCE).tolist()]
    return rows, np.frombuffer(body[end:], WRITER).tolist(), [straight, relayed]
