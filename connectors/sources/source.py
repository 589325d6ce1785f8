"""What a source is: records in the order they are to be sent.

A source knows nothing of Kafka. What it yields is published by ``publish.py``, or fed to the stages in one
process by ``barline offline``, so both see the same records. A new source is one file.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from schemas.columns import Columns

EVERYWHERE: Final = -1
"""Partition of columns that are not split yet: a keyed record goes to the partition of its key, one without a
key (heartbeat, status, configuration) to every partition."""


class Source(Protocol):
    """A source of records."""

    def blocks(self) -> Iterator[Columns]:
        """Records of one input topic a block, partition ``EVERYWHERE``, in the order they are to be sent.

        Every record up to a heartbeat's ``ts_through`` comes before that heartbeat.
        """
        ...
