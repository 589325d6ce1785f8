"""State rows: the only code that saves and restores them.

A saved state is a header, then the row: ``version`` of the layout and ``offset`` of the last record of the
partition that the state reflects. The shell reads the header alone.
"""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError

_HEADER: Final = struct.Struct("<iq")

HEADER_SIZE: Final = _HEADER.size
"""Bytes before the row."""


def pack(version: int, offset: int, body: bytes) -> bytes:
    """A saved state."""
    return _HEADER.pack(version, offset) + body


def offset_of(state: bytes) -> int:
    """Offset of the last record of the partition that a saved state reflects."""
    return int(_HEADER.unpack_from(state)[1])


def unpack(version: int, state: bytes) -> tuple[int, bytes]:
    """Offset and body of a saved state.

    Raises:
        StateError: the state is of another version.
    """
    found, offset = _HEADER.unpack_from(state)
    if found != version:
        raise StateError(f"state must be of version {version}, was {found!r}")
    return int(offset), state[HEADER_SIZE:]


def unpack_row(version: int, state: bytes, dtype: np.dtype[np.void]) -> tuple[int, NDArray[np.void]]:
    """Offset and the one row of a saved state, as an array of one.

    Raises:
        StateError: the state is of another version or not of the row's size.
    """
    offset, body = unpack(version, state)
    if len(body) != dtype.itemsize:
        raise StateError(f"state must have {dtype.itemsize} bytes, was {len(body)!r}")
    return offset, np.frombuffer(body, dtype).copy()


def unpack_all(
    version: int, states: Sequence[bytes]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Many saved states at once.

    Returns:
        int64[n], their offsets; int64[n + 1], where each begins and ends with its header; and all of them one
        after the other, uint8, read-only.

    Raises:
        StateError: one is of another version.
    """
    borders = np.zeros(len(states) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, states), np.int64, len(states)), out=borders[1:])
    data = np.frombuffer(b"".join(states), np.uint8)
    if (np.diff(borders) < HEADER_SIZE).any():
        raise StateError(f"state must have {HEADER_SIZE} bytes, was less")
    heads = data[borders[:-1, None] + np.arange(HEADER_SIZE)]
    versions = heads[:, :4].copy().view("<i4")
    if (versions != version).any():
        raise StateError(f"state must be of version {version}, was {int(versions[versions != version][0])!r}")
    return heads[:, 4:].copy().view("<i8").ravel(), borders, data
