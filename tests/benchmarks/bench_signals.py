"""From the record that closes a bar to its signal, through the deployed worker with checkpoints on.

Run with ``python -m tests.benchmarks.bench_signals``.

A round is the end of a minute: its last ticks, spread over the round, then the heartbeat whose promise passes
the close by the disorder allowed, which closes the bars of all symbols at once. The clock starts before that
heartbeat is handed to the producer and stops when a consumer in a process of its own has the signal. Between
them lie three agents (``ticks.raw`` to ``bars.raw`` to ``bars.1m`` to ``signals``), each with a write to
Kafka and a fetch from it; worker, sink, Kafka and registry run on this machine. 21 conditions are watched, of
which one fires for half of the symbols in every round.

Whatever else the machine does is in the figures, so two stand beside them: ``best`` is the last signal of the
fastest round; the echo is one record sent with the heartbeat to the same consumer and touched by nothing of
ours, what one hop takes at that moment. On the right is when each topic was written to (median). The broker
runs as `barline up` runs it, and first gets the time that its Java takes to compile itself.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from confluent_kafka.admin import NewTopic

from barline.cli.topics import carry_out, compare, wanted
from barline.demo.arrival import GROUPS, Arrival
from barline.settings.apply import apply
from barline.stack.plan import plan_programs
from barline.stack.running import running
from connectors.sinks.clickhouse.migrate import migrate
from connectors.sinks.clickhouse.store import Store
from connectors.sources.publish import route
from runtime.headers import headers
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from runtime.reader import Partition, Reader
from schemas.batches.encode import Encoded, Encoder
from schemas.batches.wire import Ints
from schemas.codec import decode_record, names_of
from schemas.columns import Draft
from schemas.config import Domain, SignalConfig
from schemas.records import record_type
from schemas.registry import register_all
from schemas.topics import TOPICS
from tests.benchmarks.bench_scanner import CONDITIONS, INDICATORS, INTERVALS
from tests.benchmarks.listener import Came, Listener
from tests.factories import DAY, at, domain, symbol

PARTITIONS: Final = 4
SECOND, MINUTE, MS = 1_000_000_000, 60_000_000_000, 1_000_000
PARTS: Final = 8
ECHO: Final = "bench-echo"
AIM_MS: Final = 50
"""Tick to signal at the 99th percentile, beyond the delay with which a bar closes."""
HOPS: Final = ("bars.raw", "bars.1m", "signals")
_REST_S: Final = 1.0
CALM: Final = 30
CASES: Final = ((20, 1_000, 0.3, 190, 60), (200, 5_000, 0.6, 15, 40))
"""Symbols, ticks a second, seconds of a round, and rounds left out and counted. But for the last ``CALM``,
those left out take half their time: Java compiles what was called often, not what ran long."""


class Case(NamedTuple):
    """Symbols, ticks a second, seconds of a round, rounds left out and counted, and the first minute."""

    symbols: int
    rate: int
    seconds: float
    warm: int
    rounds: int
    first: int

    def close(self, number: int) -> int:
        """Close of the minute of a round."""
        return at(f"{DAY}T00:00") + (self.first + number + 1) * MINUTE


class Got(NamedTuple):
    """A signal or an echo of the minute with that close, and the wall clock at which the consumer had it."""

    name: str
    ts_event: int
    had: int


def body(case: Case, version: int) -> Domain:
    """So many symbols that trade around the clock, and the conditions."""
    signals = [SignalConfig(f"s{number}", when) for number, when in enumerate(CONDITIONS)]
    signals.append(SignalConfig("up", "change(close, 1) > 0 and quality > 50", debounce_ms=0))
    named = [symbol(f"S{number:03d}", asset="crypto", calendar="24x7") for number in range(case.symbols)]
    return domain(
        *named, version=version, assets=Domain(1).assets, intervals=INTERVALS[1:], indicators=INDICATORS,
        signals=signals, lateness_ms=60_000,
    )  # fmt: skip


def ticks(case: Case, number: int, encoder: Encoder) -> tuple[Encoded, Ints]:
    """The last ticks of a minute, all symbols in turn; half of the symbols rise, the others fall."""
    count = int(case.rate * case.seconds)
    draft, kind = Draft("ticks.raw", 0), record_type("Tick")
    names = draft.texts(f"S{one:03d}".encode() for one in range(case.symbols))
    rows, of = kind.empty(count), np.arange(count) % case.symbols
    rows["symbol"], rows["source"] = names[of], np.array(draft.text(b"feed"), names.dtype)
    times = case.close(number) - int(case.seconds * SECOND) + np.arange(count) * int(SECOND / case.rate)
    rows["ts_event"] = rows["ts_recv"] = times
    rows["price"], rows["size"] = 100.0 + (of + number) % 2 + (np.arange(count) % 7) / 100, 1.0
    rows["seq"] = (case.first + number) * 1_000_000 + np.arange(count)
    rows["nulls"] = kind.null_bit("trade_id") | kind.null_bit("conditions")
    draft.extend("Tick", rows, times)
    made = draft.finish()
    return route(made, encoder.encode(made), PARTITIONS)


def beat(case: Case, number: int, encoder: Encoder) -> tuple[Encoded, Ints]:
    """The heartbeat that closes the minute, once for each partition."""
    draft, ts = Draft("ticks.raw", 0), case.close(number) + SECOND + 1
    instants = {"ts": ts, "ts_last": ts, "ts_through": ts}
    draft.row("Heartbeat", ts, source="feed", writer="feed", alive=True, final=False, **instants)
    made = draft.finish()
    return route(made, encoder.encode(made), PARTITIONS)


def got_of(came: Came, names: Mapping[int, str]) -> Got:
    """Which minute a record is of, and when it was there."""
    if came.topic == ECHO:
        return Got(ECHO, int(came.value), came.had)
    row = decode_record(came.value, names)[1]
    return Got(str(row["name"]), int(str(row["ts_event"])), came.had)


class Bench:
    """One stack, several cases.

    Args:
        kafka: the brokers.
        ids: schema id by record name.
    """

    def __init__(self, kafka: KafkaSettings, ids: Mapping[str, int]) -> None:
        self._kafka, self._ids = kafka, ids
        self._producer = Producer(kafka, "bench")
        self._encoder = Encoder(TOPICS["ticks.raw"], ids)
        self._arrival = Arrival(kafka, GROUPS)
        self._listener = Listener(kafka.bootstrap, ("signals", ECHO))
        self._version = 0
        self._first = 0

    def run(self, symbols: int, rate: int, seconds: float, warm: int, rounds: int) -> str:
        """One line of the table."""
        case = Case(symbols, rate, seconds, warm, rounds, self._first)
        self._first += warm + rounds
        self._version += 1
        counts = partition_counts(self._kafka, "bench")
        apply(body(case, self._version), self._producer, self._ids, counts, case.close(-1))
        self._producer.wait()
        self._arrival.wait()  # the worker has its partitions and the configuration
        begins = self._ends()
        got, sent = self._play(case)
        return line(case, got, sent, self._published(begins))

    def _play(self, case: Case) -> tuple[list[Got], dict[int, int]]:
        """All rounds; what arrived, and when the heartbeat of each close was sent."""
        made = [
            (ticks(case, number, self._encoder), beat(case, number, self._encoder))
            for number in range(case.warm + case.rounds)
        ]
        self._listener.take()
        sent = {}
        for number, (rows, beats) in enumerate(made):
            self._spread(rows, case.seconds / (2 if number < case.warm - CALM else 1))
            close = case.close(number)
            sent[close] = time.time_ns()
            self._producer.send(ECHO, None, str(close).encode(), partition=0, timestamp_ms=1)
            self._send(beats)
        self._producer.wait()
        self._arrival.wait()
        time.sleep(_REST_S)
        names = names_of(self._ids)
        return [got_of(came, names) for came in self._listener.take()], {
            close: ts for close, ts in sent.items() if close >= case.close(case.warm)
        }

    def close(self) -> None:
        """End."""
        self._listener.close()
        self._arrival.close()
        self._producer.close()

    def _spread(self, routed: tuple[Encoded, Ints], seconds: float) -> None:
        """Send the ticks of a round evenly over its time."""
        start, (records, places) = time.monotonic(), routed
        for part, rows in enumerate(np.array_split(np.arange(len(records)), PARTS), 1):
            self._send((records.take(rows), places[rows]))
            time.sleep(max(0.0, start + seconds * part / PARTS - time.monotonic()))

    def _send(self, routed: tuple[Encoded, Ints]) -> None:
        records, places = routed
        self._producer.send_all("ticks.raw", records, partition=places, headers=headers("bench"))

    def _ends(self) -> dict[Partition, int]:
        reader = Reader(self._kafka, "bench")
        try:
            return reader.ends(HOPS)
        finally:
            reader.close()

    def _published(self, begins: Mapping[Partition, int]) -> dict[str, dict[int, list[int]]]:
        """Per topic and close, when each record of a symbol was sent."""
        reader, ends = Reader(self._kafka, "bench"), self._ends()
        reader.assign(begins)
        left = {place for place, end in ends.items() if end > begins[place]}
        found: dict[str, dict[int, list[int]]] = {topic: {} for topic in HOPS}
        while left:
            for place, records in reader.read(1.0).items():
                for record in records:
                    if record.key is not None:
                        found[place.topic].setdefault(record.timestamp_ms, []).append(record.published)
                if records[-1].offset + 1 >= ends[place]:
                    left.discard(place)
        reader.close()
        return found


def line(
    case: Case, got: list[Got], sent: Mapping[int, int], published: Mapping[str, Mapping[int, list[int]]]
) -> str:
    """What the table says of a case; times in milliseconds."""
    rows = [one for one in got if one.ts_event in sent]
    up, echo = (
        np.array([one.had - sent[one.ts_event] for one in rows if one.name == name]) / MS
        for name in ("up", ECHO)
    )
    expected = case.rounds * case.symbols // 2
    assert len(up) == expected, f"{len(up)} of {expected} signals"
    last: dict[int, int] = {}
    for one in rows:
        if one.name == "up":
            last[one.ts_event] = max(last.get(one.ts_event, 0), one.had - sent[one.ts_event])
    waits = [
        [ts - sent[close] for close in sent for ts in published[topic].get(close // MS, [])] for topic in HOPS
    ]
    shown = " ".join(f"{np.median(one) / MS:>8.1f}" for one in waits)
    verdict = "met" if np.percentile(up, 99) < AIM_MS else "missed"
    return (
        f"{case.symbols:>8} {case.rate:>8,} {len(up):>8,}{min(last.values()) / MS:>8.1f}"
        + "".join(f"{np.percentile(up, share):>8.1f}" for share in (50, 99, 100))
        + "".join(f"{np.percentile(echo, share):>8.1f}" for share in (50, 99))
        + f" | {shown}  p99 below {AIM_MS}: {verdict}\n"
    )


def cases(kafka: KafkaSettings, ids: Mapping[str, int]) -> Iterator[str]:
    """The lines of the table."""
    admin = kafka.admin("bench")  # its answers come only while it lives
    admin.create_topics([NewTopic(ECHO, 1, 1)])[ECHO].result()
    bench = Bench(kafka, ids)
    for one in CASES:
        yield bench.run(*one)
    bench.close()


def main() -> None:
    """Print the table."""
    out = sys.stdout.write
    with tempfile.TemporaryDirectory() as home, running(Path(home), lasting=True) as stack:
        kafka = KafkaSettings(stack.endpoints.kafka)
        carry_out(compare(wanted(PARTITIONS, "barline"), kafka), kafka, -1)
        ids = register_all(stack.endpoints.registry)
        migrate(Store(stack.endpoints.clickhouse_settings()))
        stack.add(*plan_programs(stack.home, stack.endpoints, names=("worker", "sink")))
        stack.wait_ready()
        out(
            "from the heartbeat that closes a minute to its signals, ms; then one hop alone, and each write\n"
        )
        out(f"{'symbols':>8} {'ticks/s':>8} {'signals':>8}{'best':>8}{'p50':>8}{'p99':>8}{'max':>8}")
        out(f"{'echo 50':>8}{'echo 99':>8} | {'bars.raw':>8} {'bars.1m':>8} {'signals':>8}\n")
        for text in cases(kafka, ids):
            out(text)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
