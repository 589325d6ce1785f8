"""Built record batches against two readers: aiokafka's, which had no part in it, and our frames."""

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from schemas.batches.builder import LIMIT, BatchBuilder, header_block
from schemas.batches.encode import Encoded
from schemas.batches.frames import from_batches
from schemas.errors import SchemaError

Record = tuple[bytes | None, bytes | None, int]
Headers = list[tuple[str, bytes]]

NOW = 1_720_000_000_123
TEXTS = st.none() | st.binary(max_size=200) | st.sampled_from([b"", b"SPY", bytes(5_000)])
TIMES = st.sampled_from([0, 1, NOW, 2**53]) | st.integers(NOW - 100, NOW + 100)
RECORDS = st.lists(st.tuples(TEXTS, TEXTS, TIMES), min_size=1, max_size=60)
HEADERS = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=200)), max_size=3)


def encoded(records: Sequence[Record]) -> Encoded:
    keys, values, times = zip(*records, strict=True)
    return Encoded.of(keys, values, np.array(times, np.int64))


def built(records: Sequence[Record], headers: Headers, cuts: Sequence[int] = ()) -> list[bytearray]:
    """The batches of records that come in lots, each begun where the one before is full."""
    block, batches, sequence = header_block(headers), [BatchBuilder()], 0
    for low, high in zip([0, *cuts], [*cuts, len(records)], strict=True):
        lot, row = encoded(records[low:high]) if low < high else None, 0
        while lot is not None and row < len(lot):
            row, before = batches[-1].add(lot, row, block, NOW), row
            if row == before:
                batches.append(BatchBuilder())
    out = []
    for batch in batches:
        out.append(batch.build(7, 3, sequence))
        sequence += batch.count
    return out


def read_by_aiokafka(batch: bytes) -> list[tuple[Record, Headers]]:
    reader = DefaultRecordBatch(bytes(batch))
    assert reader.validate_crc()
    return [((one.key, one.value, one.timestamp), list(one.headers)) for one in reader]


def read_by_us(batches: Sequence[bytes]) -> list[Record]:
    frames = from_batches(batches)
    whole = frames.data.tobytes()
    texts = [
        [None if size < 0 else whole[at : at + size] for at, size in spans.tolist()]
        for spans in (frames.keys, frames.values)
    ]
    return list(zip(*texts, frames.timestamps.tolist(), strict=True))


@given(RECORDS, HEADERS, st.data())
def test_what_is_built_is_read(records: list[Record], headers: Headers, data: st.DataObject):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=3)))
    expected = [(key, value, time or NOW) for key, value, time in records]
    batches = built(records, headers, cuts)
    found = [row for batch in batches for row in read_by_aiokafka(batch)]
    assert found == [(row, headers) for row in expected]
    assert read_by_us(batches) == expected


@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=12), st.booleans())
def test_a_batch_is_full_at_its_limit_and_takes_one_record_of_any_size(sizes: list[int], plain: bool):
    text = np.random.default_rng(1).bytes(400_000) if plain else bytes(400_000)
    sizes = [*sizes, 3 * LIMIT, 1]
    records: list[Record] = [(None, (text * 8)[:size], NOW) for size in sizes]
    batches = built(records, [])
    assert read_by_us(batches) == records
    counts = [len(from_batches([batch])) for batch in batches]
    ends = np.cumsum(counts)
    for start, end in zip(ends - counts, ends, strict=True):
        assert sum(sizes[start:end]) <= max(LIMIT, sizes[start] + 40)  # what the estimate is above


def test_the_header_says_who_sent_it_and_which_records_they_are():
    first, second = built([(b"k", bytes(LIMIT), NOW), (b"k", b"v" * 99, NOW + 5)], [])
    readers = [DefaultRecordBatch(bytes(batch)) for batch in (first, second)]
    assert [struct.unpack_from(">qhi", batch, 43) for batch in (first, second)] == [(7, 3, 0), (7, 3, 1)]
    assert [one.compression_type for one in readers] == [DefaultRecordBatch.CODEC_LZ4, 0]
    assert (readers[1].first_timestamp, readers[1].max_timestamp) == (NOW + 5, NOW + 5)
    assert not any(one.is_transactional or one.is_control_batch for one in readers)


def test_timestamps_before_the_first_and_the_largest_are_kept():
    (batch,) = built([(None, b"a", NOW), (None, b"b", NOW - 50), (None, b"c", NOW + 9)], [])
    reader = DefaultRecordBatch(bytes(batch))
    assert (reader.first_timestamp, reader.max_timestamp) == (NOW, NOW + 9)
    assert [row[2] for row in read_by_us([batch])] == [NOW, NOW - 50, NOW + 9]


@pytest.mark.parametrize("place", [21, 40, 61, -1])
def test_a_changed_byte_is_seen(place: int):
    (batch,) = built([(b"k", b"value", NOW)], [("made_by", b"ticks")])
    batch[place] ^= 1
    assert not DefaultRecordBatch(bytes(batch)).validate_crc()
    with pytest.raises(SchemaError, match="checksum"):
        from_batches([batch])
