"""Fetch sessions: what a request names, what an answer says, as aiokafka's own readers see both."""

import io

import pytest
from aiokafka.errors import KafkaStorageError
from aiokafka.protocol.fetch import FetchRequest_v11, FetchResponse_v11
from aiokafka.structs import TopicPartition

from streams.transport.session import Part, Session

A, B, C = TopicPartition("ticks", 0), TopicPartition("ticks", 3), TopicPartition("bars", 1)


def session() -> Session:
    return Session(1, 5_000, 1_000)


def read(body: bytes) -> FetchRequest_v11:
    found: FetchRequest_v11 = FetchRequest_v11.decode(io.BytesIO(body))
    return found


def named(request: FetchRequest_v11) -> dict[TopicPartition, int]:
    return {
        TopicPartition(topic, partition): offset
        for topic, places in request.topics
        for partition, _, offset, _, most in places
        if most == 1_000
    }


def answer(number: int, *parts: Part, error: int = 0) -> bytes:
    topics = [
        (
            one.place.topic,
            [(one.place.partition, one.error, one.highwater, one.stable, 0, list(one.aborted), -1, one.data)],
        )
        for one in parts
    ]
    encoded: bytes = FetchResponse_v11(0, error, number, topics).encode()
    return encoded


def test_the_first_request_names_everything():
    request = read(session().request({A: 5, B: 7, C: 0}, 100))
    assert named(request) == {A: 5, B: 7, C: 0}
    assert (request.max_wait_time, request.min_bytes, request.max_bytes) == (100, 1, 5_000)
    assert (request.isolation_level, request.session_id, request.session_epoch) == (1, 0, 0)
    assert (request.replica_id, request.forgotten_topics_data, request.rack_id) == (-1, [], "")


def test_the_next_ones_name_what_changed_and_what_is_gone():
    one = session()
    one.request({A: 5, B: 7, C: 0}, 100)
    assert one.answer(answer(42, Part(A, 0, 9, 9, (), b"batches"))) == [Part(A, 0, 9, 9, (), b"batches")]
    request = read(one.request({A: 9, B: 7}, 100))
    assert (request.session_id, request.session_epoch, named(request)) == (42, 1, {A: 9})
    assert request.forgotten_topics_data == [("bars", [1])]
    assert one.answer(answer(42)) == []
    request = read(one.request({A: 9, B: 7}, 100))
    assert (request.session_epoch, request.topics, request.forgotten_topics_data) == (2, [], [])


def test_a_broker_without_room_for_sessions_is_told_everything_each_time():
    one = session()
    one.request({A: 5}, 100)
    one.answer(answer(0))
    assert named(read(one.request({A: 5}, 100))) == {A: 5}


@pytest.mark.parametrize(("error", "number"), [(70, 0), (71, 42)])
def test_a_session_that_the_broker_lost_begins_anew(error: int, number: int):
    one = session()
    one.request({A: 5}, 100)
    one.answer(answer(42))
    one.request({A: 5}, 100)
    assert one.answer(answer(0, error=error)) == []
    request = read(one.request({A: 5}, 100))
    assert (request.session_id, request.session_epoch, named(request)) == (number, 0, {A: 5})


def test_after_a_request_without_an_answer_everything_is_named():
    one = session()
    one.request({A: 5, B: 7}, 100)
    one.answer(answer(42))
    one.request({A: 5, B: 7}, 100)
    one.reset()
    request = read(one.request({A: 5, B: 7}, 100))
    assert (request.session_id, request.session_epoch, named(request)) == (42, 0, {A: 5, B: 7})


def test_an_answer_is_read_whole():
    parts = [
        Part(A, 0, 9, 8, ((77, 3), (78, 5)), b"first"),
        Part(B, 6, -1, -1, (), b""),
        Part(C, 0, 1, 1, (), b"second"),
    ]
    data = answer(1, *parts)
    assert session().answer(data) == parts
    assert [bytes(one.data) for one in session().answer(memoryview(data))] == [b"first", b"", b"second"]


def test_a_small_part_keeps_no_large_answer_in_memory():
    large, small = Part(A, 0, 9, 9, (), bytes(1_000)), Part(B, 0, 9, 9, (), b"few")
    found = session().answer(memoryview(answer(1, large, small)))
    assert [one.data for one in found] == [large.data, small.data]
    assert [type(one.data) for one in found] == [memoryview, bytes]  # what is large itself needs no copy


def test_an_answer_that_refuses_all_is_an_error():
    with pytest.raises(KafkaStorageError):
        session().answer(answer(0, error=56))
