"""Which partition a key belongs to: murmur2, as in Java's clients and librdkafka's murmur2_random."""

from functools import lru_cache
from typing import Final

import numpy as np

from schemas.batches.wire import Bytes, Int, Ints, U, sealed, span, span_at, span_size
from schemas.jit import inlined, kernel

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """Partition of a key.

    Source: org.apache.kafka.common.utils.Utils.murmur2, made positive, modulo the number of partitions.
    """
    return int(partitions_of(sealed(key), np.array([span(0, len(key))], np.int64), partitions)[0])


@kernel
def partitions_of(data: Bytes, keys: Ints, partitions: Int) -> Ints:
    """Partition of each key, int64[n]; null belongs where the empty key does.

    Args:
        data: what the keys point into.
        keys: packed spans.
        partitions: how many the topic has.
    """
    found = np.empty(len(keys), np.int64)
    for row in range(len(keys)):
        found[row] = (_murmur2(data, span_at(keys[row]), span_size(keys[row])) & 0x7FFFFFFF) % partitions
    return found


@inlined
def _murmur2(data: Bytes, at: Int, size: Int) -> Int:
    size = np.int64(max(size, 0))
    value: Int = np.int64(_SEED) ^ size
    whole = at + (size & ~3)
    for place in range(at, whole, 4):
        k = _mixed(_word(data, place, 4))
        value = ((value * _M) & _MASK) ^ _mixed(k ^ (k >> 24))
    if size & 3:
        value = _mixed(value ^ _word(data, whole, size & 3))
    value = _mixed(value ^ (value >> 13))
    return value ^ (value >> 15)


@inlined
def _mixed(value: Int) -> Int:
    return (value * _M) & _MASK


@inlined
def _word(data: Bytes, at: Int, size: Int) -> Int:
    """Up to four bytes, the lowest first."""
    word: Int = np.int64(0)
    for place in range(size):
        word |= np.int64(data[U(at + place)]) << (8 * place)
    return word
