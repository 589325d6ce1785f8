"""Rows a second of the sink into ClickHouse, beside raw columnar inserts of the same rows over the same HTTP.

Run with ``python -m tests.benchmarks.bench_sink``. Bars of a minute wait on a topic; the sink, in the process
of the benchmark and with its usual limits, stores each in two tables and commits. The raw inserts send the
very blocks that the sink sent, made before, one after another with nothing else to do. All of it is clock
time; Kafka and the ClickHouse engine run on the same machine. The first round, in which both do most things
for the first time, is not counted; both sides of a round begin with empty tables.
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np

from barline.cli.topics import carry_out, compare, wanted
from barline.stack.running import running
from connectors.sinks.clickhouse.assemble import assemble
from connectors.sinks.clickhouse.migrate import migrate
from connectors.sinks.clickhouse.native import Chunk
from connectors.sinks.clickhouse.sink import Limits, Sink
from connectors.sinks.clickhouse.store import Store
from connectors.sources.publish import Publisher
from runtime import quiet
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from runtime.reader import Reader
from schemas.columns import Draft
from schemas.records import record_type
from schemas.registry import register_all
from tests.factories import at

PARTITIONS: Final = 4
SYMBOLS: Final = 500
BARS: Final = 500_000
SPARE: Final = 50_000
"""Bars behind those that count: without them the last batch would wait until it is old enough."""
WARM: Final = 200_000
ROUNDS: Final = 3
START: Final = at("2024-07-01T00:00")
MINUTE: Final = 60_000_000_000
TOPIC: Final = "bars.1m"
TABLES: Final = ("bars", "bars_revisions")


class Insert(NamedTuple):
    """One insert: into which table, what, how many rows, and when it ended."""

    table: str
    blocks: list[bytes]
    rows: int
    end: float


class Noted(Store):
    """A store that notes what it inserts."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.inserts: list[Insert] = []

    def another(self) -> Self:
        """One that notes in the same place."""
        other = super().another()
        other.inserts = self.inserts
        return other

    def insert(self, table: str, chunks: Iterable[Chunk]) -> None:
        """Insert and note."""
        found = list(chunks)
        blocks = [chunk.block() for chunk in found]
        super().insert(table, [Made(block) for block in blocks])
        rows = sum(chunk.count for chunk in found)
        self.inserts.append(Insert(table, blocks, rows, time.perf_counter()))


class Made(NamedTuple):
    """A chunk whose block is made already."""

    made: bytes

    def block(self) -> bytes:
        """The block."""
        return self.made


class Noting(Sink):
    """The sink over stores that note."""

    def __init__(self, reader: Reader, store: Store, *rest: Any) -> None:
        self.noted = Noted(store._settings)
        super().__init__(reader, self.noted, *rest)


def send(kafka: KafkaSettings, ids: dict[str, int], count: int) -> None:
    """Write so many bars."""
    producer = Producer(kafka, "bench")
    publisher = Publisher(producer, ids, PARTITIONS, "bench")
    for low in range(0, count, 10_000):
        numbers = np.arange(low, min(low + 10_000, count))
        draft, rows = Draft(TOPIC, 0), record_type("Bar").empty(len(numbers))
        names = draft.texts(f"S{number:03d}".encode() for number in range(SYMBOLS))
        rows["symbol"] = names[numbers % SYMBOLS]
        for name, text in (("interval", b"1m"), ("source", b"feed")):
            rows[name] = draft.texts([text])[np.zeros(len(numbers), np.int64)]
        rows["ts_open"] = START + numbers // SYMBOLS * MINUTE
        rows["ts_close"] = rows["ts_open"] + MINUTE
        rows["ts_first"], rows["ts_last"] = rows["ts_open"], rows["ts_open"] + 1
        for name in ("open", "high", "low", "close"):
            rows[name] = 100 + numbers % 977 / 100
        rows["volume"], rows["notional"], rows["trades"] = numbers % 89, numbers % 83, numbers % 79
        rows["expected"], rows["actual"], rows["complete"], rows["coverage"] = 1, 1, True, 1.0
        draft.extend("Bar", rows)
        publisher.publish(draft.finish())
    producer.wait(60)
    producer.close()


def stored(endpoints: Endpoints, group: str) -> list[Insert]:
    """What the sink inserts until all bars that count are stored."""
    sink, close = assemble(KafkaSettings(endpoints.kafka), endpoints, group, Limits(), kind=Noting)
    quiet.settle(100)
    sink.run(lambda: sum(one.rows for one in sink.noted.inserts) >= BARS * len(TABLES))
    sink.noted.close()
    close()
    rows = np.cumsum([one.rows for one in sink.noted.inserts])
    return sink.noted.inserts[: int(np.searchsorted(rows, BARS * len(TABLES))) + 1]


def rate(inserts: Sequence[Insert]) -> float:
    """Rows a second, without those that warmed it."""
    rows = np.cumsum([one.rows for one in inserts])
    warm = int(np.searchsorted(rows, WARM))
    return float(rows[-1] - rows[warm]) / (inserts[-1].end - inserts[warm].end)


def raw(endpoints: Endpoints, inserts: Sequence[Insert]) -> list[Insert]:
    """The same blocks, with nothing else to do."""
    store, again = Store(endpoints.clickhouse_settings()), []
    bodies = [Made(b"".join(one.blocks)) for one in inserts]
    for one, body in zip(inserts, bodies, strict=True):
        store.insert(one.table, [body])
        again.append(one._replace(end=time.perf_counter()))
    store.close()
    return again


def emptied(endpoints: Endpoints) -> None:
    """Tables without rows."""
    store = Store(endpoints.clickhouse_settings())
    for table in TABLES:
        store.command(f"TRUNCATE TABLE {table}")
    store.close()


def main() -> None:
    """Print the table."""
    out = sys.stdout.write
    out(f"{'rows a second, clock time':<28}{'sink':>12}{'raw inserts':>14}{'share':>8}{'an insert':>11}\n")
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as stack:
        endpoints = stack.endpoints
        kafka = KafkaSettings(endpoints.kafka)
        carry_out(compare(wanted(PARTITIONS, "barline"), kafka), kafka, -1)
        migrate(Store(endpoints.clickhouse_settings()))
        send(kafka, register_all(endpoints.registry), BARS + SPARE)
        shares = []
        for number in range(ROUNDS + 1):
            emptied(endpoints)
            inserts = stored(endpoints, f"bench-sink-{number}")
            emptied(endpoints)
            own, plain = rate(inserts), rate(raw(endpoints, inserts))
            mean = np.mean([one.rows for one in inserts])
            name = f"round {number}" if number else "first, not counted"
            out(f"{name:<28}{own:>12,.0f}{plain:>14,.0f}{own / plain:>8.0%}{mean:>11,.0f}\n")
            sys.stdout.flush()
            shares += [own / plain] * (number > 0)
        out(f"median share {np.median(shares):.0%}, at least {min(shares):.0%}\n")


if __name__ == "__main__":
    main()
