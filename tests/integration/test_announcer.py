"""Announcements against a real broker: a reader of one finds what it tells of."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from confluent_kafka.admin import NewTopic

from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from runtime.reader import Reader
from schemas.topics import TOPICS
from streams.transport.announcer import ANNOUNCING, Announcer
from tests.eventually import eventually

pytestmark = pytest.mark.stack

VALUES = 1_000
Opened = Callable[[Any], Any]
Tell = Callable[[Announcer, Callable[[str, Any], None], str], Awaitable[None]]


@pytest.fixture
def topics(settings: KafkaSettings, unique: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Two topics of one partition: of values, made when they may arrive, and of what announces them."""
    admin, names = settings.admin("test"), (unique("values"), unique("announced"))
    admin.create_topics([NewTopic(names[1], 1, 1)])[names[1]].result()
    yield names
    for done in admin.delete_topics(list(names)).values():
        done.result()


async def hold(announcer: Announcer, _: Callable[[str, Any], None], topic: str) -> None:
    announcer.hold(topic, None)


async def hold_to_a_checkpoint(announcer: Announcer, _: Callable[[str, Any], None], topic: str) -> None:
    announcer.hold(topic, None)
    await announcer.release()


async def send_at_once(_: Announcer, send: Callable[[str, Any], None], topic: str) -> None:
    send(topic, None)


async def there_when_announced(
    settings: KafkaSettings, topics: tuple[str, str], opened: Opened, tell: Tell
) -> int:
    """How many values a reader finds that has just seen the announcement.

    They can arrive half a second after they were sent, when their topic is made.
    """
    producer, other = opened(Producer(settings, "test")), opened(Producer(settings, "test"))
    reader, admin, (values, announced) = opened(Reader(settings, "test")), settings.admin("test"), topics

    def send(topic: str, _: Any) -> None:
        other.send(topic, b"key", b"told", partition=0)
        other.wait()

    def told() -> int:
        return sum(reader.ends([announced]).values())

    announcer = Announcer(lambda: asyncio.to_thread(producer.wait), send)
    for number in range(VALUES):
        producer.send(values, b"key", b"%d" % number, partition=0)
    telling = asyncio.create_task(tell(announcer, send, announced))
    await asyncio.sleep(0.5)
    found = 0 if told() else -1
    admin.create_topics([NewTopic(values, 1, 1)])[values].result()
    await telling
    await asyncio.to_thread(eventually, told, timeout_s=60)
    found = sum(reader.ends([values]).values()) if found < 0 else found
    await announcer.close()
    return found


@pytest.mark.parametrize("tell", [hold, hold_to_a_checkpoint])
async def test_what_is_announced_is_there(
    settings: KafkaSettings, topics: tuple[str, str], opened: Opened, tell: Tell
):
    assert await there_when_announced(settings, topics, opened, tell) == VALUES


async def test_what_is_announced_at_once_is_not_there_yet(
    settings: KafkaSettings, topics: tuple[str, str], opened: Opened
):
    assert await there_when_announced(settings, topics, opened, send_at_once) == 0


def test_the_notifications_announce():
    assert {"ready"} == ANNOUNCING
    assert TOPICS["ready"].announces
