"""How ``equity`` and its staging are cut into partitions: one for each mode, or a number of buckets of modes.

A bucket holds modes of one partition of the topic, because both go by the same hash and the number of buckets
is a multiple of theirs. So one sink task alone writes to a bucket, and may copy it and put the copy in its
place.
"""

import re
from dataclasses import dataclass
from typing import Final

from connectors.sinks.clickhouse.store import Store
from schemas.errors import ConfigurationError

_BUCKETS: Final = re.compile(r"kafkaMurmurHash\(mode\) % (\d+)")
_HASH: Final = "kafkaMurmurHash({mode}) % {buckets}"
_TABLE: Final = (
    "CREATE OR REPLACE TABLE {table} AS {like} ENGINE = ReplacingMergeTree(version) PARTITION BY {key} "
    "ORDER BY (mode, strand_id, broker, ts_event)"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """One of the two.

    Attributes:
        buckets: how many; 0 is a partition for each mode, and in staging for each run.
    """

    buckets: int = 0

    @property
    def key(self) -> str:
        """Partition key of ``equity``."""
        return _HASH.format(mode="mode", buckets=self.buckets) if self.buckets else "mode"

    @property
    def staging_key(self) -> str:
        """Partition key of staging."""
        return self.key if self.buckets else "(mode, strand_id)"

    @property
    def beside(self) -> str:
        """Condition on rows: they share the partition of the bound ``{mode:String}``."""
        of_mode = _HASH.format(mode="{mode:String}", buckets=self.buckets)
        return f"{self.key} = {of_mode if self.buckets else '{mode:String}'}"


def layout_of(store: Store) -> Layout:
    """How the tables are."""
    query = "SELECT partition_key FROM system.tables WHERE database = currentDatabase() AND name = 'equity'"
    found = _BUCKETS.fullmatch(str(store.value(query)))
    return Layout(int(found[1]) if found else 0)


def lay_out(store: Store, wanted: Layout) -> None:
    """Make the tables anew in a layout; not when there are rows in another.

    Raises:
        ConfigurationError: there are.
    """
    if layout_of(store) == wanted:
        return
    if store.value("SELECT (SELECT count() FROM equity) + (SELECT count() FROM equity_staging)"):
        check(store, wanted)
    store.command(_TABLE.format(table="equity_staging", like="equity", key=wanted.staging_key))
    store.command(_TABLE.format(table="equity", like="equity_staging", key=wanted.key))


def check(store: Store, wanted: Layout, partitions: int = 1) -> None:
    """See that the tables are in a layout that suits the topic.

    Args:
        store: the database.
        wanted: the layout.
        partitions: of the topic ``equity``.

    Raises:
        ConfigurationError: they are not.
    """
    if wanted.buckets % partitions:
        raise ConfigurationError(
            f"sink.buckets must be a multiple of the partitions of equity, {partitions}, was {wanted.buckets}"
        )
    if (found := layout_of(store)) != wanted:
        raise ConfigurationError(
            f"sink.buckets must be {found.buckets}, as the tables were made, was {wanted.buckets} "
            "(fix: set it back, or store everything anew in another database)"
        )
