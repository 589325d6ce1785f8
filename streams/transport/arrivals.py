"""What fetches brought, by partition, until the consumer takes it."""

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from aiokafka.consumer.subscription_state import Assignment

from streams.transport.batches import Fetch


class _Came(NamedTuple):
    """A fetch, the assignment it was for, and how far aiokafka has read its partition."""

    assignment: Any
    state: Any
    fetch: Fetch

    def leads_on(self) -> bool:
        """Whether what is read next follows it."""
        known = self.assignment.active and self.state.has_valid_position
        return bool(known and self.state.position == self.fetch.end)


class Arrivals:
    """A queue a partition."""

    def __init__(self) -> None:
        self._queues: dict[Any, deque[_Came]] = defaultdict(deque)
        self._filled: set[Any] = set()  # partitions with something in their queue

    def add(self, assignment: Assignment, tp: Any, fetch: Fetch) -> None:
        """Add what came, and say that the partition is read so far."""
        state, queue = assignment.state_value(tp), self._queues[tp]
        state.consumed_to(fetch.end)
        if queue and queue[-1].fetch.end != fetch.start:
            queue.clear()  # there was a seek in between
        queue.append(_Came(assignment, state, fetch))
        self._filled.add(tp)

    def take(self, is_ready: Callable[[Any], bool]) -> dict[Any, list[Fetch]]:
        """What came, in order, for the partitions that are ready for it."""
        found: dict[Any, list[Fetch]] = {}
        for tp in [tp for tp in self._filled if is_ready(tp)]:
            self._filled.discard(tp)
            queue = self._queues[tp]
            fetches = [came.fetch for came in queue if came.assignment.active]
            queue.clear()
            if fetches:
                found[tp] = fetches
        return found

    def size(self, tp: Any) -> int:
        """Bytes that wait of a partition."""
        queue = self._queues.get(tp)
        return sum(len(came.fetch.data) for came in queue) if queue else 0

    def forget_stale(self) -> None:
        """Drop what was read before a seek."""
        for queue in self._queues.values():
            if queue and not queue[-1].leads_on():
                queue.clear()
