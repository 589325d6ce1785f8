"""A wait is over when its records and all before them came back, whatever becomes of other waits."""

from typing import Any

import numpy as np
import pytest

from runtime.epochs import Epochs
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from schemas.errors import ConfigurationError
from schemas.partition import partition_of, partitions_of
from tests.eventually import eventually


def come_back(epochs: Epochs, slot: int, count: int) -> None:
    epochs.acked[slot] += count
    epochs.settle()


def closed(epochs: Epochs, sent: int) -> Any:
    epochs.sent += sent
    waiting, complete = epochs.close()
    assert complete
    return waiting[-1]


def test_an_epoch_is_done_when_all_of_it_came_back():
    epochs = Epochs(4)
    first, second = closed(epochs, 3), closed(epochs, 1)
    come_back(epochs, second.slot, 1)
    come_back(epochs, first.slot, 2)
    assert (first.done.is_set(), second.done.is_set()) == (False, True)
    assert epochs.close() == ((first, second), True)
    come_back(epochs, first.slot, 1)
    assert first.done.is_set()
    assert epochs.close() == ((), True)


def test_what_came_back_before_the_wait_counts():
    epochs = Epochs(4)
    come_back(epochs, epochs.slot, 2)
    assert closed(epochs, 2).done.is_set()


def test_a_wait_beyond_the_ring_waits_for_the_oldest():
    epochs = Epochs(3)
    first, second = closed(epochs, 1), closed(epochs, 1)
    epochs.sent += 1
    assert epochs.close() == ((first, second), False)
    come_back(epochs, first.slot, 1)
    waiting, complete = epochs.close()
    assert (waiting[0], len(waiting), complete) == (second, 2, True)
    assert epochs.slot == first.slot
    assert (epochs.acked[first.slot], epochs.due[first.slot]) == (0, -1)


@pytest.mark.parametrize(
    "setting",
    [{"sasl.mechanisms": "NONE"}, {"sasl.no.such": "x"}, {"ssl.ca.location": "/nowhere"}],
)
def test_a_wrong_setting_of_the_environment_is_said(setting: dict[str, str]):
    security = {"security.protocol": "sasl_ssl", **setting}
    with pytest.raises(ConfigurationError, match=r"settings? of kafka must"):
        Producer(KafkaSettings("127.0.0.1:1", security), "test")


def test_settings_for_sasl_over_ssl_are_taken():
    security = {
        "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "u",
        "sasl.password": "p", "enable.ssl.certificate.verification": "false",
    }  # fmt: skip
    producer = Producer(KafkaSettings("127.0.0.1:1", security), "test")
    producer.close(0.1)
    assert eventually(lambda: not producer._poller.is_alive())


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_partitions_are_those_of_the_java_client(key: bytes, murmur2: int):
    """The values are those of its own tests (``UtilsTest.testMurmur2``)."""
    assert [partition_of(key, n) for n in (1, 4, 1_009)] == [
        (murmur2 & 0x7FFFFFFF) % n for n in (1, 4, 1_009)
    ]


def test_null_belongs_where_the_empty_key_does():
    spans = np.array([-1 << 32, 0], np.int64)
    assert partitions_of(np.zeros(0, np.uint8), spans, 1_009).tolist() == [partition_of(b"", 1_009)] * 2
