"""A configuration of very many symbols under the deployed worker: it comes through, and bars are right."""

from pathlib import Path

import pytest

from barline.settings.apply import apply
from barline.stack.running import running as servers
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from schemas.partition import partition_of
from schemas.registry import registered
from tests.eventually import eventually
from tests.factories import DAY, Record, at, domain, heartbeat, symbol, tick
from tests.line_servers import running
from tests.sinks import PARTITIONS, Feed, feeding, own_database, recorded
from tests.whole import whole

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

NAMES = [f"S{number:05d}" for number in range(20_000)]
ENDS = [*NAMES[:4], *NAMES[-4:]]


def send(feed: Feed, partition: int, *records: Record) -> None:
    for record in records:
        fields = {name: value for name, value in record.items() if name != "record"}
        feed.send("ticks.raw", str(record["record"]), partition, **fields)


def test_symbols_at_both_ends_of_twenty_thousand_make_right_bars(tmp_path: Path):
    with servers(tmp_path / "stack") as stack:
        endpoints = own_database(stack.endpoints, "many")
        kafka = KafkaSettings(endpoints.kafka)
        producer = Producer(kafka, "test")
        many = domain(*map(symbol, NAMES))
        apply(many, producer, registered(endpoints.registry), partition_counts(kafka, "test"), at(DAY))
        producer.wait()
        producer.close()
        worker = ["worker", "--agents", "ticks", "--instance", "one"]
        with feeding(endpoints) as feed, running(endpoints, tmp_path, *worker):
            for partition in range(PARTITIONS):
                send(feed, partition, heartbeat(f"{DAY}T13:30"))
            for number, name in enumerate(ENDS):
                prints = [
                    tick(f"{DAY}T13:30:0{step}", 10.0 + number + step, symbol=name) for step in (3, 1, 2)
                ]
                send(feed, partition_of(name.encode(), PARTITIONS), *prints)
            for partition in range(PARTITIONS):
                send(feed, partition, heartbeat(f"{DAY}T13:31"))
            feed.flush()

            def bars() -> dict[str, tuple[float, ...]]:
                rows = [row for *_, name, row in recorded(endpoints, ("bars.raw",)) if name == "Bar"]
                fields = ("open", "high", "low", "close", "trades")
                return {row["symbol"]: tuple(row[one] for one in fields) for row in rows}

            lows = {name: 11.0 + number for number, name in enumerate(ENDS)}
            expected = {name: (low, low + 2, low, low + 2, 3) for name, low in lows.items()}
            eventually(lambda: bars() == expected, timeout_s=180, poll_s=1, because="bars of eight symbols")
        sent = [record for _, records in whole(kafka, ["bars.raw", "bars.1s"]) for record in records]
        forming = [record for _, records in whole(kafka, ["bars.forming"]) for record in records]
        assert all(record.published > 0 for record in sent if record.key)
        assert len(forming) >= len(ENDS)
        assert {record.published for record in forming} == {0}
