"""Plays a day into the input topics, evenly over a given time, and remembers when each minute was sent."""

import time
from collections.abc import Callable, Iterable, Mapping

from barline.demo.follow import Follower
from barline.settings.apply import apply
from barline.verify.sent import Sent
from connectors.sources.jsnl import LinesSource
from connectors.sources.publish import Publisher
from runtime.headers import Headers
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from schemas.batches.encode import Encoded
from schemas.columns import Columns, Ints
from schemas.config import Domain


class Noting:
    """A producer that notes what it sends."""

    def __init__(self, producer: Producer, sent: Sent) -> None:
        self._producer = producer
        self._sent = sent

    def send_all(
        self, topic: str, records: Encoded, *, partition: Ints, headers: Headers | None = None
    ) -> None:
        """Note records and hand them over."""
        for place, (key, value, _) in zip(partition.tolist(), records.records(), strict=True):
            self._sent.note(topic, place, key, value)
        self._producer.send_all(topic, records, partition=partition, headers=headers)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int,
        timestamp_ms: int = 0,
        headers: Headers | None = None,
    ) -> None:
        """Note one record and hand it over."""
        self._sent.note(topic, partition, key, value or b"")
        self._producer.send(
            topic, key, value, partition=partition, timestamp_ms=timestamp_ms, headers=headers
        )


class Play:
    """The sources of the demo.

    Args:
        kafka: how to reach the brokers.
        ids: schema id by record name.

    Attributes:
        sent: everything that was sent.
        minutes: wall-clock time in ns at which each minute of the market was sent, by its last event time.
        done: share of the market blocks that were sent, 0 to 1.
    """

    def __init__(self, kafka: KafkaSettings, ids: Mapping[str, int]) -> None:
        self.sent = Sent()
        self.minutes: list[tuple[int, int]] = []
        self.done = 0.0
        self._producer = Producer(kafka, "demo")
        self._noting = Noting(self._producer, self.sent)
        self._counts = partition_counts(kafka, "demo")
        partitions = self._counts["ticks.raw"]
        self._publish = {
            name: Publisher(self._noting, ids, partitions, name).publish for name in ("market", "lines")
        }
        self._ids = ids
        self._follower = Follower(kafka, ids)

    def configure(self, domain: Domain) -> None:
        """Put the configuration in force."""
        apply(domain, self._noting, self._ids, self._counts, 1_000_000)
        self._producer.wait()

    def market(self, blocks: Iterable[Columns], seconds: float, tick: Callable[[], None]) -> None:
        """Send the market, evenly over some seconds or as fast as ``ticks`` follows.

        Args:
            blocks: what the sources yield.
            seconds: how long it takes at least.
            tick: called after each block.
        """
        found = list(blocks)
        start = time.monotonic()
        through = -1
        for number, block in enumerate(found, 1):
            if block.topic.name == "bars.raw":
                self._follower.wait(through)
            self._publish["market"](block)
            if beats := block.table("Heartbeat")["ts"].tolist():
                self.minutes.append((max(beats), time.time_ns()))
                through = max(beats) if block.topic.name == "ticks.raw" else through
            self.done = number / len(found)
            tick()
            ahead = start + seconds * self.done - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        self._producer.wait()

    def lines(self, source: LinesSource) -> None:
        """Send strategy files to their end."""
        for block in source.blocks():
            self._publish["lines"](block)
        self._producer.wait()

    def close(self) -> None:
        """Send what waits, and end."""
        self._follower.close()
        self._producer.close()
