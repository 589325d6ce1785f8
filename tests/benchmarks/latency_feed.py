"""The source of the latency benchmark: ticks of 200 symbols as they happen, and an echo each second."""

import datetime as dt
import time
from collections.abc import Mapping
from typing import Final

import numpy as np

from barline.settings.apply import apply
from connectors.sources.publish import route
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from schemas.batches.encode import Encoder
from schemas.columns import Draft, Names
from schemas.config import Domain
from schemas.records import record_type
from schemas.topics import TOPICS
from tests.benchmarks.bench_scanner import INDICATORS, INTERVALS
from tests.factories import around_the_clock, domain, symbol

PARTITIONS, SYMBOLS = 4, 200
ECHO: Final = "bench-echo"
TICKS: Final = "ticks.raw"
_SLICE_S: Final = 0.002


def _body(version: int) -> Domain:
    """Symbols that trade around the clock, today as well."""
    today = dt.datetime.now(dt.UTC).date()
    days = [(today + dt.timedelta(days)).isoformat() for days in range(-1, 3)]
    named = [symbol(f"S{number:03d}", asset="crypto", calendar="24x7") for number in range(SYMBOLS)]
    return domain(
        *named, version=version, assets=Domain(1).assets, intervals=INTERVALS[1:], indicators=INDICATORS,
        calendars={"24x7": around_the_clock(days=days)},
    )  # fmt: skip


class Feed:
    """Sends ticks as they happen.

    Args:
        kafka: the brokers.
        ids: schema id by record name.
    """

    def __init__(self, kafka: KafkaSettings, ids: Mapping[str, int]) -> None:
        self._producer = Producer(kafka, "bench")
        self._encoder = Encoder(TOPICS[TICKS], ids)
        self._names = Names(b"S%03d" % number for number in range(SYMBOLS))
        self._kind = record_type("Tick")
        self._number = 0
        self._ids, self._kafka = ids, kafka

    def configure(self, version: int) -> None:
        """Write a configuration."""
        counts = partition_counts(self._kafka, "bench")
        apply(_body(version), self._producer, self._ids, counts, time.time_ns())
        self._producer.wait()

    def run(self, rate: int, seconds: float, topic: str = TICKS) -> int:
        """Send so many ticks a second for so long; how many they were.

        Args:
            rate: ticks a second.
            seconds: how long.
            topic: where to.
        """
        start = time.monotonic()
        sent, beat = 0, start
        while (now := time.monotonic()) < start + seconds:
            due = int((now - start) * rate)
            self._send(topic, due - sent, with_heartbeat=now >= beat)
            beat += 1.0 if now >= beat else 0.0
            sent = due
            time.sleep(max(0.0, now + _SLICE_S - time.monotonic()))
        self._producer.wait()
        return sent

    def close(self) -> None:
        """End."""
        self._producer.close()

    def _send(self, topic: str, count: int, *, with_heartbeat: bool) -> None:
        draft, ts = Draft(TICKS, 0), time.time_ns()
        if with_heartbeat:
            instants = {"ts": ts, "ts_last": ts - 1, "ts_through": ts - 1}
            draft.row("Heartbeat", ts, source="feed", writer="feed", alive=True, final=False, **instants)
            self._producer.send(ECHO, None, str(ts).encode(), partition=0, timestamp_ms=1)
        if count > 0:
            self._add(draft, count, ts)
        made = draft.finish()
        records, places = route(made, self._encoder.encode(made), PARTITIONS)
        self._producer.send_all(topic, records, partition=places)

    def _add(self, draft: Draft, count: int, ts: int) -> None:
        rows, of = self._kind.empty(count), np.arange(self._number, self._number + count)
        rows["symbol"] = draft.block(self._names)[of % SYMBOLS]
        rows["source"] = draft.texts([b"feed"])[np.zeros(count, np.int64)]
        rows["ts_event"] = rows["ts_recv"] = ts
        rows["price"], rows["size"], rows["seq"] = 100.0 + (of % 7) / 100, 1.0, of
        rows["nulls"] = self._kind.null_bit("trade_id") | self._kind.null_bit("conditions")
        draft.extend("Tick", rows, np.full(count, ts))
        self._number += count
