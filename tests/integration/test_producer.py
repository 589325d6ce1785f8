"""The producer against a real broker: what a wait says is true."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import NewTopic

from barline.stack import running
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from runtime.reader import Partition, Reader
from runtime.sending.errors import DeliveryError
from runtime.sending.outbox import Queue
from runtime.sending.sender import Sender
from schemas.errors import DependencyError
from tests.eventually import eventually

pytestmark = pytest.mark.stack

Opened = Callable[[Any], Any]
Make = Callable[..., str]


@pytest.fixture
def topic(settings: KafkaSettings, unique: Callable[[str], str]) -> Iterator[Make]:
    """Make topics of two partitions, of new names unless they are said; they go when the test ends."""
    admin, names = settings.admin("test"), []

    def make(name: str = "", **config: str) -> str:
        names.append(name or unique("producer"))
        wanted = NewTopic(
            names[-1], 2, 1, config={name.replace("_", "."): value for name, value in config.items()}
        )
        admin.create_topics([wanted])[names[-1]].result()
        return names[-1]

    yield make
    for done in admin.delete_topics(names).values() if names else ():
        done.result()


def waits(producer: Producer) -> int:
    """How many wait for what is on its way."""
    batches = list(producer._background._sender._under_way())
    return max((len(batch.flushes) for batch in batches), default=0)


def test_everything_sent_before_a_wait_has_arrived(settings: KafkaSettings, topic: Make, opened: Opened):
    name, producer, reader = topic(), opened(Producer(settings, "test")), opened(Reader(settings, "test"))
    for number in range(1_000):
        producer.send(name, b"key", b"%d" % number, partition=number % 2)
    producer.wait(30)
    assert producer.outstanding == 0
    assert reader.ends([name]) == {Partition(name, 0): 500, Partition(name, 1): 500}


def test_without_a_wait_nothing_is_said(settings: KafkaSettings, unique: Callable[[str], str]):
    """What is sent to a topic that is not there has not arrived."""
    producer = Producer(settings, "test")
    producer.send(unique("nowhere"), b"key", b"x", partition=0)
    assert producer.outstanding == 1
    producer.close(0.1)
    with pytest.raises(DeliveryError, match="must arrive before a producer ends, was 1 too late"):
        producer.wait(1)


def test_a_wait_is_for_what_was_sent_before_it_alone(
    settings: KafkaSettings, topic: Make, unique: Callable[[str], str], opened: Opened
):
    """Neither can arrive before its topic is made."""
    early, late, producer = unique("early"), unique("late"), opened(Producer(settings, "test"))
    producer.send(early, None, b"x", partition=0)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(producer.wait, 60)
        eventually(lambda: waits(producer) == 1)
        producer.send(late, None, b"y", partition=0)
        second = threads.submit(producer.wait, 60)
        eventually(lambda: waits(producer) == 2)
        with pytest.raises(TimeoutError, match=r"records must arrive in 0\.3 s, was 2 outstanding"):
            producer.wait(0.3)
        topic(early)
        first.result()
        assert not second.done()
        with pytest.raises(TimeoutError, match=r"records must arrive in 0\.3 s, was 1 outstanding"):
            producer.wait(0.3)
        topic(late)
        second.result()
    assert producer.outstanding == 0


def test_a_wait_that_gives_up_leaves_the_others_waiting(
    settings: KafkaSettings, topic: Make, unique: Callable[[str], str], opened: Opened
):
    name, producer = unique("late"), opened(Producer(settings, "test"))

    def send(number: int) -> bool:
        producer.send(name, None, b"%d" % number, partition=number % 2)
        try:
            producer.wait(0.1 if number == 5 else 60)
        except TimeoutError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        sent = [threads.submit(send, number) for number in range(8)]
        eventually(sent[5].done)
        topic(name)
        assert [one.result() for one in sent] == [number != 5 for number in range(8)]
    assert producer.outstanding == 0


def test_a_refused_record_fails_every_wait_from_then_on(settings: KafkaSettings, topic: Make, opened: Opened):
    narrow, wide = topic(max_message_bytes="100"), topic()
    producer = opened(Producer(settings, "test"))
    producer.send(narrow, None, os.urandom(1_000), partition=0)
    with pytest.raises(DeliveryError, match=r"records must fit max\.message\.bytes") as first:
        producer.wait(30)
    for go_on in (lambda: producer.send(wide, None, b"x", partition=0), producer.wait, producer.wait):
        with pytest.raises(DeliveryError) as found:
            go_on()
        assert found.value is first.value


@pytest.mark.parametrize(("broken", "name"), [(Queue, "send"), (Sender, "send_all")])
def test_an_error_nobody_foresaw_fails_the_producer(
    settings: KafkaSettings,
    topic: Make,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    broken: type,
    name: str,
):
    producer = opened(Producer(settings, "test"))
    monkeypatch.setattr(broken, name, lambda *_, **__: 1 / 0)
    producer.send(topic(), None, b"x", partition=0)
    with pytest.raises(DeliveryError, match="ZeroDivisionError"):
        producer.wait(30)


def test_a_broker_that_is_not_there_fails_the_delivery_in_time():
    producer = Producer(KafkaSettings("127.0.0.1:1"), "test", delivery_timeout_ms=1_000)
    producer.send("topic", None, b"x", partition=0)
    with pytest.raises(
        DeliveryError, match=r"within 1 s, .* \(topic 0; last heard: no producer id, KafkaConnectionError"
    ):
        producer.wait(20)
    producer.close(0.1)


def test_a_broker_that_comes_later_gets_what_waited(tmp_path: Path, unique: Callable[[str], str]):
    """A producer is there at once and needs no broker before there is something to send."""
    with running(tmp_path) as stack:
        settings, name = KafkaSettings(stack.endpoints.kafka), unique("late")
        admin = settings.admin("test")
        admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    producer = Producer(settings, "test", delivery_timeout_ms=60_000)
    producer.send(name, None, b"early", partition=0)
    with pytest.raises(TimeoutError):
        producer.wait(0.5)
    with running(tmp_path):
        producer.wait()
        producer.close()


def test_a_reader_of_a_broker_that_is_not_there_says_so():
    reader = Reader(KafkaSettings("127.0.0.1:1"), "test", timeout=1.0)
    with pytest.raises(DependencyError, match="kafka must answer"):
        reader.ends(["topic"])
    reader.close()
