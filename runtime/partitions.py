"""Partitions as librdkafka takes and gives them: a list of its own, with an offset and an error for each."""

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from runtime.librdkafka import error_text, function

Place = tuple[str, int]
"""Topic and number of a partition."""

Offsets = Mapping[Any, int]
"""By partition."""

_TEXT: Final = ctypes.c_char_p
_ANY: Final = ctypes.c_void_p


class _Partition(ctypes.Structure):
    """``rd_kafka_topic_partition_t``."""

    _fields_ = (
        ("topic", _TEXT), ("number", ctypes.c_int32), ("offset", ctypes.c_int64), ("metadata", _ANY),
        ("metadata_size", ctypes.c_size_t), ("opaque", _ANY), ("error", ctypes.c_int), ("private", _ANY),
    )  # fmt: skip


class _Partitions(ctypes.Structure):
    """``rd_kafka_topic_partition_list_t``."""

    _fields_ = (("count", ctypes.c_int), ("size", ctypes.c_int), ("all", ctypes.POINTER(_Partition)))


LIST: Final = ctypes.POINTER(_Partitions)

_new: Final = function("rd_kafka_topic_partition_list_new", LIST, ctypes.c_int)
_add: Final = function(
    "rd_kafka_topic_partition_list_add", ctypes.POINTER(_Partition), LIST, _TEXT, ctypes.c_int32
)
destroy: Final = function("rd_kafka_topic_partition_list_destroy", None, LIST)


@contextmanager
def listed(offsets: Offsets) -> Iterator[Any]:
    """A list for librdkafka."""
    found = _new(len(offsets))
    try:
        for (topic, number), offset in offsets.items():
            _add(found, topic.encode(), number).contents.offset = offset
        yield found
    finally:
        destroy(found)


def places_of(found: Any) -> list[Place]:
    """The partitions of a list, in its order."""
    return [(one.topic.decode(), one.number) for one in _each(found)]


def offsets_of(found: Any) -> dict[Place, int]:
    """The offsets of a list."""
    return {(one.topic.decode(), one.number): one.offset for one in _each(found)}


def accept(code: int) -> None:
    """Raise an error of a call, none for 0."""
    if code:
        raise KafkaException(KafkaError(code))


def accept_each(found: Any) -> None:
    """Raise the first error that stands in a list, with its partition."""
    for one in _each(found):
        if one.error:
            where = f"{one.topic.decode()} {one.number}"
            raise KafkaException(KafkaError(one.error, f"{error_text(one.error)} ({where})"))


def _each(found: Any) -> list[Any]:
    return [found.contents.all[number] for number in range(found.contents.count)]
