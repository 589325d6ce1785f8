import io

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batches.nested import (
    decode_map,
    decode_texts,
    encode_items,
    encode_texts,
    map_key,
    pack_double,
)
from schemas.errors import SchemaError

MAP = fastavro.parse_schema({"type": "map", "values": "double"})
ARRAY = fastavro.parse_schema({"type": "array", "items": "string"})


def written(schema: object, value: object) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


@given(st.dictionaries(st.text(max_size=100), st.floats(allow_nan=False)))
def test_a_map_has_the_bytes_that_fastavro_writes(values: dict[str, float]):
    data = encode_items([map_key(name) + pack_double(value) for name, value in values.items()])
    assert data == written(MAP, values)
    assert decode_map(data) == values


@given(st.lists(st.text(max_size=100), max_size=200))
def test_an_array_has_the_bytes_that_fastavro_writes(texts: list[str]):
    assert encode_texts(texts) == written(ARRAY, texts)
    assert decode_texts(encode_texts(texts)) == texts


def test_a_block_with_its_size_is_read():
    assert decode_texts(b"\x01\x04\x02a\x00") == ["a"]


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x02\x10ab", b"\x02\x03ab", b"\x02\x02\xff\x00"])
def test_bytes_that_end_too_early_or_are_no_text_are_refused(data: bytes):
    with pytest.raises(SchemaError):
        decode_texts(data)
    with pytest.raises(SchemaError):
        decode_map(data + b"\x01")
