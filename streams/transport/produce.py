"""Produce requests and their answers, in version 7 of Kafka's plain format; brokers from 2.1 on know it."""

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from aiokafka.structs import TopicPartition

from streams.transport.connection import Api, Data

PRODUCE: Final = Api(0, 7)
_HEAD: Final = struct.Struct(">hhi")
_COUNT: Final = struct.Struct(">i")
_SHORT: Final = struct.Struct(">h")
_PLACE: Final = struct.Struct(">ii")
_PART: Final = struct.Struct(">ihqqq")
_NO_TRANSACTION: Final = -1
_ALL: Final = -1  # in-sync replicas have a batch before it is acknowledged


class Outcome(NamedTuple):
    """What became of a batch.

    Attributes:
        place: its partition.
        error: Kafka's code, 0 for none.
    """

    place: TopicPartition
    error: int


def request(batches: Iterable[tuple[TopicPartition, bytearray]], timeout_ms: int) -> bytes:
    """Body of a request.

    Args:
        batches: at most one for each partition.
        timeout_ms: how long the broker waits for its replicas.
    """
    topics: dict[str, list[tuple[int, bytearray]]] = {}
    for (topic, partition), batch in batches:
        topics.setdefault(topic, []).append((partition, batch))
    out: list[bytes | bytearray] = [
        _HEAD.pack(_NO_TRANSACTION, _ALL, timeout_ms), _COUNT.pack(len(topics))
    ]  # fmt: skip
    for topic, parts in topics.items():
        name = topic.encode()
        out += [_SHORT.pack(len(name)), name, _COUNT.pack(len(parts))]
        for partition, batch in parts:
            out += [_PLACE.pack(partition, len(batch)), batch]
    return b"".join(out)


def outcomes(data: Data) -> Iterator[Outcome]:
    """What an answer says of each batch."""
    (topics,) = _COUNT.unpack_from(data)
    at = _COUNT.size
    for _ in range(topics):
        (size,) = _SHORT.unpack_from(data, at)
        at += _SHORT.size
        topic = str(data[at : at + size], "utf-8")
        (count,) = _COUNT.unpack_from(data, at + size)
        at += size + _COUNT.size
        for _ in range(count):
            partition, error, *_offsets = _PART.unpack_from(data, at)
            at += _PART.size
            yield Outcome(TopicPartition(topic, partition), error)
