"""The sender and two brokers that do what real ones seldom do: hang, pass over a batch, refuse some."""

import asyncio
import io
import re
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from aiokafka.protocol.metadata import MetadataResponse_v0
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from aiokafka.protocol.transaction import InitProducerIdResponse_v0

from runtime.sending.errors import DeliveryError
from runtime.sending.sender import Sender
from schemas.batches.encode import Encoded

INT, HEAD = struct.Struct(">i"), struct.Struct(">hhih")
PRODUCE, METADATA, VERSIONS, PRODUCER_ID = 0, 3, 18, 22
KNOWN = ((PRODUCE, 0, 7), (METADATA, 0, 0), (VERSIONS, 0, 0), (PRODUCER_ID, 0, 0))
TIMEOUT_MS = 4_000


class Brokers:
    """Two of them; the topic ``t`` has two partitions.

    Attributes:
        leader: of both partitions, 1 or 2.
        hanging: brokers that answer nothing.
        silent: a partition that answers say nothing of once, -1 for none.
        code: what a batch gets.
        got: how many requests with batches each broker was sent.
        may_answer: it is said what became of them.
    """

    def __init__(self) -> None:
        self.leader, self.silent, self.code = 1, -1, 0
        self.hanging: set[int] = set()
        self.ports: dict[int, int] = {}
        self.got = {1: 0, 2: 0}
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def serve(self, node: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readexactly(INT.unpack(await reader.readexactly(INT.size))[0])
                key, _, number, size = HEAD.unpack_from(request)
                answer = self.answer(node, key, request[HEAD.size + size :])
                if key == PRODUCE:
                    await self.may_answer.wait()
                if key == VERSIONS or node not in self.hanging:
                    writer.write(INT.pack(INT.size + len(answer)) + INT.pack(number) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(self, node: int, key: int, body: bytes) -> bytes:
        if key == VERSIONS:
            return struct.pack(">hi", 0, len(KNOWN)) + b"".join(struct.pack(">hhh", *one) for one in KNOWN)
        if key == METADATA:
            brokers = [(one, "127.0.0.1", port) for one, port in self.ports.items()]
            places = [(0, number, self.leader, [1], [1]) for number in range(2)]
            return bytes(MetadataResponse_v0(brokers, [(0, "t", places)]).encode())
        if key == PRODUCER_ID:
            return bytes(InitProducerIdResponse_v0(0, 0, 7, 0).encode())
        self.got[node] += 1
        topics = []
        for name, parts in ProduceRequest_v7.decode(io.BytesIO(body)).topics:
            codes = [(number, self.take(number, data)) for number, data in parts]
            topics.append((name, [(number, code, 0, -1, 0) for number, code in codes if code >= 0]))
        return bytes(ProduceResponse_v7(topics, 0).encode())

    def take(self, partition: int, data: bytes) -> int:
        """What a batch gets, -1 for nothing."""
        del data
        if partition == self.silent:
            self.silent = -1
            return -1
        return self.code


Case = Callable[[Any, Sender], Awaitable[None]]


def run(case: Case, made: Callable[[], Brokers] = Brokers, timeout_ms: int = TIMEOUT_MS) -> None:
    """Run a case with a sender that has sent something already."""

    async def main() -> None:
        brokers = made()
        servers = [
            await asyncio.start_server(lambda r, w, node=node: brokers.serve(node, r, w), "127.0.0.1", 0)
            for node in (1, 2)
        ]
        brokers.ports = {
            node: one.sockets[0].getsockname()[1] for node, one in zip((1, 2), servers, strict=True)
        }
        bootstrap = f"127.0.0.1:{brokers.ports[2]}"
        sender = Sender(bootstrap, "test", {"security_protocol": "PLAINTEXT"}, delivery_timeout_ms=timeout_ms)
        await sender.start()
        try:
            send(sender, 0)
            await sender.flush()
            await case(brokers, sender)
        finally:
            await sender.close()
            for one in servers:
                one.close()

    asyncio.run(main())


def send(sender: Sender, partition: int) -> None:
    sender.send_all("t", Encoded.of([b"k"], [b"v"], np.ones(1, np.int64)), partition=partition)


def failure(heard: str) -> str:
    """Pattern of a failure in time, of what was sent to the first partition."""
    where = rf"\(t 0; last heard: {re.escape(heard)}\)"
    return rf"^a record must be acknowledged within 4 s, was not after \d\.\d s {where}$"


def test_a_leader_that_hangs_is_left_for_the_one_that_leads_now():
    async def case(brokers: Brokers, sender: Sender) -> None:
        brokers.hanging.add(1)
        send(sender, 0)
        await asyncio.sleep(0.1)
        brokers.leader = 2
        send(sender, 1)
        await sender.flush()
        assert brokers.got[2] >= 1

    run(case)


def test_a_leader_that_cannot_be_reached_is_left_for_the_one_that_leads_now():
    async def case(brokers: Brokers, sender: Sender) -> None:
        brokers.leader, brokers.ports[2] = 2, 1
        await sender._client.force_metadata_update()
        send(sender, 0)
        await asyncio.sleep(0.3)
        assert sender.outstanding == 1
        brokers.leader = 1
        await sender.flush()
        assert brokers.got[1] == 2

    run(case)


def test_without_another_leader_the_delivery_fails_in_time():
    async def case(brokers: Brokers, sender: Sender) -> None:
        brokers.hanging.update((1, 2))
        send(sender, 0)
        with pytest.raises(DeliveryError, match=failure("RequestTimedOutError() of broker 1")):
            await sender.flush()

    run(case)


def test_a_delivery_that_fails_says_what_the_broker_said_last():
    async def case(brokers: Brokers, sender: Sender) -> None:
        brokers.code = 19
        send(sender, 0)
        with pytest.raises(DeliveryError, match=failure("NotEnoughReplicasError of broker 1")):
            await sender.flush()

    run(case)


def test_a_batch_that_an_answer_says_nothing_of_is_sent_again():
    async def case(brokers: Brokers, sender: Sender) -> None:
        brokers.silent = 1
        send(sender, 0)
        send(sender, 1)
        await sender.flush()
        assert brokers.got[1] == 3

    run(case)


@pytest.mark.parametrize("code", [2, 6, 7, 19, 20])
def test_what_may_pass_is_tried_again(code: int):
    async def case(brokers: Brokers, sender: Sender) -> None:
        brokers.code = code
        send(sender, 0)
        await asyncio.sleep(0.3)
        assert sender.outstanding == 1
        brokers.code = 0
        await sender.flush()

    run(case)


@pytest.mark.parametrize("code", [10, 29, 45, 47, 59, 87])
def test_what_does_not_pass_fails_at_once(code: int):
    async def case(brokers: Brokers, sender: Sender) -> None:
        brokers.code = code
        send(sender, 0)
        with pytest.raises(DeliveryError, match="must"):
            await sender.flush()
        assert brokers.got[1] == 2

    run(case)


def test_what_stands_there_already_is_done():
    async def case(brokers: Brokers, sender: Sender) -> None:
        brokers.code = 46
        send(sender, 0)
        await sender.flush()
        assert sender.failure is None

    run(case)
