"""Raw record batches, built by aiokafka's own builder, against the records that went in."""

from contextlib import suppress
from functools import reduce
from operator import or_

import cramjam
import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.batches.bodies import _record, _short_record
from schemas.batches.compression import decompress
from schemas.batches.frames import Frames, from_batches, from_records
from schemas.batches.headers import HEADER, headers_of
from schemas.batches.wire import BROKEN, sealed
from schemas.errors import SchemaError

Record = tuple[int, int, bytes | None, bytes | None]

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

LZ4_CHECKSUMS = {(0x60, 0x40): b"\x82", (0x40, 0x40): b"\xc0", (0x60, 0x70): b"\x73"}
"""Of the header of a frame, by its flags and its largest block."""

RECORDS = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.integers(0, 2**45),
        st.one_of(st.none(), st.binary(max_size=20)),
        st.one_of(st.none(), st.binary(max_size=300)),
    ),
    min_size=1,
    max_size=30,
).map(
    lambda rows: [
        (offset, *row[1:]) for offset, row in zip(np.cumsum([r[0] for r in rows]), rows, strict=True)
    ]
)


def batch(
    records: list[Record], codec: int = 0, base: int = 0, producer: int = -1, transactional: bool = False
) -> bytes:
    """A record batch with the offsets of its records counted from ``base``."""
    builder = DefaultRecordBatchBuilder(2, codec, transactional, producer, -1, -1, 1 << 24)
    for offset, timestamp, key, value in records:
        builder.append(int(offset) - base, timestamp, key, value, [("made_by", b"test")])
    built = bytearray(builder.build())
    built[0:8] = base.to_bytes(8, "big")
    return bytes(built)


def marker(offset: int, producer: int) -> bytes:
    """A control batch that aborts the producer's transaction."""
    built = bytearray(
        batch([(offset, 1, b"\0\0\0\0", b"\0\0\0\0\0\0")], 0, offset, producer, transactional=True)
    )
    built[22] |= 0x20
    return resealed(built)


def resealed(built: bytearray) -> bytes:
    """The batch with the checksum of its bytes."""
    built[17:21] = calc_crc32c(bytes(built[21:])).to_bytes(4, "big")
    return bytes(built)


def listed(frames: Frames) -> list[Record]:
    whole = frames.data.tobytes()

    def text(span: np.void) -> bytes | None:
        return None if span["size"] < 0 else whole[span["at"] : span["at"] + span["size"]]

    return [
        (int(offset), int(time), text(key), text(value))
        for offset, time, key, value in zip(
            frames.offsets, frames.timestamps, frames.keys, frames.values, strict=True
        )
    ]


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=40, deadline=None)
@given(records=RECORDS)
def test_record_batches_of_every_codec_give_their_records(codec: str, records: list[Record]) -> None:
    assert listed(from_batches([batch(records, CODECS[codec])])) == records


@given(body=st.binary(max_size=80).map(lambda text: text * 40), torn=st.integers(0, 255), data=st.data())
def test_an_lz4_frame_of_one_block_is_read_as_any_other(body: bytes, torn: int, data: st.DataObject) -> None:
    """As librdkafka and Java write them: no sizes, no checksums."""
    block = bytes(cramjam.lz4.compress_block(body, store_size=False))
    for flags, most in ((0x60, 0x40), (0x40, 0x40), (0x60, 0x70)):
        head = b"\x04\x22\x4d\x18" + bytes((flags, most))
        frame = head + LZ4_CHECKSUMS[flags, most] + len(block).to_bytes(4, "little") + block + bytes(4)
        assert cramjam.lz4.decompress(frame).read() == body
        assert decompress(sealed(frame), CODECS["lz4"]).tobytes() == body
    wrong = bytearray(frame)
    wrong[data.draw(st.integers(11, len(frame) - 5))] = torn
    with suppress(SchemaError):  # what is torn may still be a block, of the same bytes as for others
        read = decompress(sealed(bytes(wrong)), CODECS["lz4"]).tobytes()
        assert cramjam.lz4.decompress(bytes(wrong)).read() == read


@given(records=RECORDS)
def test_records_one_by_one_give_the_same_frames(records: list[Record]) -> None:
    assert listed(from_records(records)) == records


def test_no_batches_give_no_frames() -> None:
    assert len(from_batches([])) == len(from_records([])) == 0


def test_batches_behind_each_other_and_a_torn_tail_are_read_like_a_fetch() -> None:
    first, second = batch([(0, 1, b"a", b"x")]), batch([(1, 2, b"b", b"y")], CODECS["lz4"], 1)
    whole = listed(from_batches([first + second + batch([(2, 3, None, b"z")], 0, 2)[:-1]]))
    assert whole == listed(from_batches([first, second])) == [(0, 1, b"a", b"x"), (1, 2, b"b", b"y")]


def test_records_below_the_first_wanted_offset_are_left_out() -> None:
    records: list[Record] = [(offset, 1, None, b"x") for offset in range(5)]
    assert from_batches([batch(records)], first=3).offsets.tolist() == [3, 4]


def test_log_append_time_replaces_the_times_of_the_records() -> None:
    built = bytearray(batch([(0, 5, None, b"x"), (1, 9, None, b"y")]))
    built[22] |= 0x08
    assert from_batches([resealed(built)]).timestamps.tolist() == [9, 9]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("others", [(), (3, 100)])
def test_any_number_of_batches_in_one_fetch_is_read(codec: int, others: tuple[int, ...]) -> None:
    log = [batch([(at, 5, b"k", b"v%d" % at)], 3 if at in others else codec, at) for at in range(150)]
    found = listed(from_batches([b"".join(log)]))
    assert found == [(at, 5, b"k", b"v%d" % at) for at in range(150)]
    log[-1] = log[-1][:-1] + bytes([log[-1][-1] ^ 1])
    with pytest.raises(SchemaError, match=r"checksum.*offset 149"):
        from_batches([b"".join(log)])
    assert len(from_batches([b"".join(log[:-1]) + log[-1][:-1]])) == 149  # the last one is cut short


INT, LONG = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(0, 2**62)


@given(st.lists(st.tuples(SMALL, INT, st.integers(0, 2**15 - 1), INT, LONG, LONG, LONG, INT), max_size=70))
def test_headers_are_read_as_struct_reads_them(rows: list[tuple[int, ...]]) -> None:
    whole = b""
    for offset, epoch, attributes, last, first, largest, producer, count in rows:
        fields = (offset, 49, epoch, 2, 0, attributes, last, first, largest, producer, 0, 0, count)
        whole += resealed(bytearray(HEADER.pack(*fields)))
    found, joined = headers_of(sealed(whole))
    assert joined == reduce(or_, [row[2] for row in rows], 0)
    assert found.tolist() == [
        [
            offset,
            first,
            largest if attributes & 8 else -1,
            count,
            end,
            end,
            attributes,
            offset + last,
            producer,
        ]
        for (offset, _, attributes, last, first, largest, producer, count), end in zip(
            rows, range(61, len(whole) + 61, 61), strict=False
        )
    ]


def test_snappy_is_read_raw_and_in_the_framing_of_xerial() -> None:
    plain = batch([(0, 1, b"k", b"v" * 100_000)])
    framed = batch([(0, 1, b"k", b"v" * 100_000)], CODECS["snappy"])
    assert framed[61:].startswith(b"\x82SNAPPY\0")
    raw = bytearray(plain[:61] + bytes(cramjam.snappy.compress_raw(plain[61:])))
    raw[8:12] = (len(raw) - 12).to_bytes(4, "big")
    raw[22] |= CODECS["snappy"]
    assert (
        listed(from_batches([framed]))
        == listed(from_batches([resealed(raw)]))
        == listed(from_batches([plain]))
    )


def test_aborted_transactions_and_control_batches_are_skipped() -> None:
    log = [
        batch([(0, 1, None, b"kept")], 0, 0, producer=7, transactional=True),
        marker(1, 7),
        batch([(2, 1, None, b"aborted")], 0, 2, producer=7, transactional=True),
        batch([(3, 1, None, b"another's")], 0, 3, producer=8, transactional=True),
        batch([(4, 1, None, b"plain")], 0, 4),
        marker(5, 7),
        batch([(6, 1, None, b"later")], 0, 6, producer=7, transactional=True),
    ]
    assert from_batches(log, aborted=[(7, 2)]).offsets.tolist() == [0, 3, 4, 6]
    assert from_batches(log).offsets.tolist() == [0, 2, 3, 4, 6]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda b: b[:70] + bytes([b[70] ^ 1]) + b[71:], id="a flipped bit"),
        pytest.param(lambda b: b[:16] + b"\1" + b[17:], id="an old format"),
        pytest.param(lambda b: b[:8] + b"\0\0\0\x05" + b[12:], id="a length below the header's"),
        pytest.param(lambda b: resealed(bytearray(b[:57] + b"\0\0\0\x09" + b[61:])), id="too few records"),
        pytest.param(lambda b: resealed(bytearray(b[:57] + b"\0\0\0\x01" + b[61:])), id="too many bytes"),
        pytest.param(lambda b: resealed(bytearray(b[:22] + b"\7" + b[23:])), id="an unknown codec"),
        pytest.param(lambda b: resealed(bytearray(b[:22] + b"\3" + b[23:])), id="bytes of another codec"),
    ],
)
def test_a_broken_batch_is_refused(broken: object) -> None:
    whole = batch([(0, 1, b"k", b"v" * 40), (1, 1, b"k", b"v" * 40)])
    with pytest.raises(SchemaError):
        from_batches([broken(whole)])


@settings(max_examples=300, deadline=None)
@given(records=RECORDS, place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_hostile_records_under_a_right_checksum_never_crash(
    records: list[Record], place: int, byte: int
) -> None:
    built = bytearray(batch(records))
    built[61 + place % (len(built) - 61)] = byte
    try:
        frames = from_batches([resealed(built)])
    except SchemaError:
        return
    assert len(frames) <= len(records)
    assert np.all(frames.values["at"] + frames.values["size"] <= len(frames.data))


def varint(number: int) -> bytes:
    bits, out = number << 1 if number >= 0 else (-number << 1) - 1, bytearray()
    while bits > 127:
        out.append(bits & 127 | 128)
        bits >>= 7
    return bytes([*out, bits])


NUMBERS = st.sampled_from(
    [0, 1, -1, 63, 64, 8_191, 8_192, 2**20 - 1, 2**20, -(2**20), -(2**20) - 1, 2**40, 2**62]
)
WRONG = st.one_of(st.just(0), st.integers(-4, 4), NUMBERS)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A record, perhaps with wrong sizes, perhaps with bytes changed, cut, whole or twice."""
    key, value = draw(st.binary(max_size=20)), draw(st.binary(max_size=90))
    texts = [varint(len(text) + draw(WRONG)) + text for text in (key, value)]
    rest = (
        b"\0" + varint(draw(NUMBERS)) + varint(draw(NUMBERS)) + b"".join(texts) + draw(st.binary(max_size=4))
    )
    body = bytearray(varint(len(rest) + draw(WRONG)) + rest)
    for place, byte in draw(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 255)), max_size=2)):
        body[place % len(body)] = byte
    return bytes(draw(st.sampled_from([body, body * 2, body[: draw(st.integers(0, len(body)))]])))


@settings(max_examples=1500, deadline=None)
@given(body=bodies())
def test_a_record_is_read_the_short_way_as_the_long_one_whatever_follows(body: bytes) -> None:
    around = (b"", b"\0" * 16, b"\2" * 16, b"\xff" * 16)
    short, long = ({read(body, behind) for behind in around} for read in (_short, _long))
    assert len(short) == len(long) == 1
    assert short in (long, {BROKEN})


def _short(body: bytes, behind: bytes) -> object:
    found = _short_record(sealed(body + behind), 0, len(body))
    return BROKEN if found[0] == BROKEN else found


def _long(body: bytes, behind: bytes) -> object:
    found = _record(sealed(body + behind), 0, len(body))
    return BROKEN if found[0] == BROKEN else found


def test_what_producers_make_is_read_the_short_way() -> None:
    body = batch([(offset, 10**12 + offset, b"key", b"v" * 90) for offset in range(10_000)])[61:]
    data, at, found = sealed(body), 0, 0
    while (after := _short_record(data, at, len(body))[0]) != BROKEN:
        at, found = after, found + 1
    assert found == 10_000
