"""The fetcher: what came is handed on at once, so that a partition with room is part of every fetch.

aiokafka keeps what a fetch brought until it is asked for, and asks the broker for nothing more of that
partition meanwhile; nor, for a while, of any other. Since a fetch that finds nothing waits at the broker, and
the next one of the connection behind it, a record could stand there for a tenth of a second::

    fetch of      a b c    (a came)    b c .............. waits for news of b or c ....    a b c
    record of a                      here, unseen until then

Here it is taken out of the answer as it comes, up to ``_max_partition_fetch_bytes`` a partition; it lies in a
queue that the consumer empties. A partition that is full is left out, and holds up no other.

Where little came, the broker is asked again when the steps on it are done. Asked before, it answers with the
first record it gets, and that answer lies in the socket until the steps are done, without those that came
after it::

    asked before   step on a ........  step on b  step on c d e f     b alone was there when it was asked
    asked after    step on a ........  step on b c d e    step on f

Each step costs the same for one record as for ten, so a busy worker falls behind less. Where much came, as
when it catches up, it is asked at once, and reads while the steps go on.

aiokafka also begins a task for each fetch, names all partitions in it and makes an object of every field of
the answer. Here one task asks a broker again and again, in one session (``session``), over a connection of
its own (``connection``). It runs in the worker's loop, so that a record goes from the socket to its step in
one thread. aiokafka's routine, in the thread that keeps this worker in the group, does the rest: where to
begin, which broker, a new assignment. Positions are moved there as well, but for ``consumed_to``; while that
thread makes a seek, what comes is not taken up (``halted``).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Container, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from aiokafka import errors
from aiokafka.consumer import consumer, fetcher
from aiokafka.consumer.subscription_state import Assignment

from runtime.protocol.connection import Connection, connect
from schemas.errors import DependencyError
from streams.transport.arrivals import Arrivals
from streams.transport.batches import Fetch, end_of
from streams.transport.session import FETCH, Part, Session

_LOG: Final = logging.getLogger(__name__)
_NOTHING: Final = frozenset[Any]()
_SOON_MS: Final = 5
"""A fetch waits no longer where a partition was left out that may have room again at any moment."""
_FULL_S: Final = 0.02
_LITTLE: Final = 1 << 16  # bytes of an answer that steps are quicker with than the broker with the next one
_BUSY_S: Final = 0.02
"""So long at most are steps waited for: one that goes on in a thread holds up no other partition."""
_LOOK_S: Final = 1.0  # until it is looked anew which partitions a broker leads


_Led = list[tuple[Any, Any]]
"""Partitions with their state."""


class FencedInstanceIdError(errors.BrokerResponseError):  # type: ignore[misc]  # aiokafka has no types
    """Another worker of the same ``BARLINE_WORKER_INSTANCE`` has joined; aiokafka has no name for it."""

    errno = 82
    message = "FENCED_INSTANCE_ID"
    description = "another worker of the same BARLINE_WORKER_INSTANCE has joined"


errors.kafka_errors[FencedInstanceIdError.errno] = FencedInstanceIdError


class _Line(NamedTuple):
    """How a broker is asked."""

    connection: Connection
    session: Session


def _ignored() -> None:
    """Nobody listens yet."""


class Fetcher(fetcher.Fetcher):  # type: ignore[misc]  # aiokafka has no types
    """Fetches in the worker's loop; what is not public is called in it as well, if it does not say so.

    Args:
        home: the worker's loop.
        on_failure: called in any thread with what is not to be mended: a fetch or this member was refused.
            Nobody may be reading then, as before the first assignment.

    Attributes:
        wanted: the partitions that are read at the moment; of others one fetch is kept.
        wake: called when something came.
        idle: to be set when the steps on all that was taken are done.
    """

    def __init__(
        self,
        *args: Any,
        home: asyncio.AbstractEventLoop,
        on_failure: Callable[[Exception], object],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._home = home
        self._fail = on_failure
        self._arrivals = Arrivals()
        self._lines: dict[int, _Line] = {}
        self._left_out: set[Any] = set()  # partitions without room
        self._room = asyncio.Event()
        self.idle = asyncio.Event()
        self._halts = 0
        self.wanted: Container[Any] = _NOTHING
        self.wake: Callable[[], None] = _ignored
        self._listen()

    def take(self, is_ready: Callable[[Any], bool]) -> dict[Any, list[Fetch]]:
        """What came, in order, for the partitions that are ready for it."""
        with self._subscriptions.fetch_context():  # so that the group knows that we read
            if self._subscriptions.reassignment_in_progress:
                return {}
            found = self._arrivals.take(is_ready)
        if not self._left_out.isdisjoint(found):
            self._room.set()
        return found

    @contextlib.contextmanager
    def halted(self) -> Iterator[None]:
        """Take up nothing while the other thread makes a seek; it is fetched again."""
        self._halts += 1
        try:
            yield
        finally:
            self._halts -= 1

    def forget_stale(self) -> None:
        """Drop what was read before a seek."""
        self._arrivals.forget_stale()
        self._room.set()
        self.wake()

    async def close(self) -> None:
        """End; called in aiokafka's thread."""
        await super().close()
        self._home.call_soon_threadsafe(self._hang_up)

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        """Fetch from a broker until there is something else to ask it; called in aiokafka's thread."""
        del request  # it names every partition
        try:
            fetching = asyncio.run_coroutine_threadsafe(self._fetch_on(assignment, node_id), self._home)
            await asyncio.wrap_future(fetching)
        except asyncio.CancelledError:  # another assignment, or the end: aiokafka wants no exception
            pass
        except errors.KafkaError as error:
            _LOG.warning("fetches from broker %s: %r", node_id, error)
            self._client.force_metadata_update()
            await asyncio.sleep(self._retry_backoff)
        except Exception as failure:  # noqa: BLE001 (aiokafka's routine would end, and nobody hear of it)
            self._fail(failure)
        return False  # nobody waits for aiokafka's own queue

    async def _fetch_on(self, assignment: Assignment, node_id: int) -> None:
        line, led, looked = await self._line(node_id), self._led(assignment, node_id), time.monotonic()
        while assignment.active and not self._closed:
            if time.monotonic() > looked + _LOOK_S:
                led, looked = self._led(assignment, node_id), time.monotonic()
            self._room.clear()
            wanted = self._places(led)
            if wanted:
                await self._fetch(assignment, line, wanted)
            elif wanted is not None and self._left_out:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._room.wait(), _FULL_S)
            else:
                return

    def _led(self, assignment: Assignment, node_id: int) -> _Led:
        """The partitions that a broker leads."""
        leader_of = self._client.cluster.leader_for_partition
        ours = [tp for tp in assignment.tps if leader_of(tp) == node_id]
        return [(tp, assignment.state_value(tp)) for tp in ours]

    async def _fetch(self, assignment: Assignment, line: _Line, wanted: dict[Any, int]) -> None:
        is_soon = any(tp in self.wanted for tp in self._left_out)  # changelogs are left out all the time
        wait_ms = _SOON_MS if is_soon else self._fetch_max_wait_ms
        body = line.session.request(wanted, wait_ms)
        try:
            parts = line.session.answer(await line.connection.ask(body))
        except BaseException:  # also where it is cancelled: nobody knows what the broker made of it
            line.session.reset()
            raise
        if not assignment.active or not parts:
            return
        self.idle.clear()
        refused = [part for part in parts if not self._take_up(assignment, part, wanted)]
        self.wake()
        if refused:
            await asyncio.sleep(self._retry_backoff)
        elif sum(len(part.data) for part in parts) < _LITTLE:
            alarm = self._home.call_later(_BUSY_S, self.idle.set)  # a timeout takes thrice as long
            try:
                await self.idle.wait()
            finally:
                alarm.cancel()

    def _places(self, led: _Led) -> dict[Any, int] | None:
        """Where to read from, by partition; None where aiokafka has to find something out first."""
        found = {}
        self._left_out.clear()
        for tp, state in led:
            if not state.paused:
                if not state.has_valid_position:
                    return None
                if self._has_room(tp):
                    found[tp] = state.position
                else:
                    self._left_out.add(tp)
        return found

    def _take_up(self, assignment: Assignment, part: Part, wanted: dict[Any, int]) -> bool:
        """Queue what came for a partition; not when the broker refused it."""
        tp, start = part.place, wanted[part.place]
        state = assignment.state_value(tp)
        if self._halts or not state.has_valid_position or state.position != start or state.paused:
            return True  # there is or was a seek, or nobody wants it now
        if part.error:
            self._refused(tp, state, part.error)
            return False
        state.highwater, state.lso, state.timestamp = part.highwater, part.stable, int(1_000 * time.time())
        if part.data and (end := end_of(part.data)) >= 0:
            fetch = Fetch(start, max(start, end), part.data, part.aborted)
            self._arrivals.add(assignment, tp, fetch)
        elif part.data:
            self._fail(errors.RecordTooLargeError(f"{tp} at {start}: a batch is larger than a fetch may be"))
        return True

    def _refused(self, tp: Any, state: Any, code: int) -> None:
        kind = errors.for_code(code)
        if kind is errors.OffsetOutOfRangeError:
            _LOG.warning("%s: offset %d is not there any more", tp, state.position)
            self._loop.call_soon_threadsafe(state.await_reset, self._default_reset_strategy)
        elif kind in {errors.NotLeaderForPartitionError, errors.UnknownTopicOrPartitionError}:
            self._loop.call_soon_threadsafe(self._client.force_metadata_update)
        elif kind is errors.TopicAuthorizationFailedError:
            self._fail(kind(tp.topic))
        else:
            _LOG.warning("%s: %s", tp, kind.__name__)

    async def _line(self, node_id: int) -> _Line:
        """The connection to a broker, a new one where the last one was lost.

        Raises:
            KafkaError: the broker cannot be reached, or is too old.
        """
        line = self._lines.get(node_id)
        if line is None or not line.connection.is_open:
            connection = await connect(self._client, node_id, FETCH)
            session = Session(self._isolation_level, self._fetch_max_bytes, self._max_partition_fetch_bytes)
            line = self._lines[node_id] = _Line(connection, session)
        return line

    def _hang_up(self) -> None:
        for line in self._lines.values():
            line.connection.close()
        self._lines.clear()

    def _has_room(self, tp: Any) -> bool:
        size = self._arrivals.size(tp)
        return not size or (tp in self.wanted and size < self._max_partition_fetch_bytes)

    def _listen(self) -> None:
        """Hear of errors of the group, which are told to whoever waits for a fetch; in aiokafka's thread."""
        self._create_fetch_waiter().add_done_callback(self._heard)

    def _heard(self, waiter: Any) -> None:
        if self._closed or waiter.cancelled():
            return
        if (refusal := waiter.exception()) is not None:
            self._fail(DependencyError(f"the group must keep this worker, said {refusal!r}"))
        self._loop.call_soon(self._listen)


def install(home: asyncio.AbstractEventLoop, on_failure: Callable[[Exception], object]) -> None:
    """Let the consumers of this process fetch so.

    Args:
        home: the loop that what they fetch is taken in.
        on_failure: see :class:`Fetcher`.
    """
    consumer.Fetcher = partial(Fetcher, home=home, on_failure=on_failure)
