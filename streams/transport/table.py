"""The table of an agent: bytes by partition and state key, backed by a compacted changelog."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import faust
from faust.stores.memory import Store

from runtime.sending.sender import Sender
from schemas.topics import changelog
from streams.core.states import States
from streams.transport.chunk import ChunkSchema
from streams.transport.library import library_log
from streams.transport.stored import Stored

_QUEUE: Final = 64


class StateStore(Store):  # type: ignore[misc]  # Faust has no types
    """States in memory, of each partition apart: the same key stands in all of them."""

    logger = library_log

    def __post_init__(self) -> None:
        super().__post_init__()
        self.partitions: dict[int, Stored] = defaultdict(Stored)

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

    def stored(self, partition: int) -> Stored:
        """The states of a partition."""
        return self.data.partitions[partition]  # type: ignore[no-any-return]

    def put(self, sender: Sender, partition: int, states: Mapping[bytes, bytes]) -> None:
        """Write states; they are durable when the sender's next flush returns."""
        records = States.of(states).records
        self.stored(partition).put(records)
        sender.send_all(self.changelog_topic_name, records, partition=partition)

    def _new_store(self) -> StateStore:
        return StateStore("memory://", self.app, self, loop=self.loop)


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
