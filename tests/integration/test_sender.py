"""The sender against a real broker: all of it, in order, once, and what fails is told of."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest
from confluent_kafka.admin import NewTopic

from runtime.kafka import LARGEST_BATCH, KafkaSettings
from runtime.sending.errors import DeliveryError, RecordTooLargeError
from runtime.sending.outbox import Queue
from runtime.sending.sender import Sender
from schemas.batches.builder import header_block
from schemas.batches.encode import Encoded
from tests.integration.test_producer_batches import HEADERS, PARTITIONS, RECORDS, Row, arrived

pytestmark = pytest.mark.stack

PLAIN = {"security_protocol": "PLAINTEXT"}
Topic = Callable[..., str]


@pytest.fixture
def topic(settings: KafkaSettings, unique: Callable[[str], str]) -> Topic:
    admin = settings.admin("test")

    def make(**config: str) -> str:
        name, said = unique("sent"), {key.replace("_", "."): value for key, value in config.items()}
        wanted = NewTopic(name, PARTITIONS, 1, config={"retention.ms": "-1", **said})
        admin.create_topics([wanted])[name].result()
        return name

    return make


@asynccontextmanager
async def sending(settings: KafkaSettings, **options: Any) -> AsyncIterator[Sender]:
    one = Sender(settings.bootstrap, "test", PLAIN, **options)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


def values(texts: Sequence[bytes]) -> Encoded:
    return Encoded.of([None] * len(texts), texts, np.full(len(texts), 1))


async def read(settings: KafkaSettings, name: str, count: int) -> list[Row]:
    return await asyncio.to_thread(arrived, settings, name, count)


async def test_records_arrive_as_they_are(settings: KafkaSettings, topic: Topic):
    name = topic()
    async with sending(settings) as one:
        block = header_block(HEADERS)
        for number in range(PARTITIONS):
            rows = [row for row in RECORDS if row.partition == number]
            keys, texts, times = [r.key for r in rows], [r.value for r in rows], [r.timestamp for r in rows]
            one.send_all(name, Encoded.of(keys, texts, np.array(times)), partition=number, headers=block)
        await one.flush()
        assert one.outstanding == 0
    assert await read(settings, name, len(RECORDS)) == sorted(
        RECORDS, key=lambda row: (row.partition, row.timestamp)
    )


async def test_a_flush_waits_for_what_was_sent_before_it(settings: KafkaSettings, topic: Topic):
    name, flushes = topic(), []
    async with sending(settings) as one:
        await one.flush()
        for number in range(100):
            one.send_all(name, values([b"%d" % number]), partition=number % PARTITIONS)
            flushes.append(asyncio.create_task(one.flush()))
            await asyncio.sleep(0)
            if number == 5:
                flushes[5].cancel()
        await asyncio.gather(*flushes, return_exceptions=True)
        assert [flush.cancelled() for flush in flushes] == [number == 5 for number in range(100)]
        assert one.outstanding == 0
    assert len(await read(settings, name, 100)) == 100


async def test_many_records_and_large_ones_keep_their_order(settings: KafkaSettings, topic: Topic):
    name, many = topic(max_message_bytes=str(LARGEST_BATCH)), [b"%08d" % n * 20 for n in range(50_000)]
    async with sending(settings) as one:
        for low in range(0, len(many), 10_000):
            one.send_all(name, values(many[low : low + 10_000]), partition=0)
        one.send_all(name, values([b"small", os.urandom(20_000_000), b"after"]), partition=1)
        assert one.outstanding == len(many) + 3
        await one.flush()
        assert [one.spent(name, partition) > 0 for partition in range(3)] == [True, True, False]
    found = await read(settings, name, len(many) + 3)
    assert [row.value for row in found if row.partition == 0] == many
    assert [len(row.value or b"") for row in found if row.partition == 1] == [5, 20_000_000, 5]


async def cut_off(one: Sender, every_s: float) -> None:
    """Cut the connection again and again, whatever is under way on it."""
    while True:
        await asyncio.sleep(every_s)
        for line in one._lines.values():
            if line._connection is not None:
                line._connection.close()


async def sent_over_a_bad_line(settings: KafkaSettings, name: str, count: int) -> list[int]:
    """Numbers that were sent, as they stand on the topic."""
    async with sending(settings) as one:
        cutting = asyncio.create_task(cut_off(one, 0.004))
        for number in range(count):
            one.send_all(name, values([b"%d" % number]), partition=0)
            await asyncio.sleep(0.0005)
        cutting.cancel()
        with suppress(asyncio.CancelledError):
            await cutting
        await one.flush()
    ends = await asyncio.to_thread(end_of, settings, name)
    return [int(row.value or b"") for row in await read(settings, name, ends)]


def end_of(settings: KafkaSettings, name: str) -> int:
    from runtime.reader import Reader  # noqa: PLC0415

    reader = Reader(settings, "test")
    try:
        return sum(reader.ends([name]).values())
    finally:
        reader.close()


async def test_what_is_sent_again_stands_there_once(settings: KafkaSettings, topic: Topic):
    assert await sent_over_a_bad_line(settings, topic(), 3_000) == list(range(3_000))


async def test_without_its_sequence_number_it_would_stand_there_twice(
    settings: KafkaSettings, topic: Topic, monkeypatch: pytest.MonkeyPatch
):
    def unnumbered(queue: Any, producer: int, epoch: int) -> bytearray:
        del producer, epoch
        batch = queue.next
        batch.data = batch.data or batch.build(-1, -1, -1)
        queue.under_way += 1
        return batch.data  # type: ignore[no-any-return]

    monkeypatch.setattr(Queue, "send", unnumbered)
    found = await sent_over_a_bad_line(settings, topic(), 3_000)
    assert len(found) > 3_000
    assert set(found) == set(range(3_000))


async def test_a_refused_record_fails_every_flush_and_is_told_once(settings: KafkaSettings, topic: Topic):
    narrow, wide, failures = topic(max_message_bytes="500"), topic(), []
    async with sending(settings, on_failure=failures.append) as one:
        one.send_all(narrow, values([os.urandom(1_000)]), partition=0)
        with pytest.raises(
            RecordTooLargeError, match=rf"max.message.bytes, was a batch of 10\d\d \({narrow} 0\)"
        ):
            await one.flush()
        one.send_all(wide, values([b"x"]), partition=0)
        with pytest.raises(DeliveryError):
            await one.flush()
        assert failures == [one.failure]
        assert [row.value for row in await read(settings, wide, 1)] == [b"x"]


async def test_a_topic_that_is_not_there_fails_the_delivery_in_time(settings: KafkaSettings, topic: Topic):
    there, failures = topic(), []
    async with sending(settings, delivery_timeout_ms=1_500, on_failure=failures.append) as one:
        one.send_all("no-such-topic", values([b"x"]), partition=0)
        one.send_all(there, values([b"x"]), partition=0)
        with pytest.raises(DeliveryError, match=r"after \d\.\d s \(no-such-topic 0; last heard: no leader\)"):
            await one.flush()
        assert failures == [one.failure]
    assert len(await read(settings, there, 1)) == 1


async def test_a_topic_that_comes_later_gets_what_waited(settings: KafkaSettings, unique: Any):
    name = unique("later")
    async with sending(settings) as one:
        one.send_all(name, values([b"early"]), partition=1)
        flush = asyncio.create_task(one.flush())
        await asyncio.sleep(0.5)
        assert not flush.done()
        admin = settings.admin("test")
        admin.create_topics([NewTopic(name, PARTITIONS, 1, config={"retention.ms": "-1"})])[name].result()
        await flush
    assert [row.value for row in await read(settings, name, 1)] == [b"early"]


async def test_an_error_nobody_foresaw_is_a_failure(
    settings: KafkaSettings, topic: Topic, monkeypatch: pytest.MonkeyPatch
):
    name, failures = topic(), []
    async with sending(settings, on_failure=failures.append) as one:
        monkeypatch.setattr(Queue, "send", lambda *_: 1 / 0)
        one.send_all(name, values([b"x"]), partition=0)
        with pytest.raises(DeliveryError, match="ZeroDivisionError"):
            await one.flush()
        assert failures == [one.failure]


async def test_a_broker_that_is_not_there_fails_the_start_in_time():
    with pytest.raises(DeliveryError, match=r"producer id within 1 s, gave none \(127.0.0.1:1\)"):
        await Sender("127.0.0.1:1", "test", PLAIN, delivery_timeout_ms=1_000).start()
