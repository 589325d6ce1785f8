"""The reader against a real broker: groups, commits, pauses, frames."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import NewTopic

from runtime.headers import TS_PUBLISHED
from runtime.kafka import KafkaSettings
from runtime.partitions import accept_each, listed
from runtime.producer import Producer
from runtime.reader import Partition, Reader, Record
from schemas.batches.frames import Frames
from schemas.columns import Rows
from schemas.errors import DependencyError, SchemaError

pytestmark = pytest.mark.stack

Opened = Callable[[Any], Any]


@pytest.fixture
def topic(settings: KafkaSettings, unique: Callable[[str], str]) -> Iterator[str]:
    """A topic with 10 records in each of its two partitions."""
    admin, name = settings.admin("test"), unique("reader")
    wanted = NewTopic(name, 2, 1, config={"retention.ms": "-1"})  # records are of long ago
    admin.create_topics([wanted])[name].result()
    producer = Producer(settings, "test")
    for number in range(20):
        producer.send(
            name, b"k%d" % number, b"v%d" % number, partition=number % 2, timestamp_ms=1_000 + number
        )
    producer.wait(30)
    producer.close()
    yield name
    admin.delete_topics([name])[name].result()


def take(reader: Reader, count: int) -> dict[Partition, list[Record]]:
    """Read until so many records came."""
    found: dict[Partition, list[Record]] = {}
    while sum(map(len, found.values())) < count:
        for place, records in reader.read(10.0).items():
            found.setdefault(place, []).extend(records)
    return found


def test_assigned_partitions_are_read_from_the_beginning_in_order(
    settings: KafkaSettings, topic: str, opened: Opened
):
    reader = opened(Reader(settings, "test"))
    reader.assign_from_beginning([topic])
    found = take(reader, 20)
    assert found[Partition(topic, 1)][:2] == [Record(0, 1_001, b"k1", b"v1"), Record(1, 1_003, b"k3", b"v3")]
    assert [record.offset for record in found[Partition(topic, 0)]] == list(range(10))


def test_a_group_goes_on_where_it_committed(
    settings: KafkaSettings, topic: str, unique: Callable[[str], str], opened: Opened
):
    group, places = unique("group"), [Partition(topic, 0), Partition(topic, 1)]
    first = Reader(settings, "test", group=group)
    assert first.committed(places) == {places[0]: None, places[1]: None}
    revoked: list[Partition] = []
    first.subscribe([topic], on_revoked=revoked.extend)
    take(first, 20)
    first.commit({places[0]: 4, places[1]: 10})
    first.close()
    assert sorted(revoked) == places
    second = opened(Reader(settings, "test", group=group))
    second.subscribe([topic])
    found = take(second, 6)
    assert [record.offset for record in found[places[0]]] == list(range(4, 10))
    assert places[1] not in found


def test_a_paused_partition_waits(settings: KafkaSettings, topic: str, opened: Opened):
    reader, places = opened(Reader(settings, "test")), [Partition(topic, 0), Partition(topic, 1)]
    reader.assign(dict.fromkeys(places, 0))
    reader.pause([places[0]])
    assert set(take(reader, 10)) == {places[1]}
    reader.resume([places[0]])
    assert set(take(reader, 10)) == {places[0]}
    reader.seek(places[1], 7)
    assert [record.offset for record in take(reader, 3)[places[1]]] == [7, 8, 9]


def test_frames_hold_the_same_bytes(settings: KafkaSettings, topic: str, opened: Opened):
    reader, place = opened(Reader(settings, "test")), Partition(topic, 0)
    reader.assign({place: 8})
    frames = reader.read_frames(10.0)[place]
    at, size = frames.values[0]["at"], frames.values[0]["size"]
    assert (frames.offsets[0], frames.data[at : at + size].tobytes()) == (8, b"v16")


def test_frames_say_of_each_record_when_it_was_sent_and_where_nothing_is(
    settings: KafkaSettings, topic: str, opened: Opened
):
    sent = [[(TS_PUBLISHED, b"%d" % at)] for at in (5, 5, 6)]
    headers = [*sent, [], sent[0], [(TS_PUBLISHED, b"soon")], [("made_by", b"x"), *sent[2]]]
    producer = Producer(settings, "test")
    for number, own in enumerate(headers):
        value = None if number == 1 else b"w%d" % number
        producer.send(topic, None if number == 2 else b"k", value, partition=0, headers=own)
    producer.wait(30)
    producer.close()
    reader, place = opened(Reader(settings, "test")), Partition(topic, 0)
    reader.assign({place: 10})
    frames = [reader.read_frames(10.0)[place]]
    while sum(map(len, frames)) < len(headers):
        frames.append(reader.read_frames(10.0)[place])
    assert [at for one in frames for at in one.published.tolist()] == [5, 5, 6, 0, 5, 0, 6]
    assert [text for one in frames for text in texts(one, one.keys)] == [b"k", b"k", None, *[b"k"] * 4]
    values = [text for one in frames for text in texts(one, one.values)]
    assert values == [b"w0", None, *(b"w%d" % number for number in range(2, 7))]


def texts(frames: Frames, spans: Rows) -> list[bytes | None]:
    return [None if size < 0 else frames.data[at : at + size].tobytes() for at, size in spans.tolist()]


@pytest.mark.parametrize("missing", ["a-is-not-there", "z-is-not-there"])
def test_a_commit_that_fails_for_one_partition_fails(
    settings: KafkaSettings, topic: str, unique: Callable[[str], str], opened: Opened, missing: str
):
    reader, place = opened(Reader(settings, "test", group=unique("group"))), Partition(topic, 1)
    with pytest.raises(DependencyError, match="Unknown topic or partition"):
        reader.commit({place: 3, Partition(missing, 4): 1})
    assert reader.committed([place]) == {place: 3}


def test_a_partition_that_a_broker_refuses_is_named():
    with listed({("ticks.raw", 0): 5, ("ticks.raw", 3): 7}) as found:
        accept_each(found)
        found.contents.all[1].error = KafkaError.TOPIC_AUTHORIZATION_FAILED
        with pytest.raises(KafkaException, match=r"Topic authorization failed \(ticks.raw 3\)") as raised:
            accept_each(found)
    assert raised.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_missing_topic_is_named_with_the_fix(settings: KafkaSettings, opened: Opened):
    reader = opened(Reader(settings, "test"))
    with pytest.raises(SchemaError, match=r"topic nowhere must exist.*barline topics apply"):
        reader.ends(["nowhere"])
