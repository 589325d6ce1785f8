"""Everything a source sends to one topic, laid down in sending order and handed out minute by minute."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from connectors.sources.source import EVERYWHERE
from schemas.columns import UNDECODABLE, Bytes, Columns, Ints, Rows
from schemas.market.intervals import MINUTE
from schemas.records import SPAN, record_type
from schemas.topics import TOPICS

RECORD, SOURCE, CLOCK = 0, 1, 2
"""Ranks within one instant: records, then the heartbeats of sources, then those of the clock."""


class Part(NamedTuple):
    """Some records of one type.

    Attributes:
        record: name of the type; empty for raw bytes, whose rows are the spans of the values.
        times: int64[n], when each is sent (ns, event time).
        rows: rows of the type.
        rank: order within one instant; ties keep the order of the parts and their rows.
    """

    record: str
    times: Ints
    rows: Rows
    rank: int = RECORD


class Timeline:
    """Records of one topic by the time they are sent.

    Args:
        topic: name of the topic.
        data: uint8, what all spans point into.
        parts: what is to be sent, in any order.
    """

    def __init__(self, topic: str, data: Bytes, parts: Sequence[Part]) -> None:
        self._topic = TOPICS[topic]
        self._data = data
        self._next = 0
        kinds = [UNDECODABLE if not part.record else self._topic.kind(part.record) for part in parts]
        self._lay_down(parts, kinds)

    def __len__(self) -> int:
        return len(self._at)

    def minutes(self) -> Ints:
        """End of each minute that has something to send, ascending."""
        return np.unique(-(-self._at // MINUTE) * MINUTE)

    def until(self, end: int) -> Columns | None:
        """What is to be sent up to and including an instant, and was not handed out yet."""
        low, high = self._next, int(np.searchsorted(self._at, end, side="right"))
        self._next = high
        return self._block(low, high) if high > low else None

    def _lay_down(self, parts: Sequence[Part], part_kinds: Sequence[int]) -> None:
        none = np.zeros(0, np.int64)
        at = np.concatenate([none, *(part.times for part in parts)])
        ranks = np.concatenate([none, *(np.full(len(part.times), part.rank) for part in parts)])
        kinds = np.repeat(np.array(part_kinds, np.int8), [len(part.times) for part in parts])
        order = np.lexsort((ranks, at))
        self._at, self._kinds = at[order], kinds[order]
        self._values = np.zeros(len(at), SPAN)
        self._values["size"] = -1
        self._tables = [record_type(record).empty(0) for record in self._topic.records]
        self._places = [np.flatnonzero(self._kinds == kind) for kind in range(len(self._tables))]
        for kind in np.unique(kinds).tolist():
            rows = np.concatenate(
                [part.rows for part, own in zip(parts, part_kinds, strict=True) if own == kind]
            )
            within = np.cumsum(kinds == kind) - 1
            rows = rows[within[order[self._kinds == kind]]]
            if kind == UNDECODABLE:
                self._values[self._kinds == kind] = rows
            else:
                self._tables[kind] = rows

    def _block(self, low: int, high: int) -> Columns:
        rows = np.full(high - low, -1, np.int32)
        tables = []
        for table, places in zip(self._tables, self._places, strict=True):
            first, end = np.searchsorted(places, (low, high)).tolist()
            rows[places[first:end] - low] = np.arange(end - first)
            tables.append(table[first:end])
        keys = np.zeros(high - low, SPAN)
        keys["size"] = -1
        stamps = self._at[low:high] // 1_000_000
        return Columns(
            self._topic, EVERYWHERE, self._kinds[low:high], rows, tuple(tables), self._data,
            np.zeros(0, np.int64), stamps, keys, self._values[low:high],
        )  # fmt: skip


def heartbeats(source: tuple[int, int], due: Ints) -> Rows:
    """Rows of heartbeats of a source that is alive and promises everything up to each of them.

    Args:
        source: span of its name, which is the writer's too.
        due: int64[n], times in ns.
    """
    rows = record_type("Heartbeat").empty(len(due))
    rows["source"] = rows["writer"] = np.array(source, SPAN)
    rows["ts"] = rows["ts_last"] = rows["ts_through"] = due
    rows["alive"] = 1
    return rows
