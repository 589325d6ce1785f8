"""Produce requests and answers, as aiokafka's own readers see both."""

import io

from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from aiokafka.structs import TopicPartition

from runtime.sending.produce import Outcome, outcomes, request

A, B, C = TopicPartition("ticks", 0), TopicPartition("bars", 1), TopicPartition("ticks", 3)


def test_a_request_names_each_batch_and_wants_all_replicas():
    body = request([(A, bytearray(b"one")), (B, bytearray(b"")), (C, bytearray(b"three"))], 4_800)
    found = ProduceRequest_v7.decode(io.BytesIO(body))
    assert (found.transactional_id, found.required_acks, found.timeout) == (None, -1, 4_800)
    assert found.topics == [("ticks", [(0, b"one"), (3, b"three")]), ("bars", [(1, b"")])]
    assert ProduceRequest_v7(None, -1, 4_800, found.topics).encode() == body


def test_an_answer_says_what_became_of_each_batch():
    topics = [("ticks", [(0, 0, 17, -1, 0), (3, 46, -1, -1, -1)]), ("bars", [(1, 6, -1, -1, -1)])]
    answer = ProduceResponse_v7(topics, 0).encode()
    assert list(outcomes(memoryview(answer))) == [Outcome(A, 0), Outcome(C, 46), Outcome(B, 6)]


def test_an_answer_may_be_empty():
    assert list(outcomes(ProduceResponse_v7([], 0).encode())) == []
