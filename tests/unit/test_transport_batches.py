"""Fetches: whole batches, where they begin, where they end."""

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.transport.batches import Fetch, end_of
from streams.transport.chunk import Chunk


def batch(base: int, count: int) -> bytes:
    """One record batch; its records are at ``base`` and after."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for number in range(count):
        builder.append(number, 1_000 + number, b"key", b"value %d" % (base + number), [])
    raw = bytearray(builder.build())
    raw[0:8] = base.to_bytes(8, "big")
    return bytes(raw)


def chunk(data: bytes, start: int) -> Chunk:
    return Chunk("topic", 0, 1, [Fetch(start, end_of(data), data, ())], start)


def test_a_fetch_ends_after_its_last_whole_batch():
    data = batch(10, 3) + batch(13, 2)
    assert (end_of(data), end_of(memoryview(data))) == (15, 15)
    assert chunk(data, 10).frames().offsets.tolist() == [10, 11, 12, 13, 14]


def test_records_below_the_wanted_offset_are_cut_off():
    assert chunk(batch(10, 5), 12).frames().offsets.tolist() == [12, 13, 14]


def test_a_batch_that_is_cut_short_is_left_for_the_next_fetch():
    whole = batch(10, 3) + batch(13, 2)
    for size in range(len(batch(10, 3)), len(whole)):
        assert end_of(whole[:size]) == 13
    assert chunk(whole[:-1], 10).frames().offsets.tolist() == [10, 11, 12]


def test_a_fetch_without_a_whole_batch_says_so():
    whole = batch(10, 3)
    assert {end_of(whole[:size]) for size in range(len(whole))} == {-1}
