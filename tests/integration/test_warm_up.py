"""Stored bars reach the topic of the analytics agent before the configuration does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from barline.cli import main
from barline.cli._warm_up import warm_up
from connectors.sources.history import StoredBars, histories
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from runtime.reader import Reader
from schemas.codec import decode_record, encode_record, names_of
from schemas.config import IndicatorConfig
from schemas.errors import DependencyError
from schemas.history import HISTORY, MOST, bars_needed, read
from schemas.partition import partition_of
from schemas.registry import registered
from tests.eventually import eventually
from tests.factories import domain, rows_of, symbol
from tests.sinks import BAR, MINUTE, T0, own_database, store_of

pytestmark = pytest.mark.stack

EMA = IndicatorConfig("ema_3", "ema", 3, ["1m", "5m"])
MINUTES = """
INSERT INTO bars (symbol, interval, ts_open, ts_close, close)
SELECT {symbol:String}, '1m', fromUnixTimestamp64Nano({first:Int64} + number * 60000000000) AS ts_open,
       ts_open + INTERVAL 1 MINUTE, number FROM numbers({count:UInt32})
"""


def test_the_newest_stored_bars_are_sent_to_the_partition_of_their_symbol(
    stack: Endpoints, unique: Callable[[str], str]
):
    names = [unique("a").upper(), unique("b").upper()]
    endpoints = own_database(stack, unique("warm").replace("-", "_"))
    with store_of(endpoints) as store:
        for name in names:
            store.command(MINUTES, {"symbol": name, "first": T0, "count": 40})
    kafka = KafkaSettings(stack.kafka)
    partitions, ids = partition_counts(kafka, "test"), registered(stack.registry)
    body = domain(*(symbol(name) for name in [*names, "NONE"]), indicators=[EMA])
    producer, reader = Producer(kafka, "test"), Reader(kafka, "test")
    try:
        before = reader.ends(["bars.1m"])
        told = warm_up(body, endpoints, producer, ids, partitions)
        reader.assign(before)
        found = []

        def all_came() -> bool:
            for place, records in reader.read(1.0).items():
                found.extend(
                    (place.number, decode_record(one.value or b"", names_of(ids))) for one in records
                )
            return len(found) >= len(names)

        eventually(all_came)  # of each partition in its own time
    finally:
        producer.close()
        reader.close()
    assert told == "stored bars of 2 symbols and intervals sent"
    assert {fields["symbol"]: number for number, (_, fields) in found} == {
        name: partition_of(name.encode(), partitions["bars.1m"]) for name in names
    }
    for _, (record, fields) in found:
        assert (record, fields["interval"]) == ("History", "1m")
        rows = np.frombuffer(fields["bars"], HISTORY)  # type: ignore[call-overload]
        assert rows["close"].tolist() == [float(number) for number in range(40 - bars_needed(EMA), 40)]
        assert rows["ts_open"].tolist() == [
            T0 + number * MINUTE for number in range(40 - bars_needed(EMA), 40)
        ]


def test_without_a_database_the_newest_bars_of_the_topics_are_sent(
    stack: Endpoints, unique: Callable[[str], str]
):
    """Of each bar the last revision counts, in whatever order they were written."""
    name, kafka = unique("t").upper(), KafkaSettings(stack.kafka)
    partitions, ids = partition_counts(kafka, "test"), registered(stack.registry)
    producer, reader = Producer(kafka, "test"), Reader(kafka, "test")
    rows = [(number, 0, 0.0) for number in range(40)] + [(30, 1, 30.0), (39, 2, 39.0), (39, 1, -1.0)]
    try:
        for number, revision, close in rows:
            ts = T0 + number * MINUTE
            made = {**BAR, "symbol": name, "ts_open": ts, "ts_close": ts + MINUTE, "revision": revision}
            value = encode_record(
                "Bar", ids["Bar"], {**made, "close": close or float(number), "fill": "real"}
            )
            place = partition_of(name.encode(), partitions["bars.1m"])
            producer.send("bars.1m", name.encode(), value, partition=place, timestamp_ms=ts // 1_000_000)
        producer.wait()
        before = reader.ends(["bars.1m"])
        body = domain(symbol(name), indicators=[IndicatorConfig("ema_3", "ema", 3, ["1m"])])
        warm_up(body, replace(stack, clickhouse=""), producer, ids, partitions)
        reader.assign(before)
        found = [
            decode_record(record.value or b"", names_of(ids))
            for records in reader.read(10.0).values()
            for record in records
        ]
    finally:
        producer.close()
        reader.close()
    (history,) = [fields for record, fields in found if (record, fields.get("symbol")) == ("History", name)]
    bars = np.frombuffer(history["bars"], HISTORY)  # type: ignore[call-overload]
    assert bars["close"].tolist() == [float(number) for number in range(40 - bars_needed(EMA), 40)]
    assert bars["ts_open"].tolist() == [T0 + number * MINUTE for number in range(40 - bars_needed(EMA), 40)]


@pytest.mark.parametrize(("count", "sent"), [(2_900, 2_900), (3_200, 2_965)])
def test_as_many_stored_bars_as_a_long_indicator_needs_are_read(
    stack: Endpoints, unique: Callable[[str], str], count: int, sent: int
):
    endpoints, name = own_database(stack, unique("long").replace("-", "_")), unique("l").upper()
    with store_of(endpoints) as store:
        store.command(MINUTES, {"symbol": name, "first": T0, "count": count})
    long = [IndicatorConfig("rsi_200", "rsi", 200, ["1m"])]
    stored = StoredBars(endpoints.clickhouse_settings())
    (block,) = histories(domain(symbol(name), indicators=long, intervals=["5m"]), stored)
    stored.close()
    (row,) = rows_of(block)
    bars = read(row["bars"])
    assert bars is not None
    assert bars["close"].tolist() == [float(number) for number in range(count - sent, count)]


def test_the_longest_history_goes_through_the_topic_and_what_it_lacks_is_told(
    stack: Endpoints, unique: Callable[[str], str]
):
    endpoints, name = own_database(stack, unique("most").replace("-", "_")), unique("m").upper()
    with store_of(endpoints) as store:
        store.command(MINUTES, {"symbol": name, "first": T0, "count": MOST + 7})
    kafka, ids = KafkaSettings(stack.kafka), registered(stack.registry)
    body = domain(symbol(name), indicators=[IndicatorConfig("adx", "adx", 8_000, ["1m"])])
    producer, reader = Producer(kafka, "test"), Reader(kafka, "test")
    try:
        reader.assign(reader.ends(["bars.1m"]))
        told = warm_up(body, endpoints, producer, ids, partition_counts(kafka, "test"))
        ((record,),) = eventually(lambda: reader.read(1.0).values())
    finally:
        producer.close()
        reader.close()
    bars = read(decode_record(record.value or b"", names_of(ids))[1]["bars"])
    assert bars is not None
    assert (len(bars), bars["close"][0], bars["close"][-1]) == (MOST, 7.0, MOST + 6.0)
    assert told.splitlines()[1].startswith("warning: adx must need at most 150,000 bars to be warmed up, was")


SETTINGS = """
[[indicators]]
name = "atr_200"
kind = "atr"
length = 200
"""


@pytest.mark.parametrize(("count", "code"), [(2_900, 1), (3_200, 0)])
def test_warmup_check_ends_with_1_where_stored_bars_are_fewer_than_a_long_indicator_needs(
    stack: Endpoints, unique: Callable[[str], str], tmp_path: Path, count: int, code: int
):
    endpoints, name = own_database(stack, unique("check").replace("-", "_")), unique("l").upper()
    with store_of(endpoints) as store:
        store.command(MINUTES, {"symbol": name, "first": T0, "count": count})
    (tmp_path / "barline.toml").write_text(SETTINGS)
    words = ["warmup-check", "--config", str(tmp_path / "barline.toml"), "--symbol", name]
    done = CliRunner().invoke(main, words, env=endpoints.environment(), catch_exceptions=False)
    first, _, line, *_ = done.output.splitlines()
    assert first == f"{count:,} stored bars of {name} 1m"
    assert line.split()[:3] == ["atr_200", "201", "2965"]
    assert done.exit_code == code


def test_a_database_without_tables_is_a_clear_error(stack: Endpoints, unique: Callable[[str], str]):
    endpoints = own_database(stack, unique("none").replace("-", "_"))
    with store_of(endpoints) as store:
        store.command("DROP TABLE bars")
    kafka = KafkaSettings(stack.kafka)
    producer = Producer(kafka, "test")
    with pytest.raises(DependencyError, match="stored bars must be readable") as caught:
        warm_up(
            domain(indicators=[EMA]),
            endpoints,
            producer,
            registered(stack.registry),
            partition_counts(kafka, "test"),
        )
    producer.close()
    assert "--no-warm-up" in caught.value.__notes__[0]
