"""Produce requests and their answers, in version 7 of Kafka's plain format; brokers from 2.1 on know it."""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from aiokafka.structs import TopicPartition

from runtime.protocol.arrays import read, written
from runtime.protocol.connection import Api, Data

PRODUCE: Final = Api(0, 7)
_HEAD: Final = struct.Struct(">hhi")
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
    parts = [(topic, (_PLACE.pack(partition, len(batch)), batch)) for (topic, partition), batch in batches]
    return b"".join([_HEAD.pack(_NO_TRANSACTION, _ALL, timeout_ms), *written(parts)])


def outcomes(data: Data) -> list[Outcome]:
    """What an answer says of each batch."""
    return read(data, 0, _outcome)


def _outcome(topic: str, data: Data, at: int) -> tuple[Outcome, int]:
    partition, error, *_offsets = _PART.unpack_from(data, at)
    return Outcome(TopicPartition(topic, partition), error), at + _PART.size
