"""Runs real worker processes over topics of their own, and compares what comes out with what must.

The oracle is built while sending: the harness knows the log of each partition, since it alone writes it. An
output that never came is *missing* (a record was lost); one that differs is *wrong* (a record was lost or
applied twice, or state and log disagree); repeats of an equal output are harmless.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from confluent_kafka.admin import NewTopic

from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from runtime.reader import Partition, Reader
from schemas.codec import LOCAL_IDS, LOCAL_NAMES, decode_record, encode_record
from schemas.topics import CHANGELOG_SETTINGS, TOPICS, changelog
from tests.faults.counting import Fact, Key, declare, expected
from tests.whole import whole

PARTITIONS = 4
SYMBOLS = 60
SESSION = 6.0
PATIENCE_S = 180.0
"""How long anything may take on a machine with other work; what does not come costs as much."""


def eventually(condition: Callable[[], object], what: str, timeout: float = PATIENCE_S) -> None:
    """Wait until a condition holds, or fail."""
    deadline, pause = monotonic() + timeout, threading.Event()
    while not condition():
        assert monotonic() < deadline, f"{what}: not within {timeout:g} s"
        pause.wait(0.05)


@contextmanager
def logs_kept(folder: Path) -> Iterator[None]:
    """Where the body fails, the logs below a folder stay, in one that is named on stderr."""
    try:
        yield
    except BaseException:
        kept = Path(tempfile.mkdtemp(prefix="faults-"))
        for at, _, names in os.walk(folder):  # Kafka makes and deletes folders meanwhile
            for name in (Path(at, name).relative_to(folder) for name in names if name.endswith(".log")):
                if "data" not in name.parts:  # its segments
                    shutil.copy(folder / name, kept / "-".join(name.parts))
        sys.stderr.write(f"it broke off; the logs are in {kept}\n")
        raise


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out, compared with what must."""

    outputs: int
    repeated: int
    missing: int
    wrong: int

    @property
    def faults(self) -> int:
        return self.missing + self.wrong


class Worker:
    """One worker process."""

    def __init__(self, run: "Run", number: int, rule: str, environ: dict[str, str]) -> None:
        self.port = free_port()
        self.log = run.home / f"worker-{number}.log"
        settings = {
            "NAME": run.name,
            "INSTANCE": f"w{number}",
            "SESSION_TIMEOUT": str(SESSION),
            "STEP_RECORDS": "500",
        }
        self._env = os.environ | run.environ | {"BARLINE_HEALTH_PORT": str(self.port)}
        self._env |= {f"BARLINE_WORKER_{key}": value for key, value in settings.items()} | environ
        self._argv = [sys.executable, "-m", "tests.faults.worker", run.name, rule]
        self.process = self._begin()

    def chunks(self) -> float:
        """Fetches that were applied since it started; 0 while it does not answer."""
        return self.metric('barline_chunks_total{agent="counting",outcome="applied"}')

    def metric(self, name: str) -> float:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=1) as page,
        ):
            for line in page.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.rpartition(" ")[2])
        return 0.0

    def ready(self) -> bool:
        """What a supervisor asks, from the first moment on."""
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=1):
            return True
        return False

    def wait_working(self) -> None:
        eventually(lambda: self.kept() and self.ready(), "the worker is ready")
        eventually(lambda: self.kept() and self.chunks() > 0, "the worker applies records")

    def wait_committing(self) -> None:
        """Wait until it has committed work of its own, so that states elsewhere are behind it."""
        done = 'barline_checkpoints_total{agent="counting"}'
        eventually(lambda: self.kept() and self.metric(done) >= 10, "the worker commits work of its own")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self, timeout: float = PATIENCE_S) -> int:
        """Exit code, once it has ended."""
        return self.process.wait(timeout)

    def starved(self) -> bool:
        """Whether it left since it stood still, as all of a machine with other work may."""
        last = self.log.read_text().splitlines()[-1:]
        return self.process.poll() == 1 and any("the event loop must turn" in line for line in last)

    def kept(self) -> bool:
        """True, as it runs; started again, as a supervisor does, where the machine stood still."""
        if self.starved():
            self.process = self._begin()
        assert self.process.poll() is None, f"the worker ended with {self.process.returncode}:\n{self.tail()}"
        return True

    def _begin(self) -> "subprocess.Popen[bytes]":
        with self.log.open("a") as log:
            return subprocess.Popen(self._argv, env=self._env, stdout=log, stderr=subprocess.STDOUT)

    def tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-12:])


class Run:
    """Topics of one test, what was sent to them, and the workers on them."""

    def __init__(
        self, name: str, kafka: str, home: Path, changelog_settings: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self.home = home
        self.environ = {"BARLINE_KAFKA": kafka, "BARLINE_REGISTRY": "none", "BARLINE_CLICKHOUSE": "none"}
        self.kafka = KafkaSettings(kafka)
        self.source, self.target = declare(name)
        self.changelog = changelog(name, "counting")
        self.logs: list[list[tuple[str, bytes, bytes]]] = [[] for _ in range(PARTITIONS)]
        self.workers: list[Worker] = []
        self._random = random.Random(name)
        self._sent = 0
        self.changelog_settings = CHANGELOG_SETTINGS | (changelog_settings or {})
        self.create({name: TOPICS[name].settings for name in (self.source, self.target)})
        self.create({self.changelog: self.changelog_settings})
        self._producer = Producer(self.kafka, "test", delivery_timeout_ms=120_000)
        self._reader = Reader(self.kafka, "test", group=name)

    def start(self, number: int = 0, rule: str = "", **environ: str) -> Worker:
        """Start a worker; the same number is the same member of the group."""
        worker = Worker(self, number, rule, environ)
        self.workers.append(worker)
        return worker

    def ticks(self, count: int, symbols: int = SYMBOLS) -> None:
        """Send ticks of random symbols, among the first so many."""
        for _ in range(count):
            number = self._random.randrange(symbols)
            fields = {"source": "test", "ts_event": self._sent, "ts_recv": self._sent, "seq": self._sent}
            fields |= {"symbol": f"K{number:03d}", "price": self._random.random(), "size": 1.0}
            fields |= {"trade_id": None, "conditions": None}
            self._send(number % PARTITIONS, "Tick", f"K{number:03d}".encode(), fields)
        self._producer.wait(120)

    def configure(self, version: int) -> None:
        """Send a Config to every partition."""
        for partition in range(PARTITIONS):
            fields = {"version": version, "ts": self._sent, "body": ""}
            self._send(partition, "Config", str(version).encode(), fields)
        self._producer.wait(120)

    @contextmanager
    def feeding(self, rate: int = 600, every: float = 0.01) -> Iterator[None]:
        """Send ticks, those of some seconds at once, and a Config now and then, as long as the body runs."""
        stop = threading.Event()

        def feed() -> None:
            began, sent = monotonic(), 0
            while not stop.wait(every):
                due = int((monotonic() - began) * rate) - sent
                sent += due
                self.ticks(due)
                if self._random.random() < every:
                    self.configure(sent)

        thread = threading.Thread(target=feed)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def pause(self, seconds: float) -> None:
        """Let the processes work; what follows must hold at any moment."""
        threading.Event().wait(seconds)

    def drained(self) -> bool:
        """Whether everything that was sent is committed."""
        return self.committed() == {
            place.number: end for place, end in self._reader.ends([self.source]).items()
        }

    def committed(self) -> dict[int, int]:
        found = self._reader.committed([Partition(self.source, number) for number in range(PARTITIONS)])
        return {place.number: offset or 0 for place, offset in found.items()}

    def states(self) -> int:
        """How many states were written so far."""
        return sum(self._reader.ends([self.changelog]).values())

    def wait_drained(self, timeout: float = PATIENCE_S) -> None:
        eventually(self.drained, "everything is committed", timeout)

    def verdict(self) -> Verdict:
        """Compare all outputs with those that must be there."""
        self._check_log()
        must: dict[Key, Fact] = {}
        for log in self.logs:
            must |= expected(log)
        outputs, faulty = 0, set()
        seen: dict[Key, Fact] = {}
        for value in self.read(self.target):
            _, row = decode_record(value[1], LOCAL_NAMES)
            key = (str(row["symbol"]).encode(), int(str(row["ts_open"])))
            fact = (int(float(str(row["volume"]))), int(str(row["trades"])), int(str(row["revision"])))
            outputs, seen[key] = outputs + 1, fact
            if must.get(key) != fact:
                faulty.add(key)
        return Verdict(outputs, outputs - len(seen), len(must.keys() - seen.keys()), len(faulty))

    def _check_log(self) -> None:
        """What was sent stands in the log, once and in order; without that a verdict says nothing."""
        counts = [0] * PARTITIONS
        for place, records in whole(self.kafka, [self.source]):
            log, count = self.logs[place.number], counts[place.number]
            sent = [value for _, _, value in log[count : count + len(records)]]
            assert [record.value for record in records] == sent, f"{place} differs after record {count}"
            counts[place.number] += len(records)
        assert counts == [len(log) for log in self.logs], f"{counts} records are in the log"

    def read(self, topic: str) -> list[tuple[bytes, bytes, int]]:
        """Key, value and partition of every record of a topic."""
        return [
            (record.key or b"", record.value or b"", place.number)
            for place, records in whole(self.kafka, [topic])
            for record in records
        ]

    def write_states(self, states: list[tuple[bytes, bytes, int]]) -> None:
        """Append records to the changelog, as a woken worker might."""
        for key, value, partition in states:
            self._producer.send(self.changelog, key, value, partition=partition)
        self._producer.wait(30)

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        self._reader.close()
        self._producer.close()
        admin = self.kafka.admin("test")
        for done in admin.delete_topics([self.source, self.target, self.changelog]).values():
            done.result()
        del TOPICS[self.source], TOPICS[self.target]

    def _send(self, partition: int, record: str, name: bytes, fields: dict[str, object]) -> None:
        value = encode_record(record, LOCAL_IDS[record], fields)
        self.logs[partition].append((record, name, value))
        # With the time of now, as live sources: a broker that is killed forgets who wrote old timestamps.
        self._producer.send(self.source, name, value, partition=partition)
        self._sent += 1

    def create(self, topics: dict[str, dict[str, str]]) -> None:
        """Make topics with their settings."""
        wanted = [NewTopic(name, PARTITIONS, 1, config=config) for name, config in topics.items()]
        admin = self.kafka.admin("test")
        for done in admin.create_topics(wanted).values():
            done.result()
