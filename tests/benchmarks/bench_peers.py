"""CPU of a tick to its 1m bar through the deployed worker, beside Kafka Streams, quixstreams and stock Faust.

Run with ``python -m tests.benchmarks.bench_peers [PEER ...]``. All read the same prepared topic of 4
partitions on the same broker, one after another, each as one process: 200 symbols, ticks of 64 bytes of Avro.
What is counted is the CPU time of that process in its steady state, by ticks: the first ones, in which
Java compiles and Python imports, are left out. Before a figure counts, every bar that a peer put out is
compared with ours: one that is wrong, doubled or missing ends the run.

Ours validates, notices duplicates, makes 1s and forming bars, and takes a checkpoint every 200 ms; the peers
fold and put 1m bars out, a three-hundredth of our records, but for the one line of Kafka Streams that makes
1s and forming bars too. It runs with one thread and its defaults; "store" is a processor over one in memory.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka.admin import NewTopic

from schemas.errors import BarlineError
from schemas.topics import TOPICS
from tests.benchmarks.bench_worker import FIELDS, PARTITIONS, Bars, Plane, plane
from tests.benchmarks.peers import bars, installed
from tests.benchmarks.peers.measured import Mark, cost, peer
from tests.benchmarks.worker_ticks import MINUTE, START, TOPIC, Load
from tests.whole import whole

SPARSE, DENSE = Load(per_minute=20), Load(per_minute=6_000)
MINUTES: Final = 5
"""Of sparse ticks: there bars close soon, so that slow peers have some to compare."""
COUNT: Final = 4_000_000
_FOLDER: Final = Path(installed.__file__).parent
_SCHEMA: Final = Path(__file__).parents[2] / "schemas" / "avro" / "Tick.avsc"


class Peer(NamedTuple):
    """A peer.

    Attributes:
        name: what the table says.
        ticks: how many it folds.
        warm: how many of them are left out.
        every: ticks between marks.
        call: makes its command line from broker, topic, output, schema id.
    """

    name: str
    ticks: int
    warm: int
    every: int
    call: Callable[[Sequence[str]], list[str]]

    def run(self, place: Sequence[str]) -> list[Mark]:
        """Let it fold."""
        return peer([*self.call(place), str(self.ticks), str(self.every)])


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _java(mode: str) -> Callable[[Sequence[str]], list[str]]:
    return lambda place: [*installed.java(_say), "Bars", mode, *place]


def _quix(place: Sequence[str]) -> list[str]:
    return [installed.python(_say), str(_FOLDER / "quix.py"), *place, str(_SCHEMA)]


def _faust(place: Sequence[str]) -> list[str]:
    call = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.peers.stock_faust"]
    return [*call, *place, str(_SCHEMA)]


PEERS: Final = {
    "store": Peer("Kafka Streams, store without changelog", COUNT, COUNT // 2, 500_000, _java("store")),
    "all": Peer("Kafka Streams, 1s and forming bars as ours", COUNT, COUNT // 2, 500_000, _java("all")),
    "logged": Peer("Kafka Streams, store with changelog", COUNT // 2, COUNT // 4, 250_000, _java("logged")),
    "quix": Peer("quixstreams, tumbling window", 80_000, 40_000, 10_000, _quix),
    "faust": Peer("stock Faust agent, table with changelog", 30_000, 20_000, 5_000, _faust),
}


def ours(one: Plane) -> float:
    """CPU microseconds a tick of our worker, over a topic that is prepared here."""
    one.configure(DENSE)
    sparse = MINUTES * SPARSE.per_minute * SPARSE.symbols
    one.write(SPARSE, 0, sparse)
    first = MINUTES * DENSE.per_minute * DENSE.symbols
    return one.measure(DENSE, COUNT, warm=COUNT // 2, first=first).cpu


def beside(one: Plane, name: str, own: Bars) -> tuple[float, int]:
    """CPU microseconds a tick of a peer, and how many of its bars equal ours.

    Raises:
        AssertionError: one does not, or one is missing or doubled.
    """
    it, output = PEERS[name], f"peer-{name}"
    admin = one.kafka.admin("bench")
    settings = dict(TOPICS["bars.raw"].settings)
    for made in admin.create_topics(
        [NewTopic(topic, PARTITIONS, 1, config=settings) for topic in (output, f"{output}-beside")]
    ).values():
        made.result()
    marks = it.run([one.kafka.bootstrap, TOPIC, output, str(one.ids["Tick"])])
    found = written(one, output)
    facts = dict(found)
    assert len(found) == len(facts), f"{name}: a bar came twice"
    wrong = [(key, fact, own.get(key)) for key, fact in sorted(facts.items()) if own.get(key) != fact]
    assert not wrong, f"{name}: {len(wrong)} bars are wrong, such as {wrong[0]}"
    sure = {key for key in own if key[1] < START + (MINUTES - 1) * MINUTE}
    assert sure, "there must be bars to compare"
    assert sure <= facts.keys(), f"{name}: {len(sure - facts.keys())} bars are missing"
    return cost(marks, it.warm), len(facts)


def written(one: Plane, topic: str) -> list[tuple[tuple[str, int], tuple[float, ...]]]:
    """Key and content of every bar that a peer put out; sizes are 1, so that volumes are exact."""
    found = []
    for _, records in whole(one.kafka, [topic]):
        for record in records:
            row = bars.read(record.value or b"")
            found.append(((row["symbol"], row["ts_open"]), tuple(row[name] for name in FIELDS)))
    return found


def main(names: Sequence[str]) -> None:
    """Print the table."""
    out = sys.stdout.write
    with plane() as one:
        cpu, own = ours(one), one.bars()
        out(f"{'CPU a tick, steady state':<44}{'us/tick':>9}{'times ours':>12}{'bars equal':>12}\n")
        out(f"{'barline worker, checkpoints on':<44}{cpu:>9.3f}{1:>12.1f}\n")
        for name in names or PEERS:
            try:
                found, equal = beside(one, name, own)
            except BarlineError as error:  # not to be had here, such as without a network
                out(f"{PEERS[name].name:<44} not run: {error}\n")
                continue
            out(f"{PEERS[name].name:<44}{found:>9.3f}{found / cpu:>12.1f}{equal:>12,}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
