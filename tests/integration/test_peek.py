"""``barline peek``: closed bars and the newest forming record of the topics become values."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from barline.cli.peek import command
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from schemas.codec import encode_record
from schemas.partition import partition_of
from schemas.registry import registered
from tests.sinks import BAR, MINUTE, T0, own_database

pytestmark = pytest.mark.stack

SETTINGS = """
intervals = ["5m"]
[sources]
feed = {{ topic = "ticks.raw" }}
[symbols]
{name} = {{ asset = "crypto", calendar = "24x7", sources = ["feed"] }}
[[indicators]]
name = "sma_2"
kind = "sma"
length = 2
[[indicators]]
name = "range"
kind = "true_range"
"""
FIVE = 5 * MINUTE
BEGIN = T0 - T0 % FIVE


def test_the_forming_bar_of_an_interval_is_made_of_minutes(
    stack: Endpoints, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    own_database(stack, unique("peek").replace("-", "_"))  # makes the topics and schemas, too
    name, kafka = unique("p").upper(), KafkaSettings(stack.kafka)
    partitions, ids = partition_counts(kafka, "test"), registered(stack.registry)
    producer = Producer(kafka, "test")
    sent = [
        ("bars.5m", "5m", BEGIN - FIVE, (10.0, 10.0, 10.0, 10.0)),
        ("bars.1m", "1m", BEGIN, (11.0, 14.0, 11.0, 12.0)),
        ("bars.forming", "1m", BEGIN + MINUTE, (12.0, 12.0, 12.0, 12.0)),
        ("bars.forming", "1m", BEGIN + MINUTE, (12.0, 13.0, 9.0, 13.0)),
    ]
    for topic, interval, ts, prices in sent:
        made = {**BAR, "symbol": name, "interval": interval, "ts_open": ts, "ts_close": ts + MINUTE}
        made |= dict(zip(("open", "high", "low", "close"), prices, strict=True))
        place = partition_of(name.encode(), partitions[topic])
        value = encode_record("Bar", ids["Bar"], {**made, "fill": "real"})
        producer.send(topic, name.encode(), value, partition=place, timestamp_ms=ts // 1_000_000)
    producer.wait()
    producer.close()
    (tmp_path / "barline.toml").write_text(SETTINGS.format(name=name))
    monkeypatch.setenv("BARLINE_CONFIG", str(tmp_path / "barline.toml"))
    monkeypatch.setenv("BARLINE_HOME", str(tmp_path))
    monkeypatch.setenv("BARLINE_KAFKA", stack.kafka)
    monkeypatch.setenv("BARLINE_REGISTRY", stack.registry)
    monkeypatch.delenv("BARLINE_CLICKHOUSE", raising=False)
    found = CliRunner().invoke(command, [name, "--interval", "5m"], catch_exceptions=False)
    assert (found.exit_code, found.output.split()) == (0, ["sma_2", "11.5", "range", "5"])
    nothing = CliRunner().invoke(command, ["NOBODY"], catch_exceptions=False)
    assert (nothing.exit_code, nothing.output) == (1, "no bar of NOBODY is forming\n")
