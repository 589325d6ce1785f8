"""A consumer of librdkafka by its C interface: a member of a group, or one whose partitions are assigned.

Its records come by ``runtime.intake``; everything else is asked here, seldom and by ctypes. Callbacks run
in the thread that takes records or closes, and what they raise is raised there. Errors of librdkafka are
those of its Python client: ``KafkaException`` with a ``KafkaError``.

The Python client itself would not do: what its own calls do not serve ends the process.
"""

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException

from runtime import librdkafka
from runtime.kafka import CLIENT_LOG
from runtime.librdkafka import POINTER, function
from runtime.partitions import (
    LIST,
    Offsets,
    Place,
    accept,
    accept_each,
    destroy,
    listed,
    offsets_of,
    places_of,
)
from schemas.errors import DependencyError

OnPlaces = Callable[[list[Place]], None]

_INT: Final = ctypes.c_int
_TEXT: Final = ctypes.c_char_p
_ANY: Final = ctypes.c_void_p


class _PartitionMetadata(ctypes.Structure):
    """``rd_kafka_metadata_partition_t``."""

    _fields_ = (
        ("number", ctypes.c_int32), ("error", _INT), ("leader", ctypes.c_int32), ("replica_count", _INT),
        ("replicas", _ANY), ("in_sync_count", _INT), ("in_sync", _ANY),
    )  # fmt: skip


class _TopicMetadata(ctypes.Structure):
    """``rd_kafka_metadata_topic_t``."""

    _fields_ = (
        ("topic", _TEXT), ("count", _INT), ("partitions", ctypes.POINTER(_PartitionMetadata)),
        ("error", _INT),
    )  # fmt: skip


class _Metadata(ctypes.Structure):
    """``rd_kafka_metadata_t``, as far as it is read."""

    _fields_ = (
        ("broker_count", _INT), ("brokers", _ANY), ("count", _INT),
        ("topics", ctypes.POINTER(_TopicMetadata)),
    )  # fmt: skip


_OFFSET: Final = ctypes.POINTER(ctypes.c_int64)

_set_rebalance: Final = function("rd_kafka_conf_set_rebalance_cb", None, POINTER, _ANY)
_set_error: Final = function("rd_kafka_conf_set_error_cb", None, POINTER, _ANY)
_set_log: Final = function("rd_kafka_conf_set_log_cb", None, POINTER, _ANY)
_poll_all_as_consumer: Final = function("rd_kafka_poll_set_consumer", _INT, POINTER)
_consumer_queue: Final = function("rd_kafka_queue_get_consumer", POINTER, POINTER)
_subscribe: Final = function("rd_kafka_subscribe", _INT, POINTER, LIST)
_assign: Final = function("rd_kafka_assign", _INT, POINTER, LIST)
_assign_more: Final = function("rd_kafka_incremental_assign", POINTER, POINTER, LIST)
_unassign: Final = function("rd_kafka_incremental_unassign", POINTER, POINTER, LIST)
_assignment: Final = function("rd_kafka_assignment", _INT, POINTER, ctypes.POINTER(LIST))
_pause: Final = function("rd_kafka_pause_partitions", _INT, POINTER, LIST)
_resume: Final = function("rd_kafka_resume_partitions", _INT, POINTER, LIST)
_seek: Final = function("rd_kafka_seek_partitions", POINTER, POINTER, LIST, _INT)
_commit: Final = function("rd_kafka_commit", _INT, POINTER, LIST, _INT)
_committed: Final = function("rd_kafka_committed", _INT, POINTER, LIST, _INT)
_bounds: Final = function(
    "rd_kafka_query_watermark_offsets", _INT, POINTER, _TEXT, ctypes.c_int32, _OFFSET, _OFFSET, _INT
)
_METADATA: Final = ctypes.POINTER(_Metadata)
_metadata: Final = function(
    "rd_kafka_metadata", _INT, POINTER, _INT, POINTER, ctypes.POINTER(_METADATA), _INT
)
_metadata_destroy: Final = function("rd_kafka_metadata_destroy", None, _METADATA)
_close: Final = function("rd_kafka_consumer_close", _INT, POINTER)

_ON_REBALANCE: Final = ctypes.CFUNCTYPE(None, POINTER, _INT, LIST, _ANY)
_ON_ERROR: Final = ctypes.CFUNCTYPE(None, POINTER, _INT, _TEXT, _ANY)
_ON_LOG: Final = ctypes.CFUNCTYPE(None, POINTER, _INT, _TEXT, _TEXT)


class Consumer:
    """One member, or one reader.

    Args:
        properties: of librdkafka, by name.

    Raises:
        ConfigurationError: it knows no such property, or not this value of it.
    """

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._on_assigned: OnPlaces = lambda _: None
        self._on_revoked: OnPlaces = lambda _: None
        self._raised: BaseException | None = None
        self._callbacks = _ON_REBALANCE(self._rebalance), _ON_ERROR(self._error), _ON_LOG(_log)
        self._handle = librdkafka.new_client(properties, self._prepare)
        _poll_all_as_consumer(self._handle)
        self._queue = int(_consumer_queue(self._handle))

    @property
    def queue(self) -> int:
        """Where its records come from.

        Raises:
            RuntimeError: it is closed.
        """
        self._check_open()
        return self._queue

    @property
    def _client(self) -> int:
        self._check_open()
        return self._handle

    def _check_open(self) -> None:
        if not self._handle:
            raise RuntimeError("a consumer must be open to be asked, was closed")

    def subscribe(self, topics: Sequence[str], on_assigned: OnPlaces, on_revoked: OnPlaces) -> None:
        """Share the partitions of some topics with the group."""
        self._on_assigned, self._on_revoked = on_assigned, on_revoked
        with listed(dict.fromkeys(((topic, -1) for topic in topics), OFFSET_INVALID)) as wanted:
            accept(_subscribe(self._client, wanted))

    def assign(self, offsets: Offsets) -> None:
        """Read these partitions from these offsets on."""
        with listed(offsets) as wanted:
            accept(_assign(self._client, wanted))

    def assignment(self) -> list[Place]:
        """Partitions that are read now."""
        found = LIST()
        accept(_assignment(self._client, ctypes.byref(found)))
        try:
            return places_of(found)
        finally:
            destroy(found)

    def pause(self, places: Iterable[Place]) -> None:
        """Take no more records of these partitions."""
        with listed(dict.fromkeys(places, OFFSET_INVALID)) as wanted:
            accept(_pause(self._client, wanted))

    def resume(self, places: Iterable[Place]) -> None:
        """Take records of these partitions again."""
        with listed(dict.fromkeys(places, OFFSET_INVALID)) as wanted:
            accept(_resume(self._client, wanted))

    def seek(self, place: Place, offset: int) -> None:
        """Read an assigned partition from an offset on."""
        with listed({place: offset}) as wanted:
            if error := _seek(self._client, wanted, -1):
                accept(librdkafka.code_of(error))
            accept_each(wanted)

    def commit(self, offsets: Offsets) -> None:
        """Commit offsets and wait until the brokers have them.

        Raises:
            KafkaException: they do not have all; librdkafka tells why, not of which partition.
        """
        with listed(offsets) as wanted:
            accept(_commit(self._client, wanted, 0))

    def committed(self, wanted: Iterable[Place], timeout: float) -> dict[Place, int]:
        """Committed offset of each partition, below 0 where there is none.

        Raises:
            KafkaException: one is not known; the first such partition is named.
        """
        with listed(dict.fromkeys(wanted, OFFSET_INVALID)) as found:
            accept(_committed(self._client, found, _ms(timeout)))
            accept_each(found)
            return offsets_of(found)

    def bounds(self, place: Place, timeout: float) -> tuple[int, int]:
        """Offset of the first record of a partition and of the next one to be written."""
        low, high = ctypes.c_int64(), ctypes.c_int64()
        topic, number = place
        wanted = ctypes.byref(low), ctypes.byref(high)
        accept(_bounds(self._client, topic.encode(), number, *wanted, _ms(timeout)))
        return low.value, high.value

    def partitions(self, topic: str, timeout: float) -> list[int]:
        """Numbers of the partitions of a topic in order."""
        found, handle = _METADATA(), librdkafka.new_topic(self._client, topic.encode(), 0)
        if not handle:
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG))  # noqa: SLF001 (a public constant)
        try:
            accept(_metadata(self._client, 0, handle, ctypes.byref(found), _ms(timeout)))
        finally:
            librdkafka.topic_destroy(handle)
        try:
            one = found.contents.topics[0]
            accept(one.error)
            return sorted(one.partitions[number].number for number in range(one.count))
        finally:
            _metadata_destroy(found)

    def check(self) -> None:
        """Raise what a callback raised, or the end of the client.

        Raises:
            DependencyError: the brokers refuse this member for good.
        """
        raised, self._raised = self._raised, None
        if raised is not None:
            raise raised

    def close(self) -> None:
        """Leave the group; nothing may be asked after it."""
        if not self._handle:
            return
        _close(self._handle)  # partitions are revoked meanwhile, and who hears of it may ask
        client, self._handle = self._handle, 0
        if not librdkafka.fatal_text(client):  # the library might wait for ever for the end of such a client
            librdkafka.queue_destroy(self._queue)
            librdkafka.destroy(client)
        self.check()

    def _prepare(self, conf: int) -> None:
        for give, callback in zip((_set_rebalance, _set_error, _set_log), self._callbacks, strict=True):
            give(conf, ctypes.cast(callback, _ANY))

    def _rebalance(self, client: int, code: int, found: Any, _: Any) -> None:
        came = code == KafkaError._ASSIGN_PARTITIONS  # noqa: SLF001 (a public constant of librdkafka)
        try:
            (self._on_assigned if came else self._on_revoked)(places_of(found))
        except BaseException as error:  # noqa: BLE001 (C knows no exceptions: it is raised behind it)
            self._raised = self._raised or error
        if refused := (_assign_more if came else _unassign)(client, found):
            librdkafka.code_of(refused)  # the client is closing

    def _error(self, client: int, code: int, *_: Any) -> None:
        """Tell of what ends the client; the rest passes by itself, and its log tells of it."""
        if code == KafkaError._FATAL:  # noqa: SLF001 (likewise)
            text = librdkafka.fatal_text(client)
            self._raised = self._raised or DependencyError(f"kafka must keep a reader, was {text!r}")


def _log(client: int, level: int, facility: bytes, text: bytes) -> None:
    level, line = librdkafka.told(client, level, facility, text)
    CLIENT_LOG.log(level, "%s", line)


def _ms(seconds: float) -> int:
    return int(1_000 * seconds)
