"""Fetches: whole batches, where they begin, where they end."""

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.transport.batches import RawPartitionRecords, RawRecords, install
from streams.transport.chunk import Chunk


def batch(base: int, count: int) -> bytes:
    """One record batch; its records are at ``base`` and after."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for number in range(count):
        builder.append(number, 1_000 + number, b"key", b"value %d" % (base + number), [])
    raw = bytearray(builder.build())
    raw[0:8] = base.to_bytes(8, "big")
    return bytes(raw)


def fetched(data: bytes, offset: int) -> RawPartitionRecords:
    return RawPartitionRecords(("topic", 0), RawRecords(data), None, offset, None, None, False, 0)


def test_a_fetch_is_one_element_with_all_its_bytes():
    records = fetched(batch(10, 3) + batch(13, 2), 10)
    (fetch,) = records
    assert (fetch.start, fetch.end, records.next_fetch_offset) == (10, 15, 15)
    assert Chunk("topic", 0, 1, [fetch], fetch.start).frames().offsets.tolist() == [10, 11, 12, 13, 14]


def test_records_below_the_wanted_offset_are_cut_off():
    (fetch,) = fetched(batch(10, 5), 12)
    assert Chunk("topic", 0, 1, [fetch], fetch.start).frames().offsets.tolist() == [12, 13, 14]


def test_a_batch_that_is_cut_short_is_left_for_the_next_fetch():
    records = fetched(batch(10, 3) + batch(13, 2)[:-1], 10)
    (fetch,) = records
    assert fetch.end == records.next_fetch_offset == 13
    assert Chunk("topic", 0, 1, [fetch], fetch.start).frames().offsets.tolist() == [10, 11, 12]


def test_a_fetch_without_a_whole_batch_says_so():
    records = RawRecords(batch(10, 3)[:-1])
    assert not records.has_next()
    assert records.size_in_bytes() > 0
    assert RawRecords(b"").size_in_bytes() == 0


def test_installing_replaces_what_the_fetcher_asks():
    before = fetcher.MemoryRecords, fetcher.PartitionRecords
    try:
        install()
        assert (fetcher.MemoryRecords, fetcher.PartitionRecords) == (RawRecords, RawPartitionRecords)
    finally:
        fetcher.MemoryRecords, fetcher.PartitionRecords = before
