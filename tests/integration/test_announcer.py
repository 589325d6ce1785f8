"""Announcements against a real broker: a reader of one finds what it tells of."""

import asyncio
import os
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
def settings(request: pytest.FixtureRequest) -> KafkaSettings:
    return KafkaSettings(os.environ.get("BARLINE_TEST_KAFKA") or request.getfixturevalue("stack").kafka)


@pytest.fixture
def topics(settings: KafkaSettings, unique: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Two topics of one partition: of values and of what announces them."""
    admin, names = settings.admin("test"), (unique("values"), unique("announced"))
    for done in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        done.result()
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
    settings: KafkaSettings, topics: tuple[str, str], opened: Opened, tell: Tell, linger_ms: float = 500.0
) -> int:
    """How many values, on their way for so long, a reader finds that has just seen the announcement."""
    slow, fast = (opened(Producer(settings, "test", linger_ms=linger)) for linger in (linger_ms, 0.0))
    reader, (values, announced) = opened(Reader(settings, "test")), topics

    def send(topic: str, _: Any) -> None:
        fast.send(topic, b"key", b"told", partition=0)

    announcer = Announcer(lambda: asyncio.to_thread(slow.wait), send)
    for number in range(VALUES):
        slow.send(values, b"key", b"%d" % number, partition=0)
    await tell(announcer, send, announced)
    await asyncio.to_thread(eventually, lambda: sum(reader.ends([announced]).values()), timeout_s=60)
    found = sum(reader.ends([values]).values())
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
    assert await there_when_announced(settings, topics, opened, send_at_once, 25_000.0) == 0


def test_the_notifications_announce():
    assert {"ready"} == ANNOUNCING
    assert TOPICS["ready"].announces
