"""Which broker leads a partition, and the queues that wait until that is known."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from runtime.sending.identity import BACKOFF_S
from runtime.sending.outbox import Queue

_NO_LEADER: Final = "no leader"


class Leaders:
    """Knows the leaders that brokers told of, and asks anew for others.

    Args:
        client: of aiokafka.
        begun: set when it has found the brokers and has a producer id.
        route: takes a queue whose leader is known now.
        carry: begins a task.
    """

    def __init__(
        self,
        client: Any,
        begun: asyncio.Event,
        route: Callable[[Queue], None],
        carry: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._client, self._begun = client, begun
        self._route, self._carry = route, carry
        self._lost: list[Queue] = []
        self._is_seeking = False

    def of(self, queue: Queue) -> int:
        """Id of the broker that leads the partition, -1 where none is known to.

        Nor is it before there is a producer id: a batch without one would be written twice if sent twice.
        """
        if not self._begun.is_set():
            return -1
        node = self._client.cluster.leader_for_partition(queue.place)
        return -1 if node is None else int(node)

    def look_for(self, queue: Queue, heard: str = _NO_LEADER, pause: float = 0.0) -> None:
        """Let a queue wait until metadata are new, for the reason that was heard."""
        queue.heard = heard
        self._lost.append(queue)
        if not self._is_seeking:
            self._is_seeking = True
            self._carry(self._seek(pause))

    def hear(self, what: str) -> None:
        """Why those that wait do so still."""
        for queue in self._lost:
            queue.heard = what

    async def _seek(self, pause: float) -> None:
        await self._begun.wait()
        await asyncio.sleep(pause)
        for queue in self._lost:
            self._client.add_topic(queue.place.topic)
        known = await self._client.force_metadata_update()
        lost, self._lost, self._is_seeking = self._lost, [], False
        for queue in lost:
            if known and self.of(queue) >= 0:
                self._route(queue)
            else:
                self.look_for(queue, _NO_LEADER if known else queue.heard, BACKOFF_S)
