"""Closed bars on the topics ``bars.*``: what indicators are warmed up with where there is no ClickHouse."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from connectors.sources.history import END_OF_TIME, STORED
from runtime.kafka import KafkaSettings
from runtime.reader import Partition, Reader
from schemas.batches.decode import Decoder
from schemas.codec import names_of
from schemas.columns import Columns
from schemas.errors import DependencyError
from schemas.history import Rows
from schemas.partition import partition_of
from schemas.records import record_type
from schemas.registry import Registry, registered
from schemas.topics import TOPICS

_LEAST: Final = 4_000
"""Records of a partition that are read at first; where they are too few, four times as many."""
_PATIENCE_S: Final = 30.0
_NO_NOTIONAL: Final = record_type("Bar").null_bit("notional")


class RecordedBars:
    """Topics of bars, read backwards from their ends as they stand when asked.

    Args:
        kafka: how to reach the brokers.
        registry: URL of the schema registry.
    """

    def __init__(self, kafka: KafkaSettings, registry: str) -> None:
        self._reader = Reader(kafka, "warm-up")
        self._registry = Registry(registry)
        self._names = names_of(registered(registry))

    def newest(
        self, interval: str, symbols: Sequence[str], count: int, before: int = END_OF_TIME
    ) -> dict[str, Rows]:
        """STORED rows by symbol, ascending: the last ones that begin before an instant (ns).

        Raises:
            DependencyError: the brokers do not answer.
        """
        places = self._reader.partitions(f"bars.{interval}")
        found: dict[str, Rows] = {}
        for place in places:
            own = [name for name in symbols if partition_of(name.encode(), len(places)) == place.number]
            if own:
                found |= self._newest(place, own, count, before)
        return found

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        self._registry.close()

    def _newest(self, place: Partition, symbols: list[str], count: int, before: int) -> dict[str, Rows]:
        first, end = self._reader.bounds(place)
        span = max(_LEAST, 2 * count * len(symbols))
        while True:
            start = max(end - span, first)
            found = _by_symbol(self._read(place, start, end), symbols, before)
            if start == first or all(len(found.get(name, ())) >= count for name in symbols):
                return {name: rows[-count:] for name, rows in found.items() if len(rows)}
            span *= 4

    def _read(self, place: Partition, start: int, end: int) -> Iterable[Columns]:
        decoder = Decoder(TOPICS[place.topic], self._names, self._registry.schema)
        reached = start
        self._reader.assign({place: start})
        while reached < end:
            frames = self._reader.read_frames(_PATIENCE_S).get(place)
            if frames is None:
                raise DependencyError(
                    f"topic {place.topic} must be readable to its end, was silent at {reached}"
                )
            reached = int(frames.offsets[-1]) + 1
            yield decoder.decode(frames, place.number)


def _by_symbol(blocks: Iterable[Columns], symbols: Sequence[str], before: int) -> dict[str, Rows]:
    """Bars by symbol, ascending, of each the highest revision."""
    parts: dict[bytes, list[Rows]] = {name.encode(): [] for name in symbols}
    for columns in blocks:
        table = columns.table("Bar")
        names = np.array([columns.bytes_at(cell) for cell in table["symbol"]], object)
        for name, own in parts.items():
            own.append(_stored(table[(names == name) & (table["ts_open"] < before)]))
    return {name.decode(): _newest_revisions(np.concatenate(own)) for name, own in parts.items() if own}


def _stored(table: Rows) -> Rows:
    rows = np.zeros(len(table), STORED)
    for name in STORED.names or ():
        rows[name] = table[name]
    rows["notional"][(table["nulls"] & _NO_NOTIONAL) != 0] = np.nan
    return rows


def _newest_revisions(rows: Rows) -> Rows:
    rows = rows[np.lexsort((rows["revision"], rows["ts_open"]))]
    last = np.append(rows["ts_open"][1:] != rows["ts_open"][:-1], True)
    found: Rows = rows[last[: len(rows)]]
    return found
