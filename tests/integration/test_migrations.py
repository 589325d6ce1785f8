"""Migrations over tables that are filled, and those that are cut off half-way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from connectors.sinks.clickhouse.migrate import migrate, migrations, statements
from connectors.sinks.clickhouse.store import Store
from runtime.endpoints import Endpoints
from tests.eventually import eventually

pytestmark = pytest.mark.stack

Unique = Callable[[str], str]

RERUNS = "0007_reruns.sql"
ROWS = """
INSERT INTO indicators
    (symbol, interval, name, ts_open, value, converged, revision, bar_revision, ts_published, ts_stored)
SELECT 'SPY', '1m', 'ema_5', toDateTime64('2024-06-30 23:00:00', 9, 'UTC') + number * 60,
    if(number = 7, NULL, number + 1000 * {revision:Int64}), number % 2, {revision:Int64}, 1, 5,
    toDateTime64('2024-07-01 12:00:00', 9, 'UTC')
FROM numbers(120)
"""
LATER = """
INSERT INTO indicators (symbol, interval, name, ts_open, value, revision)
VALUES ('SPY', '1m', {name:String}, '2024-06-30 23:00:00', 1, 0)
"""
FOUND = """
SELECT name, ts_open, ts_close, value, converged, revision, bar_revision, ts_expires, ts_published
FROM indicators FINAL ORDER BY name, ts_open
"""


@contextmanager
def before(stack: Endpoints, name: str) -> Iterator[Store]:
    """A database as it was before the migration, with three revisions of 120 values over two months."""
    opened = Store(stack.clickhouse_settings())
    opened.command(f"CREATE DATABASE `{name}`")
    opened.close()
    store = Store(stack.clickhouse_settings() | {"database": name})
    try:
        for migration, text in migrations().items():
            for statement in statements(text) if migration < RERUNS else ():
                store.command(statement)
        for revision in range(3):
            store.command(ROWS, {"revision": revision})
        yield store
    finally:
        store.close()


def engines(store: Store) -> list[tuple[str, str]]:
    """Tables of indicators and what makes their version."""
    query = (
        "SELECT name, splitByChar(' ', engine_full)[1] FROM system.tables "
        "WHERE database = currentDatabase() AND startsWith(name, 'indicators')"
    )
    return [(str(name), str(engine)) for name, engine in store.rows(query)]


MADE = [("indicators", "ReplacingMergeTree(version)")]


def test_a_filled_table_keeps_all_rows(stack: Endpoints, unique: Unique):
    with before(stack, unique("filled").replace("-", "_")) as store:
        must = store.rows(FOUND)
        assert len(must) == 120
        assert engines(store) == [("indicators", "ReplacingMergeTree(revision)")]
        migrate(store)
        assert engines(store) == MADE
        assert store.rows(FOUND) == must
        assert store.rows("SELECT DISTINCT rerun, version FROM indicators FINAL") == [(0, 2 << 32)]
        store.command("OPTIMIZE TABLE indicators FINAL")
        assert store.rows(FOUND) == must
        assert store.value("SELECT count() FROM indicators") == 120


@pytest.mark.parametrize("count", range(len(statements(migrations()[RERUNS])) + 1))
def test_cut_off_anywhere_it_is_repeated_and_no_row_is_lost(stack: Endpoints, unique: Unique, count: int):
    with before(stack, unique("cut").replace("-", "_")) as store:
        must = store.rows(FOUND)
        for number, statement in enumerate(statements(migrations()[RERUNS])[:count]):
            store.command(statement)
            store.command(LATER, {"name": f"after {number}"})
        store.command("OPTIMIZE TABLE indicators FINAL")
        migrate(store)
        assert engines(store) == MADE
        assert [row for row in store.rows(FOUND) if row[0] == "ema_5"] == must
        names = "SELECT DISTINCT name FROM indicators WHERE name != 'ema_5'"
        assert {name for (name,) in store.rows(names)} == {f"after {number}" for number in range(count)}


def test_rows_of_a_sink_at_work_are_kept(stack: Endpoints, unique: Unique):
    with before(stack, unique("work").replace("-", "_")) as store:
        other = store.another()
        slow = LATER.replace("VALUES (", "SELECT ").replace(
            ", 1, 0)", ", sleepEachRow(1) + 1, 0 FROM numbers(2)"
        )
        inserting = threading.Thread(
            target=other.command, args=(slow + " SETTINGS max_block_size = 1", {"name": "slow"})
        )
        inserting.start()
        under_way = "SELECT count() FROM system.processes WHERE query_kind = 'Insert'"
        eventually(lambda: store.value(under_way), because="the insert is under way")
        migrate(store)
        assert store.value("SELECT count() FROM indicators WHERE name = 'slow'") > 0
        inserting.join()
        other.close()
