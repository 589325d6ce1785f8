"""Records that are handed over in batches arrive as they are, and what does not arrive is told of."""

import logging
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import NewTopic

from barline.cli.topics import Plan, carry_out, wanted
from runtime.kafka import LARGEST_BATCH, KafkaSettings
from runtime.producer import Producer
from runtime.reader import Reader
from runtime.sending.errors import DeliveryError, RecordTooLargeError
from schemas.batches.encode import Encoded
from tests.eventually import eventually

pytestmark = pytest.mark.stack

Opened = Callable[[Any], Any]
PARTITIONS = 2
HEADERS = [("made_by", b"test"), ("empty", b""), ("zero", b"\0\x01")]

SEND_PLAINLY = """
import sys
import numpy as np
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from tests.integration.test_producer_batches import RECORDS, send_in_one

producer = Producer(KafkaSettings(sys.argv[1]), "plain")
send_in_one(producer, sys.argv[2])
producer.wait(60)
producer.close()
"""


class Row(NamedTuple):
    partition: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: list[tuple[str, bytes]] | None


RECORDS = [
    Row(number % PARTITIONS, key, value, 1 + number, HEADERS)
    for number, (key, value) in enumerate(
        (key, value)
        for key in (None, b"", b"k", b"a longer key \0 with a zero")
        for value in (None, b"", b"v", bytes(range(256)) * 40)
    )
]

IN_ORDER = sorted(RECORDS, key=lambda row: (row.partition, row.timestamp))


@pytest.fixture
def topic(settings: KafkaSettings, unique: Callable[[str], str]) -> Callable[[], str]:
    admin = settings.admin("test")

    def make() -> str:
        name = unique("batches")
        wanted = NewTopic(name, PARTITIONS, 1, config={"retention.ms": "-1"})  # records are of long ago
        admin.create_topics([wanted])[name].result()
        return name

    return make


def send_in_one(producer: Producer, name: str) -> None:
    rows = RECORDS
    records = Encoded.of(
        [row.key for row in rows], [row.value for row in rows], np.array([row.timestamp for row in rows])
    )
    places = np.array([row.partition for row in rows])
    producer.send_all(name, records, partition=places, headers=HEADERS)


def send_one_by_one(producer: Producer, name: str) -> None:
    for place, key, value, timestamp, headers in RECORDS:
        producer.send(name, key, value, partition=place, timestamp_ms=timestamp, headers=headers)


def send_without_headers(producer: Producer, name: str) -> None:
    for place, key, value, timestamp, _ in RECORDS:
        producer.send(name, key, value, partition=place, timestamp_ms=timestamp)


def arrived(settings: KafkaSettings, name: str, count: int) -> list[Row]:
    """What a client of others reads, in the order of each partition."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "unused"})
    consumer.assign([TopicPartition(name, number, 0) for number in range(PARTITIONS)])
    found: list[Row] = []

    def all_there() -> bool:
        for one in consumer.consume(count, 0.2):
            assert one.error() is None
            found.append(Row(one.partition(), one.key(), one.value(), one.timestamp()[1], one.headers()))
        return len(found) >= count

    try:
        eventually(all_there)
    finally:
        consumer.close()
    return sorted(found, key=lambda row: (row.partition, row.timestamp))


@pytest.mark.parametrize("send", [send_in_one, send_one_by_one])
def test_records_arrive_as_they_are(
    settings: KafkaSettings, topic: Callable[[], str], opened: Opened, send: Callable[[Producer, str], None]
):
    name, producer = topic(), opened(Producer(settings, "test"))
    send(producer, name)
    producer.wait(30)
    assert arrived(settings, name, len(RECORDS)) == IN_ORDER


def test_records_sent_otherwise_would_be_seen(
    settings: KafkaSettings, topic: Callable[[], str], opened: Opened
):
    name, producer = topic(), opened(Producer(settings, "test"))
    send_without_headers(producer, name)
    producer.wait(30)
    found = arrived(settings, name, len(RECORDS))
    assert [row[:4] for row in found] == [row[:4] for row in IN_ORDER]
    assert {str(row.headers) for row in found} == {"None"}


def test_records_arrive_as_they_are_without_the_compiler(settings: KafkaSettings, topic: Callable[[], str]):
    name = topic()
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    call = [sys.executable, "-W", "error", "-c", SEND_PLAINLY, settings.bootstrap, name]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert arrived(settings, name, len(RECORDS)) == IN_ORDER


def test_records_of_a_call_keep_their_order_in_each_partition(
    settings: KafkaSettings, topic: Callable[[], str], opened: Opened
):
    """Those of several calls, too, and of several batches."""
    name, producer = topic(), opened(Producer(settings, "test"))
    places = np.random.default_rng(1).integers(0, PARTITIONS, 30_000)
    values = [b"%d " % number * 20 for number in range(len(places))]
    for rows in (slice(0, 20_000), slice(20_000, 20_001), slice(20_001, 30_000)):
        batch = Encoded.of([None] * len(values[rows]), values[rows], np.arange(1, 30_001)[rows])
        producer.send_all(name, batch, partition=places[rows])
    producer.send_all(name, Encoded.of([], [], np.empty(0, np.int64)), partition=places[:0])
    producer.wait(60)
    found = arrived(settings, name, len(values))
    for number in range(PARTITIONS):
        expected = [value for value, place in zip(values, places, strict=True) if place == number]
        assert [row.value for row in found if row.partition == number] == expected


def test_a_timestamp_of_0_is_now(settings: KafkaSettings, topic: Callable[[], str], opened: Opened):
    name, producer, before = topic(), opened(Producer(settings, "test")), int(time.time() * 1_000)
    producer.send(name, None, b"x", partition=0)
    producer.wait(30)
    (found,) = arrived(settings, name, 1)
    assert before <= found.timestamp <= time.time() * 1_000


def test_a_call_waits_for_room_and_goes_on(
    settings: KafkaSettings, unique: Callable[[str], str], opened: Opened, monkeypatch: pytest.MonkeyPatch
):
    """There is none before the topic is made."""
    admin = settings.admin("test")
    monkeypatch.setattr("runtime.sending.background._ROOM", 10_000)
    name, producer = unique("late"), opened(Producer(settings, "test"))
    values = [number.to_bytes(4, "big") * 250 for number in range(1_000)]
    with ThreadPoolExecutor(1) as threads:

        def send() -> None:
            for at in range(0, 1_000, 10):
                batch = Encoded.of([None] * 10, values[at : at + 10], np.arange(at + 1, at + 11))
                producer.send_all(name, batch, partition=1)

        sending = threads.submit(send)
        eventually(lambda: producer.outstanding == 10)
        with pytest.raises(TimeoutError):
            sending.result(0.3)
        assert producer.outstanding == 10, "one call alone may be larger than the room"
        wanted = NewTopic(name, PARTITIONS, 1, config={"retention.ms": "-1"})
        admin.create_topics([wanted])[name].result()
        sending.result(60)
    producer.wait(60)
    assert [row.value for row in arrived(settings, name, 1_000)] == values


def test_a_call_does_not_wait_for_room_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("runtime.sending.background._ROOM", 100)
    producer = Producer(KafkaSettings("127.0.0.1:1"), "test", delivery_timeout_ms=1_000)
    producer.send("topic", None, b"x" * 100, partition=0)
    with pytest.raises(DeliveryError, match=r"kafka must take records, was full with 1|within 1 s"):
        producer.send("topic", None, b"x" * 100, partition=0)
    producer.close(0.1)


@pytest.mark.parametrize("partition", [-1, np.array([0, -1])])
def test_a_partition_below_0_is_refused_at_once(settings: KafkaSettings, opened: Opened, partition: Any):
    producer = opened(Producer(settings, "test"))
    with pytest.raises(ValueError, match="a partition must be at least 0, was -1"):
        producer.send_all("topic", Encoded.of([None] * 2, [b"x"] * 2, np.full(2, 1)), partition=partition)
    assert producer.outstanding == 0


def test_a_record_too_large_is_refused_and_those_before_it_arrive(
    settings: KafkaSettings, topic: Callable[[], str], opened: Opened
):
    name, producer = topic(), opened(Producer(settings, "test"))
    values = [b"first", bytes(LARGEST_BATCH), b"third"]
    with pytest.raises(RecordTooLargeError, match=rf"message.max.bytes, was 67108864 bytes \({name} 0\)"):
        producer.send_all(name, Encoded.of([None] * 3, values, np.full(3, 1)), partition=0)
    producer.wait(30)
    assert [row.value for row in arrived(settings, name, 1)] == [b"first"]


def test_a_record_of_many_megabytes_is_written_and_read_among_others(
    settings: KafkaSettings, unique: Callable[[str], str], opened: Opened
):
    """As a configuration of 100,000 symbols is: on a topic as ``barline topics apply`` makes it."""
    made, name = next(one for one in wanted(PARTITIONS, "app") if one.name == "ticks.raw"), unique("large")
    carry_out(Plan(missing=[replace(made, name=name)]), settings, -1)
    producer, reader = opened(Producer(settings, "test")), opened(Reader(settings, "test"))
    values = [b"small", os.urandom(20_000_000), b"after"]
    for place in range(PARTITIONS):
        producer.send_all(name, Encoded.of([None] * 3, values, np.full(3, 1)), partition=place)
    producer.wait(60)
    reader.assign_from_beginning([name])
    found: dict[int, list[bytes | None]] = defaultdict(list)

    def all_there() -> bool:
        for place, records in reader.read(0.2).items():
            found[place.number] += [record.value for record in records]
        return sum(map(len, found.values())) == PARTITIONS * len(values)

    eventually(all_there)
    assert [found[place] == values for place in range(PARTITIONS)] == [True] * PARTITIONS


def test_several_threads_send_and_wait_at_once(
    settings: KafkaSettings, topic: Callable[[], str], opened: Opened
):
    """Each wait returns, and what its thread sent is there then."""
    name, producer, reader = topic(), opened(Producer(settings, "test")), opened(Reader(settings, "test"))

    def send(number: int) -> int:
        for count in range(50):
            batch = Encoded.of([None] * 4, [b"%d %d" % (number, count)] * 4, np.full(4, 1))
            producer.send_all(name, batch, partition=number % 2)
            producer.wait(60)
            if number == 0:
                assert sum(reader.ends([name]).values()) >= 4 * (count + 1)
        return 200

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(send, range(4))) == 800
    assert producer.outstanding == 0
    found = [(row.value or b"").split() for row in arrived(settings, name, 800)]
    for number in range(4):
        counts = [int(count) for thread, count in found if int(thread) == number]
        assert counts == sorted(counts)


def test_every_wait_after_a_lost_batch_fails_of_the_same(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(3) as threads:
        producer = Producer(KafkaSettings("127.0.0.1:1"), "test", delivery_timeout_ms=1_000)
        lost = Encoded.of([None] * 500, [b"x"] * 500, np.full(500, 1))
        waits = []
        for _ in range(3):
            producer.send_all("topic", lost, partition=0)
            waits.append(threads.submit(producer.wait, 30))
        found = [wait.exception() for wait in waits]
        with pytest.raises(DeliveryError, match=r"must be acknowledged within 1 s, .* \(topic 0; ") as one:
            producer.wait(30)
    producer.close(0.1)
    assert [error is one.value for error in found] == [True] * 3
    assert any(one.name.startswith("runtime.sending") for one in caplog.records)
