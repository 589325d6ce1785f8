"""The kernels of ``schemas.batches`` against the definition in ``schemas.codec``."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.batches.encode import Encoder
from schemas.codec import LOCAL_IDS, LOCAL_NAMES, decode_record, encode_record
from schemas.errors import SchemaError
from schemas.records import RECORDS, record_type
from schemas.topics import TOPICS
from tests.records import any_record, comparable, decoded, fields_of, row_fields, topic_of


@pytest.mark.parametrize("record", RECORDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_batches_and_codec_agree_on_every_record_type_both_ways(record: str, data: st.DataObject) -> None:
    written = data.draw(st.lists(fields_of(record), min_size=1, max_size=3))
    values = [encode_record(record, LOCAL_IDS[record], fields) for fields in written]
    topic = topic_of(record)
    columns = decoded(topic, values)
    assert columns.kinds.tolist() == [topic.kind(record)] * len(values)
    for row, (value, fields) in enumerate(zip(values, written, strict=True)):
        read = comparable(row_fields(columns, record, row))
        assert read == comparable(decode_record(value, LOCAL_NAMES)[1]) == comparable(fields)
    encoded = list(Encoder(topic, LOCAL_IDS).encode(columns).records())
    assert [value for _, value, _ in encoded] == values
    assert [key for key, _, _ in encoded] == [_key(record, fields) for fields in written]
    assert [time for _, _, time in encoded] == [_time(record, fields) for fields in written]


def _key(record: str, fields: dict[str, object]) -> bytes | None:
    key = fields[record_type(record).key] if record_type(record).key else None
    return key.encode() if isinstance(key, str) else key


def _time(record: str, fields: dict[str, object]) -> int:
    return max(int(str(fields[record_type(record).event_time])) // 1_000_000, 0)


MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "add", "drop"]), st.integers(0, 400), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)


def mutated(value: bytes, mutations: list[tuple[str, int, int]]) -> bytes:
    body = bytearray(value[5:])
    for what, number, byte in mutations:
        place = number % len(body) if body else 0
        if what == "set" and body:
            body[place] = byte
        elif what == "cut":
            del body[place:]
        elif what == "drop" and body:
            del body[place]
        else:
            body.insert(place, byte)
    return value[:5] + bytes(body)


def _meaning(value: bytes) -> tuple[str, dict[str, object]] | str:
    """What the codec reads, or why it reads nothing."""
    try:
        return decode_record(value, LOCAL_NAMES)
    except SchemaError as error:
        return str(error)


@settings(max_examples=1500, deadline=None)
@given(record=any_record(), mutations=MUTATIONS)
def test_hostile_bytes_never_crash_and_are_classified_like_the_codec(
    record: tuple[str, dict[str, object]], mutations: list[tuple[str, int, int]]
) -> None:
    name, fields = record
    whole = encode_record(name, LOCAL_IDS[name], fields)
    value = mutated(whole, mutations)
    # what stands before and behind shows whether a kernel reads beyond the record
    columns = decoded(topic_of(name), [whole, value, whole])
    assert columns.kinds[0] == columns.kinds[2] >= 0
    meaning = _meaning(value)
    if columns.kinds[1] >= 0 and isinstance(meaning, tuple):
        assert comparable(row_fields(columns, name, int(columns.rows[1]))) == comparable(meaning[1])
    elif columns.kinds[1] >= 0:
        assert "UnicodeDecodeError" in meaning  # text that is no UTF-8 passes as bytes
    elif isinstance(meaning, tuple):  # bytes that fastavro forgives, but no writer makes
        assert encode_record(*(name, LOCAL_IDS[name], meaning[1])) != value


@given(
    value=st.one_of(st.none(), st.binary(max_size=60), st.binary(max_size=20).map(lambda b: b"\0\0\0\0" + b))
)
@example(value=b"")
@example(value=b"\0\0\0\0")
@settings(max_examples=500, deadline=None)
def test_bytes_of_no_record_are_undecodable_on_every_topic(value: bytes | None) -> None:
    for topic in TOPICS.values():
        columns = decoded(topic, [value])
        if columns.kinds[0] >= 0:
            assert value is not None
            assert LOCAL_NAMES[int.from_bytes(value[1:5], "big")] == topic.records[columns.kinds[0]]
        else:
            assert columns.rows[0] == -1
            assert len(columns.values) == 1


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_records_of_several_types_keep_their_order(data: st.DataObject) -> None:
    topic = topic_of("Tick")
    names = data.draw(st.lists(st.sampled_from(topic.records), max_size=12))
    written = [data.draw(fields_of(name)) for name in names]
    values = [encode_record(n, LOCAL_IDS[n], f) for n, f in zip(names, written, strict=True)]
    columns = decoded(topic, values)
    assert [topic.records[kind] for kind in columns.kinds] == names
    for name, fields, row in zip(names, written, columns.rows, strict=True):
        assert comparable(row_fields(columns, name, int(row))) == comparable(fields)
    assert [value for _, value, _ in Encoder(topic, LOCAL_IDS).encode(columns).records()] == values
