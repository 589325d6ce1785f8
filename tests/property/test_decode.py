"""What the kernel of decode reads in place, against what it reads the long way, and what stands around it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.batches.decode import Decoder, _fill, _fill_common
from schemas.batches.program import program
from schemas.batches.wire import sealed
from schemas.codec import LOCAL_IDS, LOCAL_NAMES, decode_record, encode_record
from schemas.columns import Columns
from schemas.records import record_type
from tests.property.test_codec import MUTATIONS, mutated
from tests.records import any_record, decoded, fields_of, framed, row_fields, topic_of

AROUND = (b"", b"\0" * 16, b"\2" * 16, b"\x7f" * 16, b"\xff" * 16)
UNKNOWN = 2**31
TICKS = topic_of("Tick")


def filled(fill: object, name: str, body: bytes, behind: bytes) -> list[int] | None:
    """The cells that a kernel reads from a body with other bytes behind; none where it says no."""
    steps = program(record_type(name))
    cells = np.full(len(steps) + 1, -7, np.int64)
    whole = fill(sealed(body + behind), 0, len(body), steps, 0, len(steps), cells, 0)
    return cells.tolist() if whole else None


@settings(max_examples=800, deadline=None)
@given(record=any_record(), mutations=st.just([]) | MUTATIONS)
def test_what_is_read_in_place_is_what_is_read_the_long_way_whatever_follows(
    record: tuple[str, dict[str, object]], mutations: list[tuple[str, int, int]]
) -> None:
    name, fields = record
    body = mutated(encode_record(name, LOCAL_IDS[name], fields), mutations)[5:]
    short = [filled(_fill_common, name, body, behind) for behind in AROUND]
    long = [filled(_fill, name, body, behind) for behind in AROUND]
    assert all(one == short[0] for one in short)
    assert all(one == long[0] for one in long)
    assert short[0] in (long[0], None)
    if not mutations:
        assert short[0] is not None, "what a writer makes must be read in place"


@settings(max_examples=100, deadline=None)
@given(fields=fields_of("Tick"), more=st.integers(1, 3))
def test_a_branch_in_more_bytes_than_it_needs_is_read_the_long_way(
    fields: dict[str, object], more: int
) -> None:
    fields |= {"flags": 0, "conditions": None}
    body = encode_record("Tick", LOCAL_IDS["Tick"], fields)[5:]
    assert body[-2:] == b"\0\0"
    longer = body[:-2] + b"\x80" * more + b"\0\0"
    assert filled(_fill_common, "Tick", longer, b"") is None
    assert filled(_fill, "Tick", longer, b"") == filled(_fill, "Tick", body, b"")


@given(fields=fields_of("Heartbeat"), more=st.integers(1, 8))
def test_a_number_in_more_bytes_than_it_needs_is_read_as_the_codec_does(
    fields: dict[str, object], more: int
) -> None:
    names = {"source": "a", "writer": "b"}
    value = encode_record("Heartbeat", LOCAL_IDS["Heartbeat"], {**fields, **names, "ts": 1})
    at = 9  # behind the schema id and both names
    longer = value[:at] + bytes([value[at] | 0x80]) + b"\x80" * (more - 1) + b"\0" + value[at + 1 :]
    assert decode_record(longer, LOCAL_NAMES) == decode_record(value, LOCAL_NAMES)
    columns = decoded(topic_of("Heartbeat"), [longer, value])
    first, second = (row_fields(columns, "Heartbeat", int(row)) for row in columns.rows)
    assert first == second


def cells_of(columns: Columns, name: str, row: int) -> list[bytes]:
    """The cells of a row, spans as the bytes that they point to."""
    cells, fields = columns.table(name)[row], record_type(name).fields
    shown = [columns.bytes_at(cells[f.name]) if f.is_span else cells[f.name].tobytes() for f in fields]
    return [*shown, cells["nulls"].tobytes()]


def value_of(name: str) -> st.SearchStrategy[bytes]:
    return fields_of(name).map(lambda fields: encode_record(name, LOCAL_IDS[name], fields))


ANY_VALUE = st.one_of(
    *map(value_of, TICKS.records),
    st.none(),
    st.binary(max_size=9).map(lambda rest: b"\0" + rest),
    value_of("Tick").map(lambda value: b"\0" + UNKNOWN.to_bytes(4, "big") + value[5:]),
    value_of("Tick").map(lambda value: b"\1" + value[1:]),
    value_of("Bar"),
    st.tuples(value_of("Tick"), MUTATIONS).map(lambda drawn: mutated(*drawn)),
)
"""A value on a topic of ticks: of its types, of another, of an unknown id, null, short, no Avro, broken."""


@settings(max_examples=300, deadline=None)
@given(values=st.lists(ANY_VALUE, max_size=12), known=st.booleans())
def test_records_in_any_order_are_decoded_as_one_by_one(values: list[bytes | None], known: bool) -> None:
    text = record_type("Tick").text if known else None
    decoder = Decoder(TICKS, LOCAL_NAMES, {UNKNOWN: text}.get)
    columns = decoder.decode(framed(values), 0)
    for place, value in enumerate(values):
        one = decoder.decode(framed([value]), 0)
        assert columns.kinds[place] == one.kinds[0]
        assert (columns.rows[place] < 0) == (one.kinds[0] < 0)
        if one.kinds[0] >= 0:
            name, row = TICKS.records[one.kinds[0]], int(columns.rows[place])
            assert cells_of(columns, name, row) == cells_of(one, name, 0)
    assert [len(table) for table in columns.tables] == [
        int(np.sum(columns.kinds == kind)) for kind in range(len(TICKS.records))
    ]


def test_every_beginning_of_a_value_at_the_end_of_its_buffer_is_undecodable() -> None:
    tick = {
        "symbol": "SPY", "ts_event": 10**18, "ts_recv": 10**18, "price": 1.25, "size": 2.0, "seq": 70_000,
        "source": "s", "trade_id": "t", "conditions": None, "flags": 1,
    }  # fmt: skip
    value = encode_record("Tick", LOCAL_IDS["Tick"], tick)
    assert [decoded(TICKS, [value[:size]]).kinds[0] for size in range(len(value))] == [-1] * len(value)
    assert decoded(TICKS, [value]).kinds[0] == TICKS.kind("Tick")
