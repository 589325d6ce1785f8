"""Ticks for the benchmarks of whole workers: a topic that is filled first and then shown all at once.

The first ticks are written in a transaction that stays open until all are: a worker that reads committed
records, as ours does, sees nothing behind its first record, is up, warm and idle meanwhile, and then finds
all of them at once. They are 64 bytes of Avro each, not compressed, keyed by symbol; all symbols come in turn
or in no order, evenly in event time, with a heartbeat each second.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from unittest.mock import patch

import confluent_kafka
import numpy as np

from connectors.sources.publish import route
from runtime.kafka import CLIENT_LOG, KafkaSettings
from runtime.producer import Producer
from schemas.batches import builder
from schemas.batches.encode import Encoded, Encoder
from schemas.columns import Columns, Draft, Ints, Names
from schemas.config import Domain
from schemas.records import record_type
from schemas.topics import TOPICS
from tests.factories import at, domain, symbol

TOPIC: Final = "ticks.raw"
START: Final = at("2024-07-01T00:00")
SECOND, MINUTE = 1_000_000_000, 60_000_000_000
_BLOCK: Final = 20_000
_TRANSACTION: Final = {
    "transactional.id": "bench-ticks",
    "transaction.timeout.ms": 600_000,
    "compression.type": "none",
}


@dataclass(frozen=True, slots=True)
class Load:
    """What a case reads.

    Attributes:
        per_minute: ticks of a symbol in a minute of event time.
        symbols: how many.
        in_turn: whether they come one after the other, or in no order.
    """

    per_minute: int
    symbols: int = 200
    in_turn: bool = True

    def times(self, first: int, count: int) -> np.ndarray:
        """Event times of ticks by their number."""
        step = MINUTE / (self.per_minute * self.symbols)
        return START + (np.arange(first, first + count) * step).astype(np.int64)

    def body(self, version: int = 1) -> Domain:
        """The configuration: symbols that trade around the clock, with every check on."""
        named = [symbol(name, asset="crypto", calendar="24x7") for name in self.names()]
        return domain(*named, version=version, assets=Domain(1).assets)

    def names(self) -> list[str]:
        """The symbols."""
        return [f"S{number:05d}" for number in range(self.symbols)]


def blocks(load: Load, first: int, count: int) -> Iterator[Columns]:
    """The ticks from one number on, with the heartbeats among them."""
    kind, names = record_type("Tick"), Names(name.encode() for name in load.names())
    chance = np.random.default_rng(first)
    for low in range(first, first + count, _BLOCK):
        size = min(_BLOCK, first + count - low)
        draft, rows, number = Draft(TOPIC, 0), kind.empty(size), np.arange(low, low + size)
        times = load.times(low, size)
        symbols = number % load.symbols if load.in_turn else chance.integers(0, load.symbols, size)
        rows["symbol"] = draft.block(names)[symbols]
        rows["source"] = draft.texts([b"feed"])[np.zeros(size, np.int64)]
        rows["ts_event"], rows["ts_recv"], rows["seq"] = times, times, number
        rows["price"], rows["size"] = 100 + np.round(chance.normal(0, 0.1, size), 2), 1.0
        rows["nulls"] = kind.null_bit("trade_id") | kind.null_bit("conditions")
        draft.extend("Tick", rows, times)
        after = int(load.times(low + size, 1)[0])
        for ts in range(-(-int(times[0]) // SECOND) * SECOND, after, SECOND):
            draft.row(
                "Heartbeat", ts, source="feed", writer="feed", ts=ts, alive=True, ts_last=ts, ts_through=ts
            )
        yield draft.finish()


class Filler:
    """Writes ticks that nobody sees before they are shown.

    Args:
        kafka: how to reach the brokers.
        ids: schema id by record name.
        partitions: of the topic.
        topic: where to write; ``ticks.raw`` unless told otherwise.
    """

    def __init__(
        self, kafka: KafkaSettings, ids: Mapping[str, int], partitions: int, topic: str = TOPIC
    ) -> None:
        options = {**kafka.client("bench"), **_TRANSACTION}
        self._first = confluent_kafka.Producer(options, logger=CLIENT_LOG)
        self._others = Producer(kafka, "bench")
        self._encoder = Encoder(TOPICS[TOPIC], ids)
        self._partitions, self._topic = partitions, topic
        self._first.init_transactions()

    def fill(self, load: Load, first: int, count: int) -> int:
        """Write so many ticks, not to be seen yet; how many records that were."""
        sent = 0
        self._first.begin_transaction()
        with patch.object(builder, "compress", lambda body: (body, 0)):
            for block in blocks(load, first, count):
                records, places = route(block, self._encoder.encode(block), self._partitions)
                if sent:
                    self._others.send_all(self._topic, records, partition=places)
                else:
                    self._hide(records, places)
                sent += len(records)
            self._others.wait()
        return sent

    def show(self) -> None:
        """Let them be seen, all at once."""
        self._first.commit_transaction()

    def close(self) -> None:
        """Have done."""
        self._others.close()

    def _hide(self, records: Encoded, places: Ints) -> None:
        """Write records, some of each partition, and let nothing behind them be seen."""
        for place, (key, value, timestamp) in zip(places.tolist(), records.records(), strict=True):
            self._first.produce(self._topic, value, key, place, timestamp=timestamp)
        self._first.flush()
