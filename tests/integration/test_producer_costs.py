"""What a producer costs, and how it ends, with a real broker or without one."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confluent_kafka
import numpy as np
import pytest
from confluent_kafka.admin import NewTopic

from barline.stack import running
from runtime.kafka import CLIENT_LOG, KafkaSettings
from runtime.producer import Producer
from runtime.reader import Partition, Reader
from runtime.sending.errors import DeliveryError
from schemas.batches.encode import Encoded

pytestmark = pytest.mark.stack

Opened = Callable[[Any], Any]


@pytest.fixture
def topic(settings: KafkaSettings, unique: Callable[[str], str]) -> str:
    """A topic of one partition."""
    admin, name = settings.admin("test"), unique("costs")
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    return name


def test_a_thread_that_computes_gives_its_turn_away_soon(settings: KafkaSettings, opened: Opened):
    """Python lets a thread compute for 5 ms before another has its turn, and a sender needs many turns."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    try:
        opened(Producer(settings, "test"))
        assert sys.getswitchinterval() < 0.001
    finally:
        sys.setswitchinterval(usual)


def spent(send: Callable[[bytes], object], seconds: float = 1.0) -> float:
    """Share of the time for which a process computes that sends a record every 2 ms."""
    began, before = time.monotonic(), time.process_time()
    while time.monotonic() < began + seconds:
        send(b"x" * 100)
        time.sleep(0.002)
    return (time.process_time() - before) / (time.monotonic() - began)


def test_a_producer_rests_while_the_broker_stands_still(tmp_path: Path, unique: Callable[[str], str]):
    """librdkafka's idempotent one does not, which is why it is not used."""
    with running(tmp_path) as stack:
        settings, name = KafkaSettings(stack.endpoints.kafka), unique("still")
        admin = settings.admin("test")
        admin.create_topics([NewTopic(name, 1, 1)])[name].result()
        producer = Producer(settings, "test")
        theirs = confluent_kafka.Producer(
            {**settings.client("theirs"), "enable.idempotence": True, "linger.ms": 1}, logger=CLIENT_LOG
        )

        def send(value: bytes) -> None:
            producer.send(name, None, value, partition=0)

        def send_theirs(value: bytes) -> None:
            theirs.produce(name, value, partition=0)

        def spent_while_frozen(way: Callable[[bytes], object]) -> float:
            spent(way, 0.2)
            producer.wait()
            theirs.flush()
            stack["kafka"].signal(signal.SIGSTOP)
            try:
                return spent(way)
            finally:
                stack["kafka"].signal(signal.SIGCONT)

        assert 3 * spent_while_frozen(send) < spent_while_frozen(send_theirs)
        producer.close()
        theirs.flush()


def test_a_closed_producer_takes_no_records(settings: KafkaSettings, topic: str, opened: Opened):
    producer, reader = Producer(settings, "test"), opened(Reader(settings, "test"))
    producer.send(topic, None, b"x", partition=0)
    producer.close()
    assert reader.ends([topic]) == {Partition(topic, 0): 1}
    with pytest.raises(DeliveryError, match="must be open"):
        producer.send(topic, None, b"y", partition=0)
    with pytest.raises(DeliveryError, match="must be open"):
        producer.send_all(topic, Encoded.of([], [], np.empty(0, np.int64)), partition=0)
    producer.wait(1)
    producer.close()


NEVER_CLOSED = """
import gc
import sys
from runtime.kafka import KafkaSettings
from runtime.producer import Producer

producers = [Producer(KafkaSettings(where), "left") for where in sys.argv[2:]]
for producer in producers:
    producer.send(sys.argv[1], None, b"x", partition=0)
if sys.argv[1] != "nowhere":
    producers[0].wait(30)
    producers[0].send("nowhere", None, b"x", partition=0)
    gone = Producer(KafkaSettings(sys.argv[2]), "gone")
    gone.send("nowhere", None, b"x", partition=0)
    del gone
    gc.collect()
"""


@pytest.mark.parametrize("wait", [True, False])
def test_a_producer_that_is_not_closed_holds_nobody_up(settings: KafkaSettings, topic: str, wait: bool):
    """Whether its broker is there or not; nothing is said of it, by warnings or logs."""
    name, where = topic if wait else "nowhere", [settings.bootstrap, "127.0.0.1:1"]
    began = time.monotonic()
    call = [sys.executable, "-W", "error", "-c", NEVER_CLOSED, name, *where]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 30.0
