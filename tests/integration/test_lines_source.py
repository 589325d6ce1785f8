"""Strategy files to Kafka and questions to the store, as processes on real servers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.sources.modes import StoredMode
from connectors.sources.trading_instances import TradingInstances
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from schemas.codec import encode_record
from schemas.errors import SourceError
from schemas.registry import registered
from tests.eventually import eventually
from tests.factories import Record
from tests.line_servers import Watch, barline, running

pytestmark = pytest.mark.stack

Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def servers(stack: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Endpoints:
    """The stack with topics, schemas and tables."""
    barline(stack, tmp_path_factory.mktemp("init"), "init", "--no-configuration")
    return stack


@pytest.fixture(scope="module")
def watch(servers: Endpoints) -> Iterator[Watch]:
    """What has come on lines.raw so far."""
    watch = Watch(servers)
    yield watch
    watch.close()


def values(rows: list[Record]) -> list[int]:
    lines = {
        row["line"]: json.loads(row["data"])["value"]["equity"] for row in rows if row["record"] == "Line"
    }
    return [lines[number] for number in sorted(lines)]


def line(mode: str, number: int) -> str:
    return json.dumps({"timestamp": number, "mode": mode, "value": {"t": "e", "equity": number}})


def test_files_arrive_once_and_in_order(
    servers: Endpoints, tmp_path: Path, unique: Unique, watch: Watch
) -> None:
    mode = unique("m")
    path = tmp_path / "x.jsnl"
    begun = json.dumps({"type": "strand_started", "strand_id": "s", "mode": mode, "config": {"live": True}})
    path.write_text("\n".join([*(line(mode, number) for number in range(1_000)), begun]) + "\n")
    assert barline(servers, tmp_path, "lines", "follow", "--once", str(tmp_path)) == "1002 records sent\n"
    assert barline(servers, tmp_path, "lines", "follow", "--once", str(tmp_path)) == "0 records sent\n"
    rows = eventually(lambda: found if len(found := watch.of(mode)) >= 1_002 else None)
    assert [row["record"] for row in rows] == ["ModeConfig", *["Line"] * 1_000, "RunEnd"]
    assert values(rows) == list(range(1_000))
    assert rows[-1]["strand_id"] == "s"


def test_a_kill_loses_no_line(servers: Endpoints, tmp_path: Path, unique: Unique, watch: Watch) -> None:
    mode = unique("m")
    path = tmp_path / "x.jsnl"
    path.touch()
    for last in (3_000, 6_000, 9_000):
        with running(servers, tmp_path, "lines", "follow", str(path)) as process, path.open("a") as file:
            seen = len(watch.of(mode))
            file.writelines(line(mode, number) + "\n" for number in range(last - 3_000, last))
            file.flush()
            eventually(lambda seen=seen: len(watch.of(mode)) > seen, timeout_s=90)
            if last < 9_000:
                process.kill()
            else:
                eventually(lambda: values(watch.of(mode)) == list(range(9_000)), timeout_s=90)


def ask(endpoints: Endpoints, *modes: str) -> None:
    ids = registered(endpoints.registry)
    producer = Producer(KafkaSettings(endpoints.kafka), "test")
    for mode in modes:
        value = encode_record("ModeWanted", ids["ModeWanted"], {"mode": mode, "ts_event": 7})
        producer.send("modes.wanted", mode.encode(), value, partition=0, timestamp_ms=1)
    producer.wait()
    producer.close()


def test_the_resolver_answers_from_the_store(
    servers: Endpoints, tmp_path: Path, unique: Unique, watch: Watch
) -> None:
    known, hostile, unknown = unique("known"), unique("x'; DROP TABLE é/\\"), unique("unknown")
    table = TradingInstances(servers.clickhouse_settings())
    table.write([
        StoredMode(known, "s1", live=True, ts_event=1_720_000_000_123_456_789, data='{"a":1}', version=1),
        StoredMode(known, "s2", live=False, data='{"a":2}', version=2),
        StoredMode(hostile, "s3", live=True),
    ])  # fmt: skip
    with running(servers, tmp_path, "resolver"):
        ask(servers, known, unknown, hostile, unknown)
        rows = eventually(
            lambda: found if len(found := watch.of(known, hostile, unknown)) >= 3 else None, timeout_s=90
        )
    told = {
        row["mode"]: (row["record"], row.get("strand_id"), row.get("live"), row.get("data")) for row in rows
    }
    assert told == {
        known: ("ModeConfig", "s2", False, '{"a":2}'),
        hostile: ("ModeConfig", "s3", True, "{}"),
        unknown: ("ModeUnknown", None, None, None),
    }
    table.close()


def test_the_resolver_answers_when_the_store_is_away(
    servers: Endpoints, tmp_path: Path, unique: Unique, watch: Watch
) -> None:
    mode, group = unique("m"), unique("resolver")
    away = Endpoints(servers.kafka, servers.registry, "http://127.0.0.1:9/none")
    with running(away, tmp_path, "resolver", "--limit", "1", "--group", group):
        ask(servers, mode)
        rows = eventually(lambda: watch.of(mode), timeout_s=90)
    assert [(row["record"], row["ts_event"]) for row in rows] == [("ModeUnknown", 7)]
    assert rows[0]["detail"].startswith("store must answer within 1 s")


def test_a_stored_configuration_is_read_as_it_was_written(servers: Endpoints, unique: Unique) -> None:
    table = TradingInstances(servers.clickhouse_settings())
    row = StoredMode(
        unique("m"), "s", live=True, component="c", ts_event=1_720_000_000_123_456_789, version=3
    )
    table.write([row])
    assert table.read([row.mode], 10) == [row]
    assert row in table.read([], 100_000)
    table.close()


def test_a_store_without_the_table_is_said_so(servers: Endpoints) -> None:
    table = TradingInstances({**servers.clickhouse_settings(), "database": "system"})
    with pytest.raises(SourceError, match="trading_instances must be readable"):
        table.read(["m"], 1)
    table.close()
