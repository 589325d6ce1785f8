"""The producer against a real broker: what a wait says is true."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka.admin import NewTopic

from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from runtime.reader import Partition, Reader
from runtime.sending.errors import DeliveryError
from schemas.errors import DependencyError
from schemas.partition import partition_of
from tests.eventually import eventually

pytestmark = pytest.mark.stack

Opened = Callable[[Any], Any]


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> KafkaSettings:
    return KafkaSettings(os.environ.get("BARLINE_TEST_KAFKA") or request.getfixturevalue("stack").kafka)


@pytest.fixture
def topic(settings: KafkaSettings, unique: Callable[[str], str]) -> Iterator[Callable[..., str]]:
    """Make topics of two partitions; they go when the test ends."""
    admin, names = settings.admin("test"), []

    def make(**config: str) -> str:
        names.append(unique("producer"))
        wanted = NewTopic(
            names[-1], 2, 1, config={name.replace("_", "."): value for name, value in config.items()}
        )
        admin.create_topics([wanted])[names[-1]].result()
        return names[-1]

    yield make
    for done in admin.delete_topics(names).values() if names else ():
        done.result()


def test_everything_sent_before_a_wait_has_arrived(
    settings: KafkaSettings, topic: Callable[..., str], opened: Opened
):
    name, producer, reader = topic(), opened(Producer(settings, "test")), opened(Reader(settings, "test"))
    for number in range(1_000):
        producer.send(name, b"key", b"%d" % number, partition=number % 2)
    producer.wait(30)
    eventually(lambda: producer.outstanding == 0)  # the report in hand counts, too
    assert reader.ends([name]) == {Partition(name, 0): 500, Partition(name, 1): 500}


@pytest.mark.parametrize("slots", [2, 16])
def test_a_wait_is_for_what_was_sent_before_it_alone(
    settings: KafkaSettings,
    topic: Callable[..., str],
    unique: Callable[[str], str],
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    slots: int,
):
    """What is sent later can't arrive before its topic is made; of two slots the first wait leaves none."""
    monkeypatch.setattr("runtime.producer._SLOTS", slots)
    name, later, admin = topic(), unique("later"), settings.admin("test")
    producer = opened(Producer(settings, "test", linger_ms=500))
    producer.send(name, None, b"x", partition=0)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(producer.wait, 30)
        eventually(lambda: producer._epochs.slot == 1)
        producer.send(later, None, b"y", partition=0)
        second = threads.submit(producer.wait, 30)
        first.result(10)
        with pytest.raises(TimeoutError, match=r"records must arrive in 0\.5 s, was 1 outstanding"):
            producer.wait(0.5)
        assert not second.done()
        admin.create_topics([NewTopic(later, 1, 1)])[later].result()
        second.result()
    eventually(lambda: producer.outstanding == 0)  # the report in hand counts, too


def test_more_waits_than_slots_all_end(settings: KafkaSettings, topic: Callable[..., str], opened: Opened):
    """One that gives up leaves the others waiting."""
    name, reader = topic(), opened(Reader(settings, "test"))
    producer = opened(Producer(settings, "test", linger_ms=1_000))
    slots = len(producer._epochs.due)

    def send(number: int) -> bool:
        producer.send(name, None, b"%d" % number, partition=number % 2)
        try:
            producer.wait(0.0 if number == 5 else 30)
        except TimeoutError:
            return False
        return True

    with ThreadPoolExecutor(2 * slots) as threads:
        waits = [threads.submit(send, number) for number in range(2 * slots)]
        eventually(lambda: len(producer._epochs._closed) == slots - 1 and producer._epochs.sent)
        assert [wait.result() for wait in waits] == [number != 5 for number in range(2 * slots)]
    eventually(lambda: producer.outstanding == 0)
    assert reader.ends([name]) == {Partition(name, 0): slots, Partition(name, 1): slots}


def test_keys_choose_the_partition_as_all_clients_do(
    settings: KafkaSettings, topic: Callable[..., str], opened: Opened
):
    name, producer, reader = topic(), opened(Producer(settings, "test")), opened(Reader(settings, "test"))
    keys = [b"SPY", b"EURUSD", b"BTCUSD", b"AIG"]
    for key in keys:
        producer.send(name, key, b"x")
    producer.wait(30)
    reader.assign_from_beginning([name])
    found: dict[bytes | None, int] = {}
    while len(found) < len(keys):
        found |= {
            record.key: place.number for place, records in reader.read(1.0).items() for record in records
        }
    assert found == {key: partition_of(key, 2) for key in keys}


def test_a_refused_record_fails_every_wait_from_then_on(
    settings: KafkaSettings, topic: Callable[..., str], opened: Opened
):
    narrow, wide = topic(max_message_bytes="100"), topic()
    producer = opened(Producer(settings, "test"))
    producer.send(narrow, None, os.urandom(1_000), partition=0)
    with pytest.raises(DeliveryError, match="a record must be taken") as first:
        producer.wait(30)
    producer.send(wide, None, b"x", partition=0)
    with pytest.raises(DeliveryError) as second:
        producer.wait(30)
    assert second.value is first.value


def test_a_broker_that_is_not_there_fails_the_delivery_in_time():
    producer = Producer(KafkaSettings("127.0.0.1:1"), "test", delivery_timeout_ms=1_000)
    producer.send("topic", None, b"x", partition=0)
    with pytest.raises(DeliveryError):
        producer.wait(20)
    producer.close(0.1)


def test_a_reader_of_a_broker_that_is_not_there_says_so():
    reader = Reader(KafkaSettings("127.0.0.1:1"), "test", timeout=1.0)
    with pytest.raises(DependencyError, match="kafka must answer"):
        reader.ends(["topic"])
    reader.close()
