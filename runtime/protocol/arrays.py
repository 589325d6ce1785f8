"""Kafka's arrays of topics, an array of partitions in each, as requests and answers hold them.

In the plain format, before that of compact texts and tagged fields::

    topics i4 ( name size i2, name, partitions i4 ( what is said of one ) ... ) ...
"""

import struct
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final, TypeVar

from runtime.protocol.connection import Data

_T = TypeVar("_T")
_COUNT: Final = struct.Struct(">i")
_SIZE: Final = struct.Struct(">h")

Pieces = tuple[bytes | bytearray, ...]


def written(parts: Iterable[tuple[str, Pieces]]) -> list[bytes | bytearray]:
    """An array in pieces, to be joined.

    Args:
        parts: topic of each partition, and what is said of the partition.
    """
    topics: dict[str, list[Pieces]] = {}
    for topic, pieces in parts:
        topics.setdefault(topic, []).append(pieces)
    out: list[bytes | bytearray] = [_COUNT.pack(len(topics))]
    for topic, said in topics.items():
        name = topic.encode()
        out += [_SIZE.pack(len(name)), name, _COUNT.pack(len(said)), *chain.from_iterable(said)]
    return out


def read(data: Data, at: int, one: Callable[[str, Data, int], tuple[_T, int]]) -> list[_T]:
    """What an array says of each partition, in order.

    Args:
        data: an answer.
        at: where the array begins.
        one: takes topic, answer and place of a partition; gives what is said of it and where that ends.
    """
    found = []
    (topics,) = _COUNT.unpack_from(data, at)
    at += _COUNT.size
    for _ in range(topics):
        (size,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size
        topic = str(data[at : at + size], "utf-8")
        (count,) = _COUNT.unpack_from(data, at + size)
        at += size + _COUNT.size
        for _ in range(count):
            part, at = one(topic, data, at)
            found.append(part)
    return found
