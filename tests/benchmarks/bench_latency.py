"""From a tick to its forming bar, through the deployed worker with checkpoints on and the sink beside.

Run with ``python -m tests.benchmarks.bench_latency``.

Ticks of 200 symbols are sent as they happen, stamped with the wall clock as they are handed to the producer,
with a heartbeat a second. A symbol's forming bar goes out with the first tick of each quarter of a second; a
consumer in a process of its own notes when it has it; neither looks for garbage meanwhile. The time of the
newest tick in the bar is its ``ts_last``, so each bar says its own latency: produce, fetch, step, produce,
fetch. What else follows (bars, indicators, rows in ClickHouse) happens on the same machine. No minute closes
while it is measured: ``bench_signals`` measures what that costs. The echo is a record that goes to the same
consumer and is touched by nothing of ours: two of its hops are the least that can be. On the right are the
checkpoints of all lanes, from the copy of the states to the last acknowledgement; they run beside the steps.
The worker has a session of its own, as the stack gives it one: where Linux shares the processor among
sessions, the source of the ticks would take from its share. The broker runs as `barline up` runs it; before
the first line it gets the time that its Java takes to compile itself, and a first minute closes, for which
analytics makes room for every symbol.

Peers put out the same bars of the same ticks, which come in topics of their own: a processor of Kafka Streams
with its store and changelog, which puts out bars of seconds and minutes besides, as ours does, with a
producer that waits for no company, for a millisecond, or as long as it does by itself (``linger.ms``); and
a loop in Python without group, store or checkpoint, which says what the hops, aiokafka and this machine leave
to anybody. At rates that all have, the worker and they take turns, in two rounds, since the machine may be
slow for minutes: who has no turn gets no ticks. At the end a stock Faust agent with its table, at the only
rate that it can follow, if it can, with forming bars alone. Peers only fold: nothing is validated, and the
sink has nothing to do.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
from confluent_kafka.admin import NewTopic
from numpy.typing import NDArray

from barline.cli.topics import carry_out, compare, wanted
from barline.stack.plan import plan_programs
from barline.stack.running import Stack, running
from connectors.sinks.clickhouse.migrate import migrate
from connectors.sinks.clickhouse.store import Store
from runtime import quiet
from runtime.kafka import KafkaSettings
from runtime.reader import Reader
from schemas.codec import decode_record, names_of
from schemas.registry import register_all
from tests.benchmarks.latency_feed import ECHO, PARTITIONS, SYMBOLS, TICKS, Feed
from tests.benchmarks.listener import Came, Listener
from tests.benchmarks.peers import bars, installed
from tests.benchmarks.worker_process import Process, free_port

MS: Final = 1_000_000
SLOW, FAST = 1_000, 100_000
RATES: Final = (5_000, 20_000)
LINGERS: Final = (0, 1, 100)
"""Milliseconds that the producer of Kafka Streams waits for company; if nobody says otherwise, 100."""
SETTLE_S, WARM_S, LAST_S, REST_S = 35.0, 1.5, 2.5, 0.5
ROUNDS: Final = 2
MINUTE_S: Final = 60.0
PATIENCE_S: Final = 60.0
FORMING: Final = "bars.forming"
SHARES: Final = (50, 99, 99.9)
ENDLESS: Final = (str(1 << 60), str(1 << 60))
"""Ticks until a peer ends, and between the marks that it prints."""
_PYTHON: Final = (sys.executable, "-W", "ignore", "-m")
SCHEMA: Final = Path(__file__).parents[2] / "schemas" / "avro" / "Tick.avsc"


class Got(NamedTuple):
    """A forming bar or an echo: when its tick was sent, and when the consumer had it, wall clock in ns."""

    topic: str
    sent: int
    had: int


def got_of(came: Came, names: Mapping[int, str]) -> Got:
    """When the tick of a record was sent, and when the record was there."""
    if came.topic == ECHO:
        sent = int(came.value)
    elif came.topic == FORMING:
        sent = int(str(decode_record(came.value, names)[1]["ts_last"]))
    else:
        sent = bars.read(came.value)["ts_open"]
    return Got(came.topic, sent, came.had)


class Way(NamedTuple):
    """Whose forming bars are waited for.

    Attributes:
        name: what the table says.
        topic: where they are put out.
        ticks: where its ticks come from.
        notes: where its checkpoints are noted, None where it has none.
    """

    name: str
    topic: str
    ticks: str
    notes: Path | None = None

    @classmethod
    def of_peer(cls, name: str, topic: str) -> Self:
        """One with topics of its own."""
        return cls(name, topic, f"{topic}-ticks")

    def took(self, after: int = 0) -> bytes:
        """What is noted of checkpoints, from a place on."""
        return self.notes.read_bytes()[after:] if self.notes is not None else b""


class Line:
    """One line of the table.

    Args:
        way: whose bars.
        rate: ticks a second.
    """

    def __init__(self, way: Way, rate: int) -> None:
        self._way, self._rate = way, rate
        self._sent = 0
        self._seconds = 0.0
        self._rows: list[Got] = []
        self._took: list[float] = []

    def measure(self, listener: Listener, names: Mapping[int, str], feed: Feed) -> None:
        """Send ticks for a while, and note what becomes of them."""
        way, rate = self._way, self._rate
        left = MINUTE_S - time.time() % MINUTE_S
        feed.run(rate, WARM_S if left > 2 * WARM_S + LAST_S else left + WARM_S, way.ticks)
        listener.take()
        since, noted = time.time_ns(), len(way.took())
        self._sent += feed.run(rate, LAST_S, way.ticks)
        self._seconds += LAST_S
        self._took += [float(line.split()[1]) for line in way.took(noted).decode().splitlines()]
        time.sleep(REST_S)
        self._rows += [got for came in listener.take() if (got := got_of(came, names)).sent >= since]

    def __str__(self) -> str:
        formed, echoed = (
            np.array([one.had - one.sent for one in self._rows if one.topic == topic]) / MS
            for topic in (self._way.topic, ECHO)
        )
        took = 1_000 * np.array(self._took)
        checkpoints = f"{len(took):>6}" + shares(took, (50, 99)) if len(took) else ""
        head = f"{self._way.name:<26}{self._rate:>9,}{self._sent / self._seconds:>10,.0f}{len(formed):>9,}"
        if len(formed) <= SYMBOLS * self._seconds:  # what is not there would be the latest
            assert self._way.topic != FORMING, f"{len(formed)} forming bars"
            return f"{head}  could not follow"
        return f"{head}{shares(formed, SHARES)}{shares(echoed, (50, 99))} |{checkpoints}"


def shares(found: NDArray[np.float64], percents: Sequence[float]) -> str:
    """Percentiles as columns of the table."""
    return "".join(f"{np.percentile(found, percent):>8.1f}" for percent in percents)


@contextmanager
def peer(way: Way, kafka: KafkaSettings, feed: Feed, call: Sequence[str], home: Path) -> Iterator[None]:
    """A peer that reads from now on, and has put something out."""
    reader, limit = Reader(kafka, "bench"), time.monotonic() + PATIENCE_S
    with (
        (home / f"{way.topic}.log").open("ab") as log,
        subprocess.Popen(call, stdout=log, stderr=log, start_new_session=True) as popen,
    ):
        try:
            while not any(reader.ends([way.topic]).values()):
                assert time.monotonic() < limit, f"{way.name} must put something out"
                feed.run(SLOW, WARM_S, way.ticks)
            yield
        finally:
            reader.close()
            popen.kill()


@contextmanager
def worker(home: Path, notes: Path) -> Iterator[None]:
    """A worker of the stack in a home, ready; it notes its checkpoints."""
    port = free_port()
    said = {"BARLINE_HOME": str(home), "BARLINE_HEALTH_PORT": str(port)}
    call = [sys.executable, "-m", "tests.benchmarks.latency_worker", str(notes)]
    with (
        (home / "latency.log").open("ab") as log,
        subprocess.Popen(
            call, env=os.environ | said, stdout=log, stderr=log, start_new_session=True
        ) as popen,
    ):
        try:
            Process(popen, port).wait_ready()
            yield
        finally:
            popen.send_signal(signal.SIGTERM)


def in_turn(kafka: KafkaSettings, number: int) -> dict[Way, list[str]]:
    """The peers that take turns with ours, and how they are called."""
    found = {}
    java = [*installed.java(sys.stderr.write), "Bars", "forming", kafka.bootstrap]
    loop = [*_PYTHON, "tests.benchmarks.peers.aiokafka_loop", kafka.bootstrap]
    way = Way.of_peer("aiokafka loop, linger 1", "peer-loop")
    found[way] = [*loop, way.ticks, way.topic, str(number), str(SCHEMA)]
    for linger in LINGERS:
        way = Way.of_peer(f"Kafka Streams, linger {linger}", f"peer-streams-{linger}")
        found[way] = [*java, way.ticks, way.topic, str(number), *ENDLESS, str(linger)]
    return found


def lines(stack: Stack, ids: Mapping[str, int]) -> Iterator[Line]:
    """The lines of the table."""
    kafka, home, notes = KafkaSettings(stack.endpoints.kafka), stack.home, stack.home / "checkpoints.txt"
    own, stock = Way("barline", FORMING, TICKS, notes), Way.of_peer("stock Faust", "peer-faust")
    peers = in_turn(kafka, ids["Tick"])
    admin = kafka.admin("bench")  # its answers come only while it lives
    all_peers = [stock, *peers]
    topics = [name for way in all_peers for name in (way.topic, way.ticks, f"{way.topic}-beside")]
    new = [NewTopic(ECHO, 1), *(NewTopic(name, PARTITIONS) for name in topics)]
    for one in admin.create_topics(new).values():
        one.result()
    listener = Listener(kafka.bootstrap, (ECHO, FORMING, *(way.topic for way in all_peers)))
    names, feed = names_of(ids), Feed(kafka, ids)
    feed.configure(1)
    quiet.settle()  # a look at all objects takes tens of milliseconds, in which no tick would go out
    with ExitStack() as running_now:
        running_now.enter_context(worker(home, notes))
        start = time.time()
        feed.run(RATES[0], WARM_S)
        for way, call in peers.items():
            running_now.enter_context(peer(way, kafka, feed, call, home))
        stack.wait_ready()
        minute = start - start % MINUTE_S + MINUTE_S
        feed.run(RATES[0], max(start + SETTLE_S, minute + WARM_S) - time.time())
        both = [Line(way, rate) for rate in RATES for way in (own, *peers)]
        slow, fast = Line(own, SLOW), Line(own, FAST)
        for line in [slow, *ROUNDS * both, fast]:
            line.measure(listener, names, feed)
        yield from (slow, *both, fast)
    call = [*_PYTHON, "tests.benchmarks.peers.stock_faust", kafka.bootstrap, stock.ticks, stock.topic]
    with peer(stock, kafka, feed, [*call, str(ids["Tick"]), str(SCHEMA), *ENDLESS, "forming"], home):
        line = Line(stock, SLOW)
        line.measure(listener, names, feed)
        yield line
    feed.close()
    listener.close()


def main() -> None:
    """Print the table."""
    out = sys.stdout.write
    with tempfile.TemporaryDirectory() as home, running(Path(home), lasting=True) as stack:
        kafka = KafkaSettings(stack.endpoints.kafka)
        carry_out(compare(wanted(PARTITIONS, "barline"), kafka), kafka, -1)
        ids = register_all(stack.endpoints.registry)
        migrate(Store(stack.endpoints.clickhouse_settings()))
        stack.add(*plan_programs(stack.home, stack.endpoints, names=("sink",)))
        os.environ.update(stack.endpoints.environment())
        out("from a tick to its forming bar, ms; one hop alone; then the checkpoints, ms\n")
        out(f"{'':<26}{'ticks/s':>9}{'sent/s':>10}{'bars':>9}{'p50':>8}{'p99':>8}{'p99.9':>8}")
        out(f"{'echo 50':>8}{'echo 99':>8} |{'count':>6}{'p50':>8}{'p99':>8}\n")
        for line in lines(stack, ids):
            out(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
