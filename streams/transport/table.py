"""The table of an agent: bytes by partition and state key, backed by a compacted changelog."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import faust
import numpy as np
from faust.stores.memory import Store

from runtime.sending.sender import Sender
from schemas.batches.encode import Encoded
from schemas.topics import changelog
from streams.core.slots import offset_of
from streams.transport.chunk import ChunkSchema
from streams.transport.library import library_log

_QUEUE: Final = 64


class States(Store):  # type: ignore[misc]  # Faust has no types
    """States in memory, of each partition apart: the same key stands in all of them."""

    logger = library_log

    def __post_init__(self) -> None:
        super().__post_init__()
        self.partitions: dict[int, dict[bytes, bytes]] = defaultdict(dict)

    async def on_recovery_completed(self, active_tps: set[Any], standby_tps: set[Any]) -> None:
        """Forget the partitions that went to other workers."""
        del standby_tps
        kept = {tp.partition for tp in active_tps}
        for partition in set(self.partitions) - kept:
            del self.partitions[partition]


class Table(faust.Table):  # type: ignore[misc]  # Faust has no types
    """States of one agent.

    Args:
        app: the Faust app.
        name: the agent's stem.
        topic: name of the changelog.
        partitions: number of partitions, the same as of the agent's topic.
    """

    logger = library_log

    def __init__(self, app: Any, *, name: str, topic: str, partitions: int, **options: Any) -> None:
        log = app.topic(
            topic, schema=ChunkSchema(), partitions=partitions, compacting=True, acks=False, internal=True,
            maxsize=_QUEUE, allow_empty=True,
        )  # fmt: skip
        super().__init__(
            app,
            name=name,
            changelog_topic=log,
            partitions=partitions,
            key_type=bytes,
            value_type=bytes,
            **options,
        )

    def states(self, partition: int) -> Mapping[bytes, bytes]:
        """All states of a partition by their key."""
        return self.data.partitions[partition]  # type: ignore[no-any-return]

    def put(self, sender: Sender, partition: int, states: Mapping[bytes, bytes]) -> None:
        """Write states; they are durable when the sender's next flush returns."""
        self.data.partitions[partition].update(states)
        records = Encoded.of(states.keys(), states.values(), np.zeros(len(states), np.int64))
        sender.send_all(self.changelog_topic_name, records, partition=partition)

    def recover(self, partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take up records of the changelog in log order: of each key the one with the newest offset (R12).

        A worker that was frozen may write an old state after a newer one.
        """
        held = self.data.partitions[partition]
        for key, state in records:
            if state is None:
                held.pop(key, None)
                continue
            known = held.setdefault(key, state)  # most keys come once: one look is enough for them
            if known is not state and offset_of(state) >= offset_of(known):
                held[key] = state

    def _new_store(self) -> States:
        return States("memory://", self.app, self, loop=self.loop)


def new_table(app: Any, agent: str, partitions: int, name: str) -> Table:
    """The table of an agent, added to the app.

    Args:
        app: the Faust app.
        agent: the agent's stem.
        partitions: number of partitions.
        name: of the installation; its changelogs are called after it.
    """
    table = Table(app, name=agent, topic=changelog(name, agent), partitions=partitions, beacon=app.beacon)
    app.tables.add(table)
    return table
