"""Notices a changelog that lost records: every checkpoint says what a restore must find.

A lost or truncated changelog would restore old states, or none, while the offsets go on where they were:
wrong outputs without an error. So the last record of each checkpoint, after all its states, tells how far
they reflect the input and how many there are. Offsets are committed after it, so a worker that is given a
partition must find it at or past the committed offset, with at least as many states.
"""

import struct
from collections.abc import Mapping
from typing import Final

from schemas.errors import StateError
from streams.core import slots
from streams.transport.stored import Stored

COVERAGE_KEY: Final = b"!coverage"
"""Key of that record; no state of a stage."""

_VERSION: Final = 1
_COUNT: Final = struct.Struct("<q")
_FIX: Final = "stop all workers, delete this changelog and the group's offsets, run `barline topics apply`"


def coverage(end: int, states: Stored) -> bytes:
    """The record of a checkpoint.

    Args:
        end: offset after the last record of the input that the states reflect.
        states: all that are in the changelog now.
    """
    count = len(states) - (COVERAGE_KEY in states)
    return slots.pack(_VERSION, end - 1, _COUNT.pack(count))


def covered(states: Mapping[bytes, bytes], committed: int, where: str) -> dict[bytes, bytes]:
    """The states of a stage, of a changelog that is whole.

    Args:
        states: what was restored of the changelog.
        committed: offset that the group committed for the input partition, 0 for none.
        where: which partition it is.

    Raises:
        StateError: the changelog lost records.
    """
    own = {key: state for key, state in states.items() if key != COVERAGE_KEY}
    end, count = 0, 0
    if COVERAGE_KEY in states:
        last, body = slots.unpack(_VERSION, states[COVERAGE_KEY])
        end, count = last + 1, _COUNT.unpack(body)[0]
    if end < committed or len(own) < count:
        raise StateError(
            f"changelog must hold at least {count} states, up to offset {committed}, was {len(own)} up to "
            f"{end} ({where}; it was truncated or lost: {_FIX})"
        )
    return own
