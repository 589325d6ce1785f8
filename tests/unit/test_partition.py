"""Partitions of keys are those that all other clients choose."""

import numpy as np
import pytest

from schemas.partition import partition_of, partitions_of


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
