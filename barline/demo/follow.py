"""Follows what ``ticks`` passes on, so that bars of a minute are sent after the ticks of that minute.

Sources that write to different topics meet on ``bars.raw``. Live, both come in real time; played faster, a
bar could overtake the ticks of its minute by hours, and the minute would be decided without them.
"""

import time
from collections.abc import Mapping
from typing import Final

import numpy as np

from runtime.kafka import KafkaSettings
from runtime.reader import OFFSET_BEGINNING, Partition, Reader
from schemas.batches.decode import Decoder
from schemas.batches.lookup import Lookup
from schemas.codec import names_of
from schemas.columns import Columns
from schemas.errors import DependencyError
from schemas.topics import TOPICS

_TOPIC: Final = TOPICS["bars.raw"]
_WRITER: Final = Lookup([b"ticks"])
_PATIENCE: Final = 180.0  # seconds without any news


class Follower:
    """Knows how far ``ticks`` is in every partition.

    Args:
        kafka: how to reach the brokers.
        ids: schema id by record name.
    """

    def __init__(self, kafka: KafkaSettings, ids: Mapping[str, int]) -> None:
        self._reader = Reader(kafka, "follow")
        self._decoder = Decoder(_TOPIC, names_of(ids))
        self._through: dict[Partition, int] = dict.fromkeys(self._reader.partitions(_TOPIC.name), -1)
        self._reader.assign(dict.fromkeys(self._through, OFFSET_BEGINNING))

    def wait(self, ts: int) -> None:
        """Return when heartbeats up to an instant (ns) have been passed on in every partition.

        Raises:
            DependencyError: nothing comes any more.
        """
        since = time.monotonic()
        while min(self._through.values()) < ts:
            found = self._reader.read_frames(0.2, 50_000)
            for place, frames in found.items():
                passed = _passed_on(self._decoder.decode(frames, place.number))
                self._through[place] = max(self._through[place], passed)
            if found:
                since = time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                raise DependencyError(f"ticks must pass heartbeats on, was silent for {_PATIENCE:g} s")

    def close(self) -> None:
        """Stop following."""
        self._reader.close()


def _passed_on(columns: Columns) -> int:
    """Time of the newest heartbeat that ``ticks`` wrote; -1 where there is none."""
    beats = columns.table("Heartbeat")
    ours = _WRITER.find(columns.data, np.ascontiguousarray(beats["writer"])) == 0
    return int(beats["ts"][ours].max(initial=-1))
