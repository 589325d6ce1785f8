"""A connection that carries requests of one kind: bytes go from the socket to where they stay.

aiokafka opens it, encrypted and authenticated as all others; then its reader, a stream of asyncio that copies
an answer three times and wakes two tasks for it, is taken off.
"""

import asyncio
import struct
from collections import deque
from typing import Any, Final, NamedTuple

from aiokafka.conn import AIOKafkaConnection, CloseReason, create_conn
from aiokafka.errors import (
    CorrelationIdError,
    KafkaConnectionError,
    NodeNotReadyError,
    RequestTimedOutError,
    UnsupportedVersionError,
)

from runtime.protocol.memory import Memory

_ROOM: Final = 1 << 16
_CHECK_S: Final = 0.25
_HEAD: Final = struct.Struct(">ihhih")
_SIZE: Final = struct.Struct(">i")
_OPTIONS: Final = (
    "client_id", "request_timeout_ms", "ssl_context", "security_protocol", "sasl_mechanism",
    "sasl_plain_username", "sasl_plain_password", "sasl_kerberos_service_name", "sasl_kerberos_domain_name",
    "sasl_oauth_token_provider",
)  # fmt: skip
"""Of a connection; aiokafka's client keeps them for its own ones."""
_WORDS: Final = 2 * _SIZE.size  # before an answer: its size and the number of its request


Data = bytes | memoryview


class Api(NamedTuple):
    """What is asked over a connection.

    Attributes:
        key: Kafka's number of it.
        version: of requests and answers.
    """

    key: int
    version: int


class Connection(asyncio.BufferedProtocol):
    """Asks and hears, over a connection of aiokafka that nobody else uses.

    Args:
        opened: that connection.
        api: Kafka's number of what is asked, and the version of it.
        client: ``client.id``.
        timeout: seconds until an answer must be there.
    """

    def __init__(self, opened: AIOKafkaConnection, api: Api, client: str, timeout: float) -> None:
        self._opened, self._api = opened, api
        self._client, self._timeout = client.encode(), timeout
        self._asked: deque[tuple[int, float, asyncio.Future[Data]]] = deque()  # with the time by then
        self._number = 0
        self._memory = Memory()
        self._small = memoryview(bytearray(_ROOM))
        self._room, self._have = self._small, 0
        self._loop = asyncio.get_running_loop()
        self._transport: Any = opened._writer.transport  # noqa: SLF001 (aiokafka has no way to ask)
        self._before: Any = self._transport.get_protocol()
        opened._read_task.cancel()  # noqa: SLF001 (as above)
        self._transport.set_protocol(self)
        self._clock = self._loop.call_later(_CHECK_S, self._check)

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return bool(self._opened.connected())

    def ask(self, body: bytes) -> "asyncio.Future[Data]":
        """Send a request, whatever is under way.

        Returns:
            What becomes the answer, without its header. Its error is a ``KafkaConnectionError`` where the
            connection was lost, a ``RequestTimedOutError`` where no answer came in time; the connection is
            closed then.
        """
        answer: asyncio.Future[Data] = self._loop.create_future()
        if not self.is_open:
            answer.set_exception(KafkaConnectionError("the connection is closed"))
            return answer
        self._number = (self._number + 1) % (1 << 31)
        size = _HEAD.size - _SIZE.size + len(self._client) + len(body)
        head = _HEAD.pack(size, *self._api, self._number, len(self._client))
        self._transport.write(b"".join((head, self._client, body)))
        self._asked.append((self._number, self._loop.time() + self._timeout, answer))
        return answer

    def close(self) -> None:
        """End; whoever waits for an answer hears that the connection is lost.

        What stands in the buffer is dropped: a request that is given up should not reach a broker later, when
        another worker may write.
        """
        self._give_up(None)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        del sizehint
        return self._room[self._have :]

    def buffer_updated(self, nbytes: int) -> None:
        """Some came."""
        self._have += nbytes
        self._opened._last_action = self._loop.time()  # noqa: SLF001 (it is in use, not idle)
        while self._have >= _WORDS:
            size = _SIZE.size + int(_SIZE.unpack_from(self._room)[0])
            if size > len(self._room):
                self._grow(size)
            if self._have < size:
                return
            self._hear(size)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell aiokafka, and whoever waits."""
        self._clock.cancel()
        self._before.connection_lost(exc)
        self._opened.close(CloseReason.CONNECTION_BROKEN, exc)
        self._fail(KafkaConnectionError(f"the connection was lost: {exc}"))

    def _grow(self, size: int) -> None:
        whole = self._memory.take(size)
        whole[: self._have] = self._room[: self._have]
        self._room = whole[:size]  # and no further: what follows the answer must fit the small one

    def _hear(self, size: int) -> None:
        """Hand on the answer at the head of what came."""
        (number,) = _SIZE.unpack_from(self._room, _SIZE.size)
        found = self._room[_WORDS:size]
        data: Data = found if self._room is not self._small else bytes(found)
        rest = bytes(self._room[size : self._have])
        self._room, self._have = self._small, len(rest)
        self._small[: len(rest)] = rest
        if not self._asked or self._asked[0][0] != number:
            self._fail(CorrelationIdError(f"requests must be answered in their order, was {number}"))
            self._give_up(CloseReason.OUT_OF_SYNC)
            return
        *_, answer = self._asked.popleft()
        if not answer.done():  # else nobody waits for it any more
            answer.set_result(data)

    def _check(self) -> None:
        """Give up where an answer is late; one look at all of them costs less than a clock for each."""
        if self._asked and self._loop.time() > self._asked[0][1]:
            self._give_up(CloseReason.CONNECTION_TIMEOUT)
            self._fail(RequestTimedOutError())
        else:
            self._clock = self._loop.call_later(_CHECK_S, self._check)

    def _give_up(self, reason: CloseReason | None) -> None:
        self._opened.close(reason)
        self._transport.abort()  # to close alone would send first what is in the buffer

    def _fail(self, error: Exception) -> None:
        while self._asked:
            *_, answer = self._asked.popleft()
            if not answer.done():
                answer.set_exception(error)


async def connect(client: Any, node_id: int, api: Api) -> Connection:
    """A connection to a broker, encrypted and authenticated as those of aiokafka's client are.

    Args:
        client: of aiokafka.
        node_id: number of the broker.
        api: Kafka's number of what will be asked, and the version of it.

    Raises:
        KafkaError: the broker cannot be reached, or is too old.
    """
    broker = client.cluster.broker_metadata(node_id)
    if broker is None:
        raise NodeNotReadyError(f"broker {node_id}")
    options = {name: getattr(client, f"_{name}") for name in _OPTIONS}
    try:
        opened = await create_conn(broker.host, broker.port, **options)
    except (OSError, TimeoutError) as error:
        raise KafkaConnectionError(f"{broker.host}:{broker.port}: {error!r}") from error
    oldest, newest = opened._versions.get(api.key, (0, 0))  # noqa: SLF001 (aiokafka has no way to ask)
    if not oldest <= api.version <= newest:
        opened.close()
        raise UnsupportedVersionError(f"{api} must be known to the broker, was {oldest} to {newest}")
    return Connection(opened, api, options["client_id"], options["request_timeout_ms"] / 1_000)
