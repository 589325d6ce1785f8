"""The sink stores one batch while it reads the next, against the running servers."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from connectors.sinks.clickhouse.inserter import Inserter
from connectors.sinks.clickhouse.sink import Sink
from connectors.sinks.clickhouse.store import Store
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.reader import Reader
from tests.eventually import eventually
from tests.integration.test_sink import sinking
from tests.sinks import MINUTE, T0, caught_up, expected_bars, feeding, own_database, stored_bars

pytestmark = pytest.mark.stack


class Slow(Store):
    """A database whose inserts last until they are let go, from when they are held on."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.let_go.set()

    def insert(self, table: str, chunks: Any) -> None:
        """Insert, when it is let go."""
        self.begun.set()
        assert self.let_go.wait(120)
        super().insert(table, chunks)


def committed(endpoints: Endpoints, group: str) -> int:
    """Records of ``bars.1m`` that a group has done with."""
    reader = Reader(KafkaSettings(endpoints.kafka), "test", group=group)
    try:
        return sum(offset or 0 for offset in reader.committed(reader.partitions("bars.1m")).values())
    finally:
        reader.close()


def test_records_are_read_while_an_insert_is_on_its_way_and_committed_after_it(
    stack: Endpoints, unique: Callable[[str], str]
) -> None:
    database = own_database(stack, unique("sink").replace("-", "_"))
    symbol, group, found = unique("SYM"), unique("sink"), list[Slow]()

    def slow(sink: Sink) -> None:
        sink._inserter.close()
        sink._inserter = Inserter(Slow(database.clickhouse_settings()))
        assert isinstance(sink._inserter._store, Slow)
        found.append(sink._inserter._store)

    with feeding(database) as feed:
        feed.bar(symbol=symbol)
        feed.flush()
        with sinking(database, group, slow) as sink:
            eventually(lambda: caught_up(database, group))  # with what other tests wrote, too
            found[0].let_go.clear()
            found[0].begun.clear()
            done, stored = committed(database, group), stored_bars(database)
            feed.bar(symbol=symbol, ts_open=T0 + MINUTE)
            feed.flush()
            assert found[0].begun.wait(60)
            on_its_way = sink._inserter.batch
            feed.bar(symbol=symbol, ts_open=T0 + 2 * MINUTE)
            feed.flush()
            eventually(lambda: sink._batch.rows > 0)
            assert sink._inserter.batch is on_its_way
            assert committed(database, group) == done
            assert stored_bars(database) == stored
            found[0].let_go.set()
            eventually(lambda: caught_up(database, group))
        assert stored_bars(database) == expected_bars(database) != stored
