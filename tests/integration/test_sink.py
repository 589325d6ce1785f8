"""The sink against the running servers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest

from connectors.sinks.clickhouse.assemble import assemble
from connectors.sinks.clickhouse.errors import StoreDownError
from connectors.sinks.clickhouse.guard import ModeGuard
from connectors.sinks.clickhouse.inserter import Inserter
from connectors.sinks.clickhouse.limits import Limits
from connectors.sinks.clickhouse.migrate import migrations
from connectors.sinks.clickhouse.sink import Sink
from connectors.sinks.clickhouse.store import Store
from runtime.endpoints import Endpoints
from runtime.headers import headers
from runtime.kafka import KafkaSettings
from tests.eventually import eventually
from tests.sinks import (
    MINUTE,
    T0,
    Feed,
    caught_up,
    count,
    expected_bars,
    expected_equity,
    feeding,
    own_database,
    store_of,
    stored_bars,
    stored_equity,
)

pytestmark = pytest.mark.stack

LIMITS = Limits(5_000, 0.2)
Unique = Callable[[str], str]


@contextmanager
def sinking(
    endpoints: Endpoints, group: str, change: Callable[[Sink], None] = lambda _: None, limits: Limits = LIMITS
) -> Iterator[Sink]:
    """A sink that runs beside the test."""
    sink, close = assemble(KafkaSettings(endpoints.kafka), endpoints, group, limits)
    change(sink)
    stop = threading.Event()
    failure: list[BaseException] = []

    def run() -> None:
        try:
            sink.run(stop.is_set)
        except BaseException as error:  # noqa: BLE001  (shown by the test)
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sink
    finally:
        stop.set()
        thread.join(60)
        close()
    assert not failure, failure


def stored(
    endpoints: Endpoints, group: str, change: Callable[[Sink], None] = lambda _: None, limits: Limits = LIMITS
) -> None:
    """Run a sink until everything is stored."""
    with sinking(endpoints, group, change, limits):
        eventually(lambda: caught_up(endpoints, group))


@pytest.fixture
def database(stack: Endpoints, unique: Unique) -> Endpoints:
    return own_database(stack, unique("sink").replace("-", "_"))


@pytest.fixture
def feed(database: Endpoints) -> Iterator[Feed]:
    with feeding(database) as found:
        yield found


def test_tables_hold_what_the_topics_hold(database: Endpoints, feed: Feed, unique: Unique) -> None:
    symbol, mode = unique("SYM"), unique("mode")
    for n in range(300):
        feed.bar(
            n % 4, symbol=symbol, ts_open=T0 + n * MINUTE, ts_close=T0 + (n + 1) * MINUTE, revision=n % 2
        )
        feed.bar(n % 4, symbol=symbol, ts_open=T0 + n * MINUTE, ts_close=T0 + (n + 1) * MINUTE, close=9.0)
        feed.equity(1, mode=mode, ts_event=T0 + n, equity=float(n))
    feed.send(
        "indicators", "IndicatorValues", symbol=symbol, interval="1m", ts_open=T0, ts_close=T0 + MINUTE,
        revision=0, bar_revision=0, values={"ema_20": 1.5, "rsi_14": 70.0}, converged=["ema_20"],
        ts_expires=T0,
    )  # fmt: skip
    for _ in range(2):
        feed.send(
            "ready", "Ready", symbol=symbol, interval="1m", ts_open=T0, ts_close=T0 + MINUTE, revision=0,
            what="indicators",
        )  # fmt: skip
    for revision, values in enumerate([{"close@1m": 1.5}, {"close@1m": 2.5, "rsi_14@5m": 29.0}]):
        feed.send(
            "signals", "Signal", symbol=symbol, venue_symbol="S_1", name="dip", interval="1m", ts_event=T0,
            values=values, ts_expires=T0, broker="oanda", revision=revision,
        )  # fmt: skip
    feed.flush()
    stored(database, unique("sink"))
    assert stored_bars(database) == expected_bars(database)
    assert stored_equity(database) == expected_equity(database)
    with store_of(database) as store:
        query = (
            "SELECT name, value, converged FROM indicators FINAL WHERE symbol = {symbol:String} ORDER BY name"
        )
        assert store.rows(query, {"symbol": symbol}) == [("ema_20", 1.5, True), ("rsi_14", 70.0, False)]
        query = "SELECT interval, revision, what FROM ready FINAL WHERE symbol = {symbol:String}"
        assert store.rows(query, {"symbol": symbol}) == [("1m", 0, "indicators")]
        query = (
            "SELECT venue_symbol, name, values, revision FROM signals FINAL WHERE symbol = {symbol:String}"
        )
        values = {"close@1m": 2.5, "rsi_14@5m": 29.0}
        assert store.rows(query, {"symbol": symbol}) == [("S_1", "dip", values, 1)]


def test_a_value_that_a_revision_no_longer_has_is_null(
    database: Endpoints, feed: Feed, unique: Unique
) -> None:
    symbol, group = unique("SYM"), unique("sink")
    said = [({"ema_20": 1.5, "rsi_14": 70.0}, []), ({"ema_20": 1.25}, ["rsi_14"])]
    for revision, (values, missing) in enumerate(said):
        feed.send(
            "indicators", "IndicatorValues", symbol=symbol, interval="1m", ts_open=T0, ts_close=T0 + MINUTE,
            revision=revision, bar_revision=revision, values=values, converged=["rsi_14"], ts_expires=T0,
            missing=missing,
        )  # fmt: skip
        feed.flush()
        stored(database, group)
    query = "SELECT name, value, converged, revision FROM indicators FINAL WHERE symbol = {symbol:String}"
    with store_of(database) as store:
        found = sorted(store.rows(query, {"symbol": symbol}))
    assert found == [("ema_20", 1.25, False, 1), ("rsi_14", None, False, 1)]


def test_rows_say_when_their_records_were_sent(database: Endpoints, feed: Feed, unique: Unique) -> None:
    mode = unique("mode")
    before = time.time_ns()
    for broker, sent in [
        ("said", headers("lines")),
        ("silent", None),
        ("nonsense", [("ts_published", b"soon"), ("ts_published", b"9" * 30)]),
    ]:
        feed.headers = sent
        feed.equity(1, mode=mode, broker=broker)
    feed.flush()
    stored(database, unique("sink"))
    query = "SELECT broker, toUnixTimestamp64Nano(ts_published) FROM equity WHERE mode = {mode:String}"
    with store_of(database) as store:
        found = dict(store.rows(query, {"mode": mode}))
    assert before <= found.pop("said") <= time.time_ns()
    assert found == {"silent": 0, "nonsense": 0}


def test_a_simulation_is_published_at_its_end_and_only_then(
    database: Endpoints, feed: Feed, unique: Unique
) -> None:
    mode, group = unique("mode"), unique("sink")
    for n in range(20):
        feed.equity(2, mode=mode, strand_id="a'\\b", live=False, ts_event=T0 + n, equity=float(n))
        feed.equity(2, mode=mode, strand_id="other", live=False, ts_event=T0 + n, equity=float(n))
    feed.flush()
    stored(database, group)
    assert not [key for key in stored_equity(database) if key[0] == mode]
    feed.run_end(2, mode=mode, strand_id="a'\\b")
    feed.flush()
    stored(database, group)
    assert stored_equity(database) == expected_equity(database)
    assert {key[1] for key in stored_equity(database) if key[0] == mode} == {"a'\\b"}
    feed.run_end(2, mode=mode, strand_id="other")
    feed.equity(2, mode=mode, strand_id="a'\\b", live=False, ts_event=T0 + 99, equity=99.0)
    feed.equity(2, mode=mode, strand_id="other", live=False, ts_event=T0, equity=50.0)
    feed.run_end(2, mode=mode, strand_id="a'\\b")
    feed.run_end(2, mode=mode, strand_id="other", replace=True)
    feed.run_end(2, mode=mode, strand_id="other", replace=True)
    feed.flush()
    stored(database, group)
    assert stored_equity(database) == expected_equity(database)
    assert len([key for key in stored_equity(database) if key[:2] == (mode, "other")]) == 1
    with store_of(database) as store:
        left = "SELECT count() FROM equity_staging WHERE mode = {mode:String}"
        assert store.value(left, {"mode": mode}) == 0
        assert not store.rows("SHOW TABLES LIKE 'equity_run_%'")


def test_rows_that_are_refused_become_dead_letters_and_the_rest_is_stored(
    database: Endpoints, feed: Feed, unique: Unique
) -> None:
    symbol, group = unique("SYM"), unique("sink")
    with store_of(database) as store:
        store.command("ALTER TABLE bars ADD CONSTRAINT modest CHECK close < 1e6")
    for n in range(100):
        close = 1e9 if n in (7, 60) else 1.0
        feed.bar(symbol=symbol, ts_open=T0 + n * MINUTE, close=close)
    feed.raw("bars.1m", b"k", b"\0junk", 3)
    feed.flush()
    stored(database, group)
    stored(database, group)  # the dead letters of the first run
    with store_of(database) as store:
        query = "SELECT count() FROM bars FINAL WHERE symbol = {symbol:String}"
        assert store.value(query, {"symbol": symbol}) == 98
        refused = (
            "SELECT DISTINCT offset FROM dead_letters FINAL WHERE code = 'CH469' AND key = {symbol:String}"
        )
        assert len(store.rows(refused, {"symbol": symbol})) == 2
        junk = "SELECT stage, topic, partition, key, data FROM dead_letters FINAL WHERE code = 'V01'"
        assert store.rows(junk + " AND stage = 'sink' LIMIT 1") == [("sink", "bars.1m", 3, "k", "\0junk")]


def test_hostile_and_too_many_modes_get_no_partition(database: Endpoints, feed: Feed, unique: Unique) -> None:
    mode, group = unique("mode"), unique("sink")
    hostile = ["x'; DROP TABLE equity", "a/b", "ü", "", "x" * 300, "{m:String}"]
    for name in [*hostile, mode, mode + ".2"]:
        feed.equity(3, mode=name, ts_event=T0)
        feed.equity(3, mode=name, live=False, ts_event=T0)
    feed.flush()

    def narrow(sink: Sink) -> None:
        sink._guard = Narrow(mode)

    stored(database, group, narrow)
    modes = {key[0] for key in stored_equity(database)}
    assert mode in modes
    assert not modes & {*hostile, mode + ".2"}


class Narrow(ModeGuard):
    """Has no room for a second mode of this test."""

    def __init__(self, mode: str) -> None:
        super().__init__(set(), 10**6)
        self._mode = mode.encode()

    def refusal(self, mode: bytes) -> tuple[str, str] | None:
        if mode.startswith(self._mode) and mode != self._mode:
            self._limit = 0
        return super().refusal(mode)


def test_two_hundred_modes_go_in_by_fifty_partitions(database: Endpoints, feed: Feed, unique: Unique) -> None:
    base = unique("many")
    for n in range(200):
        feed.equity(0, mode=f"{base}.{n}", ts_event=T0 + n)
    for n in range(240):
        feed.bar(symbol=base, ts_open=T0 + n * 31 * 1440 * MINUTE)
    feed.flush()
    stored(database, unique("sink"))
    assert len({key[0] for key in stored_equity(database) if key[0].startswith(base)}) == 200
    assert len([key for key in stored_bars(database) if key[0] == base]) == 240


class Down(Store):
    """A database that is down for a while."""

    def __init__(self, settings: Any, times: int) -> None:
        super().__init__(settings)
        self.left = times

    def another(self) -> Self:
        """Itself: it is one database that is down."""
        return self

    def insert(self, table: str, chunks: Any) -> None:
        if self.left > 0:
            self.left -= 1
            raise StoreDownError("clickhouse must answer, was silent")
        super().insert(table, chunks)


def test_nothing_is_lost_while_the_database_is_down(database: Endpoints, feed: Feed, unique: Unique) -> None:
    symbol, group = unique("SYM"), unique("sink")
    down = Down(database.clickhouse_settings(), 5)

    def fail(sink: Sink) -> None:
        sink._store = down
        sink._inserter.close()
        sink._inserter = Inserter(down)

    feed.bar(symbol=symbol)
    feed.flush()
    with sinking(database, group, fail) as sink:
        eventually(lambda: "silent" in sink.problem)
        feed.bar(symbol=symbol, ts_open=T0 + MINUTE)
        feed.flush()
        eventually(lambda: caught_up(database, group))
        assert sink.problem == ""
    down.close()
    assert stored_bars(database) == expected_bars(database)


def test_staged_rows_that_got_lost_are_read_again(database: Endpoints, feed: Feed, unique: Unique) -> None:
    mode, group = unique("mode"), unique("sink")
    for n in range(50):
        feed.equity(1, mode=mode, live=False, ts_event=T0 + n, equity=float(n))
    feed.flush()
    stored(database, group)
    with store_of(database) as store:
        store.command("TRUNCATE TABLE equity_staging")
    feed.run_end(1, mode=mode)
    feed.flush()
    stored(database, group)
    assert stored_equity(database) == expected_equity(database)
    assert len([key for key in stored_equity(database) if key[0] == mode]) == 50


def test_a_repeated_migration_changes_nothing(database: Endpoints) -> None:
    own_database(database, database.clickhouse.rpartition("/")[2])
    assert count(database, "schema_migrations") == len(migrations())
