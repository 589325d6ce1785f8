"""Whether all has arrived: every group has committed the end of what it reads, and nothing grows."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.sinks.clickhouse.tables import TOPICS as STORED
from runtime.kafka import KafkaSettings
from runtime.reader import Partition, Reader
from schemas.errors import DependencyError
from schemas.topics import INPUTS

_PATIENCE: Final = 180.0  # seconds without any progress
_CALM: Final = 2  # looks in a row that must find everything arrived


@dataclass(frozen=True, slots=True)
class Lag:
    """Records that a group has not committed yet.

    Attributes:
        group: the group.
        records: over all its partitions.
        ends: end of each of its partitions.
    """

    group: str
    records: int
    ends: Mapping[Partition, int]


class Arrival:
    """Looks at the groups of worker, sink and resolver.

    Args:
        kafka: how to reach the brokers.
        groups: topics by consumer group.
    """

    def __init__(self, kafka: KafkaSettings, groups: Mapping[str, Sequence[str]]) -> None:
        self._groups = groups
        self._readers = {group: Reader(kafka, "arrival", group=group) for group in groups}

    def lags(self) -> list[Lag]:
        """How far each group is behind now."""
        found = []
        for group, reader in self._readers.items():
            ends = reader.ends(self._groups[group])
            committed = reader.committed(ends)
            behind = sum(end - (committed[place] or 0) for place, end in ends.items())
            found.append(Lag(group, behind, ends))
        return found

    def wait(self) -> None:
        """Return when everything has arrived.

        Raises:
            DependencyError: nothing moves any more.
        """
        calm, last, since = 0, self.lags(), time.monotonic()
        while calm < _CALM:
            time.sleep(0.5)
            lags = self.lags()
            if lags != last:
                since = time.monotonic()
            calm = calm + 1 if lags == last and not any(lag.records for lag in lags) else 0
            last = lags
            if time.monotonic() - since > _PATIENCE:
                behind = {lag.group: lag.records for lag in lags if lag.records}
                raise DependencyError(f"everything must arrive, was stuck with {behind!r} records to come")

    def close(self) -> None:
        """Leave the groups."""
        for reader in self._readers.values():
            reader.close()


GROUPS: Final[dict[str, Sequence[str]]] = {
    "barline": tuple(INPUTS.values()),
    "barline-sink": STORED,
    "resolver": ("modes.wanted",),
}
"""Topics by consumer group, as the stack starts them."""
