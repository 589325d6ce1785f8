"""A connection of its own, opened by aiokafka, to a server that answers as a test wants it."""

import asyncio
import struct
from collections.abc import Awaitable, Callable

import pytest
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import CorrelationIdError, KafkaConnectionError, KafkaError, RequestTimedOutError

from runtime.protocol.connection import Connection
from streams.transport.session import FETCH

INT = struct.Struct(">i")
CLIENT = "barline-test"
Write = Callable[[bytes], Awaitable[None]]
Answer = Callable[[int, bytes, Write], Awaitable[None]]
Scenario = Callable[[Connection, AIOKafkaConnection], Awaitable[None]]


def framed(number: int, body: bytes) -> bytes:
    return INT.pack(INT.size + len(body)) + INT.pack(number) + body


def run(answer: Answer, scenario: Scenario, timeout: float = 30.0) -> None:
    """Run a scenario; the server calls ``answer`` with number and body of each fetch."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            while True:
                (size,) = INT.unpack(await reader.readexactly(INT.size))
                request = await reader.readexactly(size)
                key, version, number, named = struct.unpack_from(">hhih", request)
                if key == 18:  # which versions are known: fetches of any
                    await write(framed(number, struct.pack(">hihhh", 0, 1, 1, 0, 17)))
                else:
                    assert (key, version, request[10 : 10 + named]) == (1, 11, CLIENT.encode())
                    await answer(number, request[10 + named :], write)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            gone.set()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        opened = await create_conn("127.0.0.1", port, client_id=CLIENT)
        try:
            await scenario(Connection(opened, FETCH, CLIENT, timeout), opened)
        finally:
            await opened.close()
            await gone.wait()
            server.close()
            await server.wait_closed()

    asyncio.run(main())


async def echo(number: int, body: bytes, write: Write) -> None:
    await write(framed(number, body))


@pytest.mark.parametrize("size", [0, 1, 65_527, 65_528, 65_529, 200_000, 3_000_000])
def test_answers_of_every_size_come_whole_and_in_order(size: int):
    async def scenario(one: Connection, _: AIOKafkaConnection) -> None:
        for text in (b"before", bytes(size), b"after", b""):
            assert bytes(await one.ask(text)) == text

    run(echo, scenario)


def test_an_answer_may_come_byte_by_byte():
    async def dribble(number: int, body: bytes, write: Write) -> None:
        for place, byte in enumerate(framed(number, body)):
            await write(bytes([byte]))
            await asyncio.sleep(0.002 if place % 3 == 0 else 0)

    async def scenario(one: Connection, _: AIOKafkaConnection) -> None:
        assert [bytes(await one.ask(text)) for text in (b"first", b"second")] == [b"first", b"second"]

    run(dribble, scenario)


def test_an_answer_that_nobody_waits_for_is_not_taken_for_another():
    go = asyncio.Event()

    async def slow(number: int, body: bytes, write: Write) -> None:
        if body == b"given up":
            await go.wait()
        await write(framed(number, body))

    async def scenario(one: Connection, _: AIOKafkaConnection) -> None:
        asked = one.ask(b"given up")
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        following = one.ask(b"wanted")
        await asyncio.sleep(0)
        go.set()
        assert bytes(await following) == b"wanted"

    run(slow, scenario)


def test_whoever_waits_hears_that_the_connection_is_lost():
    async def hang_up(number: int, body: bytes, write: Write) -> None:
        del number, body, write
        raise ConnectionError

    async def scenario(one: Connection, opened: AIOKafkaConnection) -> None:
        with pytest.raises(KafkaConnectionError):
            await one.ask(b"anybody?")
        assert not one.is_open
        assert not opened.connected()
        with pytest.raises(KafkaConnectionError):
            await one.ask(b"again")

    run(hang_up, scenario)


@pytest.mark.parametrize(
    ("step", "timeout", "error"), [(1, 30.0, CorrelationIdError), (None, 0.1, RequestTimedOutError)]
)
def test_a_wrong_answer_or_none_closes_the_connection(
    step: int | None, timeout: float, error: type[KafkaError]
):
    async def wrong(number: int, body: bytes, write: Write) -> None:
        if step is not None:
            await write(framed(number + step, body))

    async def scenario(one: Connection, _: AIOKafkaConnection) -> None:
        with pytest.raises(error):
            await one.ask(b"what?")
        assert not one.is_open

    run(wrong, scenario, timeout)


def test_what_is_given_up_does_not_reach_the_broker_later():
    awake, heard = asyncio.Event(), []

    async def frozen(number: int, body: bytes, write: Write) -> None:
        del number, write
        heard.append(len(body))
        await awake.wait()

    async def scenario(one: Connection, _: AIOKafkaConnection) -> None:
        asked = [one.ask(bytes(size)) for size in (1, 64_000_000)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(error) for error in found] == [RequestTimedOutError] * 2
        awake.set()

    run(frozen, scenario, 0.5)
    assert heard == [1]
