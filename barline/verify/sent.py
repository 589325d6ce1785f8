"""What the sources sent against what stands in the input topics."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from barline.verify.recorded import Recorded
from barline.verify.topics import Difference, Identity, compare

INPUTS: Final = ("ticks.raw", "bars.raw", "lines.raw")
"""Topics that sources write to."""


class Sent:
    """Notes every record that is handed to a producer, by topic and partition."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, int], list[Identity]] = {}

    def __len__(self) -> int:
        return sum(len(records) for records in self._records.values())

    def note(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        """Note one record."""
        self._records.setdefault((topic, partition), []).append(Identity(key, value))

    def compare(
        self, recorded: Recorded, foreign: Callable[[str, int, Identity], bool]
    ) -> Iterator[tuple[tuple[str, int], Difference]]:
        """Difference of every partition of the input topics.

        Args:
            recorded: the topics.
            foreign: whether a record is somebody else's: made by an agent, or a resolver's answer.
        """
        for topic in INPUTS:
            for partition in recorded.partitions(topic):
                must = self._records.get((topic, partition), [])
                known = set(must)
                found: Iterable[Identity] = (
                    one
                    for one in recorded.identities(topic, partition)
                    if one in known or not foreign(topic, partition, one)
                )
                yield (topic, partition), compare(must, found)
