"""What goes between a worker and the process of its functions: frames of a length and MessagePack."""

import struct
from typing import IO, Final, NamedTuple, TypeVar

import msgspec

_LENGTH: Final = struct.Struct("<I")

T = TypeVar("T")


class Question(NamedTuple):
    """What is asked.

    Attributes:
        config: an ``IndicatorConfig`` in JSON.
        rows: HISTORY rows; empty only asks whether the function can be run at all.
        limit_s: how long it may take.
        path: where whoever asks imports from.
    """

    config: bytes
    rows: bytes
    limit_s: float
    path: tuple[str, ...] = ()


def write(stream: IO[bytes], content: object) -> None:
    """Write a frame.

    Raises:
        OSError: nobody reads.
    """
    data = msgspec.msgpack.encode(content)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read(stream: IO[bytes], kind: type[T]) -> T | None:
    """Read a frame; None where there is no more."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    data = stream.read(size)
    return msgspec.msgpack.decode(data, type=kind) if len(data) == size else None
