"""What the reader takes by librdkafka's C interface, beside what its Python client makes of the records."""

import ast
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import NewTopic

from runtime import librdkafka
from runtime.headers import TS_PUBLISHED
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from runtime.reader import Partition, Reader, Record
from schemas.errors import DependencyError, SchemaError
from tests.eventually import eventually

pytestmark = pytest.mark.stack

Opened = Callable[[Any], Any]

PARTITIONS: Final = 3
TEXTS: Final = (b"text", b"", None, bytes(range(256)) * 40)
SENT: Final = (
    [], [(TS_PUBLISHED, b"7")], [(TS_PUBLISHED, b"9223372036854775799")], [(TS_PUBLISHED, b"9" * 19)],
    [(TS_PUBLISHED, b"1" * 20)], [(TS_PUBLISHED, b"")], [(TS_PUBLISHED, b"-1")], [(TS_PUBLISHED, b"soon")],
    [("ts_publishe", b"1")],
    [(TS_PUBLISHED + "d", b"1")], [("made_by", b"x"), (TS_PUBLISHED, b"8")],
    [(TS_PUBLISHED, b"no"), (TS_PUBLISHED, b"9")],
)  # fmt: skip
PUBLISHED: Final = (0, 7, 9223372036854775799, 0, 0, 0, 0, 0, 0, 0, 8, 9)

READ_PLAINLY: Final = """
import sys
from runtime.kafka import KafkaSettings
from runtime.reader import Reader
reader, found = Reader(KafkaSettings(sys.argv[1]), "test"), []
reader.assign_from_beginning([sys.argv[2]])
while len(found) < int(sys.argv[3]):
    for place, records in reader.read(10.0).items():
        found += [(place.number, *record) for record in records]
reader.close()
print(sorted(found))
"""


@pytest.fixture
def topic(settings: KafkaSettings, unique: Callable[[str], str]) -> Iterator[str]:
    """A topic with records of every kind, in turn on its partitions."""
    admin, name = settings.admin("test"), unique("intake")
    admin.create_topics([NewTopic(name, PARTITIONS, 1, config={"retention.ms": "-1"})])[name].result()
    producer = Producer(settings, "test")
    for number, (key, value, headers) in enumerate(kinds()):
        place, at = number % PARTITIONS, 1_000 + number
        producer.send(name, key, value, partition=place, timestamp_ms=at, headers=headers)
    producer.wait(30)
    producer.close()
    yield name
    admin.delete_topics([name])[name].result()


def kinds() -> list[tuple[bytes | None, bytes | None, Any]]:
    return [(key, value, headers) for key in TEXTS for value in TEXTS for headers in SENT]


COUNT: Final = len(kinds())


def read_by_the_python_client(settings: KafkaSettings, topic: str) -> list[tuple[Any, ...]]:
    """Partition, offset, timestamp, key and value of all records."""
    consumer = Consumer(settings.consumer("test", group=None, start="earliest"))
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    found: list[tuple[Any, ...]] = []
    while len(found) < COUNT:
        taken = consumer.consume(COUNT, 1.0)
        found += [(m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value()) for m in taken]
    consumer.close()
    return sorted(found)


def expected(settings: KafkaSettings, topic: str) -> list[tuple[Any, ...]]:
    """The same, and when each was sent: their timestamps count them."""
    return [
        (*row, PUBLISHED[(row[2] - 1_000) % len(SENT)]) for row in read_by_the_python_client(settings, topic)
    ]


def test_records_are_those_that_the_python_client_reads(settings: KafkaSettings, topic: str, opened: Opened):
    reader, found = opened(Reader(settings, "test")), list[tuple[Any, ...]]()
    reader.assign_from_beginning([topic])
    while len(found) < COUNT:
        for place, records in reader.read(10.0, limit=50).items():
            found += [(place.number, *record) for record in records]
    assert sorted(found) == expected(settings, topic)


def test_records_are_the_same_without_the_compiler(settings: KafkaSettings, topic: str):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    call = [sys.executable, "-W", "error", "-c", READ_PLAINLY, settings.bootstrap, topic, str(COUNT)]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == expected(settings, topic)


def test_one_record_at_a_time_is_read_in_order(settings: KafkaSettings, topic: str, opened: Opened):
    reader, place = opened(Reader(settings, "test")), Partition(topic, 1)
    reader.assign({place: 0})
    found: list[Record] = []
    while len(found) < 20:
        for records in reader.read(10.0, limit=1).values():
            assert len(records) == 1
            found += records
    assert [record.offset for record in found] == list(range(20))


def test_a_reader_waits_no_longer_than_it_is_told(settings: KafkaSettings, topic: str, opened: Opened):
    reader, place = opened(Reader(settings, "test")), Partition(topic, 0)
    reader.assign({place: reader.bounds(place)[1]})
    began = time.monotonic()
    assert reader.read_frames(0.35) == {}
    assert 0.3 < time.monotonic() - began < 5.0


def test_what_a_callback_raises_is_raised_by_read(
    settings: KafkaSettings, topic: str, unique: Callable[[str], str], opened: Opened
):
    def refuse(found: list[Partition]) -> None:
        raise LookupError(sorted(found))

    reader = opened(Reader(settings, "test", group=unique("group")))
    reader.subscribe([topic], on_assigned=refuse)
    with pytest.raises(LookupError) as raised:
        eventually(lambda: reader.read_frames(1.0))
    assert raised.value.args == ([Partition(topic, number) for number in range(PARTITIONS)],)


def test_a_topic_that_is_not_there_is_an_error_of_read(
    settings: KafkaSettings, unique: Callable[[str], str], opened: Opened
):
    reader = opened(Reader(settings, "test", group=unique("group")))
    reader.subscribe(["nowhere"])
    with pytest.raises(SchemaError, match="topic nowhere must exist"):
        eventually(lambda: reader.read(1.0))


def test_a_partition_that_is_not_assigned_cannot_be_sought(
    settings: KafkaSettings, topic: str, opened: Opened
):
    reader = opened(Reader(settings, "test"))
    with pytest.raises(DependencyError, match="kafka must answer"):
        reader.seek(Partition(topic, 0), 1)


def test_a_reader_that_the_brokers_refuse_for_good_ends(settings: KafkaSettings, topic: str, opened: Opened):
    reader = opened(Reader(settings, "test"))
    reader.assign_from_beginning([topic])
    eventually(lambda: reader.read(1.0))
    client = librdkafka.POINTER(reader._client._client)
    librdkafka._LIBRARY.rd_kafka_test_fatal_error(client, 82, b"fenced by a test")
    with pytest.raises(DependencyError, match="fenced by a test"):
        eventually(lambda: reader.read(1.0) and False)


def test_lines_of_the_library_go_to_the_log(caplog: pytest.LogCaptureFixture, opened: Opened):
    reader = opened(Reader(KafkaSettings("127.0.0.1:1"), "test"))
    with caplog.at_level(logging.WARNING):
        reader.assign({Partition("topic", 0): 0})
        eventually(
            lambda: reader.read(0.1) or [one for one in caplog.records if "[test#" in one.getMessage()]
        )
    assert {one.name for one in caplog.records} == {"runtime.librdkafka"}


def test_who_hears_of_a_revocation_may_commit_while_the_reader_closes(
    settings: KafkaSettings, topic: str, unique: Callable[[str], str]
):
    group = unique("closing")
    reader = Reader(settings, "test", group=group)
    reader.subscribe([topic], on_revoked=lambda places: reader.commit(dict.fromkeys(places, 1)))
    eventually(lambda: reader.read(0.2))
    reader.close()
    after = Reader(settings, "test", group=group)
    assert set(after.committed(after.partitions(topic)).values()) == {1}
    after.close()


def test_a_closed_reader_says_so(settings: KafkaSettings, topic: str):
    reader = Reader(settings, "test")
    reader.close()
    for ask in (lambda: reader.read(0.1), lambda: reader.ends([topic])):
        with pytest.raises(RuntimeError, match="was closed"):
            ask()


def test_a_closed_reader_may_be_closed_again(settings: KafkaSettings):
    reader = Reader(settings, "test")
    reader.close()
    reader.close()
