"""The fetcher against a broker: what came is there at once, and no partition waits for another one."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import consumer
from confluent_kafka.admin import NewTopic

from runtime.kafka import LARGEST_BATCH, KafkaSettings
from runtime.producer import Producer
from streams.transport import fetcher as ours
from streams.transport.batches import Fetch
from streams.transport.chunk import Chunk
from streams.transport.session import Session

pytestmark = pytest.mark.stack

PATIENCE_S = 60.0


class Desk:
    """A topic with two partitions, read by our fetcher.

    Attributes:
        first: a partition.
        second: the other one.
        fetcher: of the consumer.
        failures: that it told of.
    """

    def __init__(self, kafka: str, topic: str, most: int) -> None:
        self.first, self.second = TopicPartition(topic, 0), TopicPartition(topic, 1)
        self._kafka, self._most = kafka, most
        self.failures: list[Exception] = []
        self._producer = Producer(KafkaSettings(kafka), "test")

    async def run(self, scenario: "Callable[[Desk], Awaitable[None]]") -> None:
        """Read both partitions while a scenario runs."""
        ours.install(asyncio.get_running_loop(), self.failures.append)
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._kafka, auto_offset_reset="earliest", max_partition_fetch_bytes=self._most
        )
        reader.assign([self.first, self.second])
        await reader.start()
        self.reader, self.fetcher = reader, reader._fetcher
        self.fetcher.wanted = {self.first, self.second}
        await scenario(self)
        await reader.stop()
        assert not self.failures
        self._producer.close()

    def send(self, place: TopicPartition, *values: bytes) -> None:
        """Write records, one batch."""
        for value in values:
            self._producer.send(place.topic, None, value, partition=place.partition)
        self._producer.wait()

    async def taken(self, place: TopicPartition, end: int) -> list[bytes]:
        """Take what came of a partition until an offset is reached; the values."""
        found: list[Fetch] = []
        async with asyncio.timeout(PATIENCE_S):
            while not found or found[-1].end < end:
                found += self.fetcher.take(lambda tp: tp == place).get(place, [])
                await asyncio.sleep(0.01)
        frames = Chunk(place.topic, place.partition, 1, found, found[0].start).frames()
        data = frames.data.tobytes()
        return [data[int(one["at"]) : int(one["at"]) + int(one["size"])] for one in frames.values]


@pytest.fixture
def play(
    request: pytest.FixtureRequest, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Run a scenario over a topic of its own."""
    kafka = os.environ.get("BARLINE_TEST_KAFKA") or request.getfixturevalue("stack").kafka
    topic, admin = unique("fetcher"), KafkaSettings(kafka).admin("test")
    admin.create_topics([NewTopic(topic, 2, 1, config={"max.message.bytes": str(LARGEST_BATCH)})])[
        topic
    ].result()
    monkeypatch.setattr(consumer, "Fetcher", consumer.Fetcher)  # as it was when the test ends
    yield lambda scenario, most=1 << 20: asyncio.run(Desk(kafka, topic, most).run(scenario))
    admin.delete_topics([topic])[topic].result()


def test_fetches_are_handed_on_in_order_and_become_one_chunk(play: Callable[..., None]):
    async def scenario(desk: Desk) -> None:
        for number in range(5):
            desk.send(desk.first, b"%d" % number, b"and %d" % number)
        assert await desk.taken(desk.first, 10) == [
            text for number in range(5) for text in (b"%d" % number, b"and %d" % number)
        ]

    play(scenario)


def test_a_partition_that_nobody_empties_holds_up_no_other(play: Callable[..., None]):
    async def scenario(desk: Desk) -> None:
        for number in range(6):
            desk.send(desk.first, b"x" * 3_000)
            desk.send(desk.second, b"%d" % number)
            assert await desk.taken(desk.second, number + 1) == [b"%d" % number]
        assert len(await desk.taken(desk.first, 6)) == 6

    play(scenario, 4_000)


def test_records_much_larger_than_a_fetch_come_among_others(play: Callable[..., None]):
    """As a configuration of very many symbols is, in every partition."""
    values = [b"before", os.urandom(12_000_000), b"after", os.urandom(2_000_000)]

    async def scenario(desk: Desk) -> None:
        for place in (desk.first, desk.second):
            for value in values:
                desk.send(place, value)
        for place in (desk.first, desk.second):
            assert [one == value for one, value in zip(await desk.taken(place, 4), values, strict=True)] == (
                [True] * 4
            )

    play(scenario)


def test_what_was_fetched_before_a_seek_is_forgotten(play: Callable[..., None]):
    async def scenario(desk: Desk) -> None:
        desk.send(desk.first, *(b"%d" % number for number in range(8)))
        async with asyncio.timeout(PATIENCE_S):
            while await desk.reader.position(desk.first) < 8:  # noqa: ASYNC110 (aiokafka has no event for it)
                await asyncio.sleep(0.01)
        desk.reader.seek(desk.first, 5)
        desk.fetcher.forget_stale()
        assert await desk.taken(desk.first, 8) == [b"5", b"6", b"7"]

    play(scenario)


def test_nothing_is_taken_up_while_a_seek_is_made(play: Callable[..., None]):
    async def scenario(desk: Desk) -> None:
        with desk.fetcher.halted():
            desk.send(desk.first, b"0", b"1")
            desk.send(desk.second, b"2")
            await asyncio.sleep(1.0)  # without the halt they are here long before
            assert desk.fetcher.take(lambda _: True) == {}
        assert await desk.taken(desk.first, 2) == [b"0", b"1"]
        assert await desk.taken(desk.second, 1) == [b"2"]

    play(scenario)


def test_a_partition_that_nobody_reads_hastens_no_fetch(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    """As a changelog after its recovery: what was fetched of it stays where it is."""
    asked: list[tuple[int, int]] = []
    request = Session.request

    def noting(self: Session, wanted: Mapping[Any, int], wait_ms: int) -> bytes:
        asked.append((len(wanted), wait_ms))
        return request(self, wanted, wait_ms)

    async def scenario(desk: Desk) -> None:
        desk.send(desk.first, b"0")
        desk.send(desk.second, b"1")
        assert await desk.taken(desk.second, 1) == [b"1"]
        desk.fetcher.wanted = {desk.second}
        async with asyncio.timeout(PATIENCE_S):
            while asked[-1][0] == 2:  # noqa: ASYNC110 (nothing tells of a request)
                await asyncio.sleep(0.01)
        asked.clear()
        for number in range(3):
            desk.send(desk.second, b"%d" % number)
            await desk.taken(desk.second, number + 2)
        assert {wait for places, wait in asked if places == 1} == {desk.reader._fetch_max_wait_ms}
        assert await desk.taken(desk.first, 1) == [b"0"]

    monkeypatch.setattr(Session, "request", noting)
    play(scenario)


def test_one_task_fetches_for_as_long_as_nothing_changes(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    """Each time one ends, aiokafka may sleep for a fifth of a second before the next one begins."""
    begun: list[int] = []
    fetch_on = ours.Fetcher._fetch_on

    async def noting(self: ours.Fetcher, assignment: Any, node_id: int) -> None:
        begun.append(node_id)
        await fetch_on(self, assignment, node_id)

    async def scenario(desk: Desk) -> None:
        desk.send(desk.first, b"0")
        await desk.taken(desk.first, 1)
        before = len(begun)
        await asyncio.sleep(2.5 * ours._LOOK_S)
        desk.send(desk.first, b"1")
        assert await desk.taken(desk.first, 2) == [b"1"]
        assert len(begun) == before

    monkeypatch.setattr(ours.Fetcher, "_fetch_on", noting)
    play(scenario)


def test_the_broker_is_asked_again_when_the_steps_on_little_are_done(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    """It would answer with the first record it gets, and the next ones would wait for one fetch more."""

    async def scenario(desk: Desk) -> None:
        desk.send(desk.first, b"0")
        assert await desk.taken(desk.first, 1) == [b"0"]
        for number in range(1, 4):
            desk.send(desk.second, b"%d" % number)
        await asyncio.sleep(0.5)
        assert desk.fetcher.take(lambda _: True) == {}
        desk.fetcher.idle.set()
        async with asyncio.timeout(PATIENCE_S):
            while not (found := desk.fetcher.take(lambda _: True)):  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.01)
        desk.fetcher.idle.set()
        assert {place: fetches[-1].end for place, fetches in found.items()} == {desk.second: 3}

    monkeypatch.setattr(ours, "_BUSY_S", PATIENCE_S)
    play(scenario)


def test_the_broker_is_asked_at_once_where_much_came(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    async def scenario(desk: Desk) -> None:
        for number in range(3):
            desk.send(desk.first, os.urandom(ours._LITTLE))
            assert len(await desk.taken(desk.first, number + 1)) == 1

    monkeypatch.setattr(ours, "_BUSY_S", 10 * PATIENCE_S)
    play(scenario)
