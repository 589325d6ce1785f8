"""A fetch session: the broker remembers what it was asked for, so that a request names only what changed.

Without one, every fetch names all partitions, and is answered for all of them. With one (KIP-227)::

    us        a at 10, b at 7, c at 0                  a at 12            a at 13, without c
    broker                             a: 10, 11                 a: 12                        ...

Requests and answers are those of version 11, the last one in Kafka's plain format; brokers from 2.3 on know
it.
"""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from aiokafka.errors import for_code
from aiokafka.structs import TopicPartition

from runtime.protocol.arrays import read, written
from runtime.protocol.connection import Api, Data

FETCH: Final = Api(1, 11)
_REQUEST: Final = struct.Struct(">iiiibii")
_PLACE: Final = struct.Struct(">iiqqi")
_ANSWER: Final = struct.Struct(">ihi")
_PART: Final = struct.Struct(">ihqqqi")
_ABORTED: Final = struct.Struct(">qq")
_INT: Final = struct.Struct(">i")
_NO_RACK: Final = bytes(2)  # the size of an empty name
_CLIENT: Final = -1  # the replica id of those that are no broker, and an epoch or offset that is not known
_LARGEST: Final = (1 << 31) - 1
_NOT_FOUND, _WRONG_EPOCH = 70, 71
_FEW: Final = 8
"""A part that is smaller than this share of its answer is copied out of it."""


class Part(NamedTuple):
    """What an answer says of one partition.

    Attributes:
        place: the partition.
        error: Kafka's code, 0 for none.
        highwater: offset of the next record to be written.
        stable: the same, without what open transactions have written.
        aborted: (producer id, first offset) of aborted transactions.
        data: record batches.
    """

    place: TopicPartition
    error: int
    highwater: int
    stable: int
    aborted: tuple[tuple[int, int], ...]
    data: Data


class Session:
    """One with one broker; it lives as long as the connection.

    Args:
        isolation: Kafka's code: 1 to read only what was committed.
        most: bytes of an answer.
        most_of_one: bytes of one partition in an answer.
    """

    def __init__(self, isolation: int, most: int, most_of_one: int) -> None:
        self._isolation, self._most, self._most_of_one = isolation, most, most_of_one
        self._number = 0
        self._epoch = 0
        self._known: dict[TopicPartition, int] = {}

    def reset(self) -> None:
        """Name everything in the next request: nobody knows what became of the last one."""
        self._epoch = 0

    def request(self, wanted: Mapping[TopicPartition, int], wait_ms: int) -> bytes:
        """Body of a request.

        Args:
            wanted: offset to read from, by partition.
            wait_ms: how long the broker waits for a first record.
        """
        known = self._known if self._epoch else {}
        new = [(place, at) for place, at in wanted.items() if known.get(place) != at]
        gone = [place for place in known if place not in wanted]
        self._known = dict(wanted)
        head = _REQUEST.pack(
            _CLIENT, wait_ms, 1, self._most, self._isolation, self._number, self._epoch
        )  # fmt: skip
        named = [
            (topic, (_PLACE.pack(partition, _CLIENT, at, _CLIENT, self._most_of_one),))
            for (topic, partition), at in new
        ]
        forgotten = [(topic, (_INT.pack(partition),)) for topic, partition in gone]
        return b"".join([head, *written(named), *written(forgotten), _NO_RACK])

    def answer(self, data: Data) -> list[Part]:
        """What an answer says; the next request follows it.

        Raises:
            KafkaError: the broker refused the request as a whole.
        """
        _, error, number = _ANSWER.unpack_from(data)
        if error in {_NOT_FOUND, _WRONG_EPOCH}:
            self._number = 0 if error == _NOT_FOUND else self._number
            self.reset()
            return []
        if error:
            raise for_code(error)
        self._number = number
        self._epoch = self._epoch % _LARGEST + 1 if number else 0
        return _apart(read(data, _ANSWER.size, _part), len(data))


def _apart(parts: list[Part], whole: int) -> list[Part]:
    """The same, so that what waits of one partition keeps few of the others' records in memory.

    Args:
        parts: what an answer says of each partition.
        whole: bytes of the answer.
    """
    return [part._replace(data=bytes(part.data)) if _FEW * len(part.data) < whole else part for part in parts]


def _part(topic: str, data: Data, at: int) -> tuple[Part, int]:
    """What is said of one partition, and where the next one begins."""
    number, error, highwater, stable, _, transactions = _PART.unpack_from(data, at)
    at += _PART.size
    end = at + _ABORTED.size * max(transactions, 0)
    aborted = tuple(_ABORTED.iter_unpack(data[at:end])) if transactions > 0 else ()
    at = end + _INT.size  # the replica to read from is of no interest without a rack
    (size,) = _INT.unpack_from(data, at)
    at += _INT.size
    records = data[at : at + max(size, 0)]
    return Part(TopicPartition(topic, number), error, highwater, stable, aborted, records), at + max(size, 0)
