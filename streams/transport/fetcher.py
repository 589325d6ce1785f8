"""The fetcher: what came is handed on at once, so that a partition with room is part of every fetch.

aiokafka keeps what a fetch brought until it is asked for, and asks the broker for nothing more of that
partition meanwhile; nor, for a while, of any other. Since a fetch that finds nothing waits at the broker, and
the next one of the connection behind it, a record could stand there for a tenth of a second::

    fetch of      a b c    (a came)    b c .............. waits for news of b or c ....    a b c
    record of a                      here, unseen until then

Here it is taken out of aiokafka's hands as it comes, up to ``_max_partition_fetch_bytes`` a partition; it
lies in a queue that the worker's loop empties. A partition that is full is left out, and holds up no other.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Container
from typing import Any, Final, NamedTuple

from aiokafka.consumer import consumer, fetcher

from streams.transport.batches import Fetch

_NOTHING: Final = frozenset[Any]()


class _Came(NamedTuple):
    """A fetch, the assignment it was for, and how far aiokafka has read its partition."""

    assignment: Any
    state: Any
    fetch: Fetch

    def leads_on(self) -> bool:
        """Whether what is read next follows it."""
        known = self.assignment.active and self.state.has_valid_position
        return bool(known and self.state.position == self.fetch.end)


def _ignored() -> None:
    """Nobody listens yet."""


class Fetcher(fetcher.Fetcher):  # type: ignore[misc]  # aiokafka has no types
    """Fetches in the thread of the connection; ``take`` alone is called from another one.

    Attributes:
        wanted: the partitions that are read at the moment; of others one fetch is kept.
        wake: called in the thread of the connection when something came.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prefetch_backoff = 0.0  # what has no room waits, the fetches of others do not
        self._queues: dict[Any, deque[_Came]] = defaultdict(deque)
        self._failure: Exception | None = None
        self.wanted: Container[Any] = _NOTHING
        self.wake: Callable[[], None] = _ignored
        self._listen()

    def take(self, partitions: Collection[Any]) -> dict[Any, list[Fetch]]:
        """What came for some partitions, in order.

        Raises:
            KafkaError: the broker refused a fetch, or the group this member.
        """
        if self._failure is not None:
            raise self._failure
        found: dict[Any, list[Fetch]] = {}
        with self._subscriptions.fetch_context():  # so that the group knows that we read
            if self._subscriptions.reassignment_in_progress:
                return found
            for tp in partitions:
                queue, fetches = self._queues.get(tp), list[Fetch]()
                while queue:
                    came = queue.popleft()
                    if came.assignment.active:
                        fetches.append(came.fetch)
                if fetches:
                    found[tp] = fetches
        if any(tp in self._records for tp in partitions):
            self._loop.call_soon_threadsafe(self._hand_on)
        return found

    async def forget_stale(self) -> None:
        """Drop what was read before a seek."""
        for queue in self._queues.values():
            if queue and not queue[-1].leads_on():
                queue.clear()
        self._hand_on()

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        found = bool(await super()._proc_fetch_request(assignment, node_id, request))
        if found:
            self._hand_on()
        return found

    def _hand_on(self) -> None:
        """Queue what came, where there is room."""
        for tp, found in list(self._records.items()):
            if type(found) is not fetcher.FetchResult:
                self._failure = found._error  # noqa: SLF001 (it would raise it)
            elif not self._has_room(tp):
                continue
            else:
                self._queue(tp, found)
            del self._records[tp]
        self._notify(self._wait_consume_future)
        self.wake()

    def _queue(self, tp: Any, found: Any) -> None:
        queue, assignment = self._queues[tp], found._assignment  # noqa: SLF001 (it belongs to it)
        for fetch in found.getall():
            if queue and queue[-1].fetch.end != fetch.start:
                queue.clear()  # there was a seek in between
            queue.append(_Came(assignment, assignment.state_value(tp), fetch))

    def _has_room(self, tp: Any) -> bool:
        queued = tuple(self._queues[tp])  # in one go: the other thread takes from it
        if not queued:
            return True
        size = sum(len(came.fetch.data) for came in queued)
        return tp in self.wanted and size < self._max_partition_fetch_bytes

    def _listen(self) -> None:
        """Hear of errors of the group, which are told to whoever waits for a fetch."""
        self._create_fetch_waiter().add_done_callback(self._heard)

    def _heard(self, waiter: Any) -> None:
        if self._closed or waiter.cancelled():
            return
        if waiter.exception() is not None:
            self._failure = waiter.exception()
            self.wake()
        self._loop.call_soon(self._listen)


def install() -> None:
    """Let the consumers of this process fetch so."""
    consumer.Fetcher = Fetcher
