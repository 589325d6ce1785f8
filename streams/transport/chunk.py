"""A chunk: what fetches brought for one partition since the last.

One event of Faust holds the chunks of a topic that came together: Faust takes a turn of the event loop for
each event, which with four partitions took as long as a step.
"""

from collections.abc import Callable, Sequence
from typing import Any

from faust.serializers.schemas import Schema
from faust.types.tuples import TP

from schemas.batches.frames import Frames, from_batches
from streams.transport.batches import Fetch


class Chunk:
    """Records of one partition from ``start`` up to, not including, ``end``.

    Attributes:
        topic: name of the topic.
        partition: number of the partition.
        tp: both of them, as Faust names a partition.
        generation: of the consumer group when it was fetched; in another one it must not be processed (R6).
        start: first offset that counts.
        end: offset to go on from, and to commit when all up to it is safe.
        released: whether the consumer may hand on the next chunk of this partition.
        acked: whether everything that follows from it is safe, so that its offsets may be committed (R5).
    """

    __slots__ = (
        "_fetches", "_on_release", "acked", "end", "generation", "partition", "released", "start", "topic",
        "tp",
    )  # fmt: skip

    def __init__(
        self,
        topic: str,
        partition: int,
        generation: int,
        fetches: Sequence[Fetch],
        start: int,
        on_release: Callable[[], None] = lambda: None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.tp = TP(topic, partition)
        self.generation = generation
        self.start = start
        self.end = fetches[-1].end
        self.released = False
        self.acked = False
        self._fetches: Sequence[Fetch] = fetches
        self._on_release = on_release

    def release(self) -> None:
        """Let go of the records, and let the consumer hand on the next chunk of this partition."""
        self.released = True
        self._fetches = ()
        self._on_release()

    def frames(self) -> Frames:
        """The records, none below ``start``."""
        aborted = [one for fetch in self._fetches for one in fetch.aborted]
        return from_batches([fetch.data for fetch in self._fetches], self.start, aborted)


class ChunkSchema(Schema):  # type: ignore[misc]  # Faust has no types
    """Hands chunks on as they are; a topic with this schema delivers lists of them."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """Chunks have no key."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """The chunks."""
        del app
        return message.value
