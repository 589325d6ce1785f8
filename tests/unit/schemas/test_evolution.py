"""Values written with another version of a schema."""

import io
import json

import fastavro
import pytest

from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.codec import LOCAL_IDS, LOCAL_NAMES, decode_record, encode_record
from schemas.errors import DependencyError, SchemaError
from schemas.records import record_type
from schemas.topics import TOPICS
from tests.records import framed, row_fields

TICK = {
    "symbol": "SPY", "ts_event": 1, "ts_recv": 2, "price": 1.5, "size": None, "seq": 7, "source": "sim",
    "trade_id": "t", "conditions": None, "flags": 0,
}  # fmt: skip
OLD_ID, NEW_ID = 900, 901


def version(change: object) -> str:
    schema = json.loads(record_type("Tick").text)
    schema["fields"] = change(schema["fields"])
    return json.dumps(schema)


OLD = version(lambda fields: [f for f in fields if f["name"] not in ("flags", "conditions")])
NEW = version(lambda fields: [{"name": "venue", "type": "string", "default": ""}, *reversed(fields)])
REGISTERED = {OLD_ID: OLD, NEW_ID: NEW, 902: json.dumps({"type": "record", "name": "Other", "fields": []})}


def written(schema_id: int, fields: dict[str, object]) -> bytes:
    target = io.BytesIO()
    target.write(b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(target, fastavro.parse_schema(json.loads(REGISTERED[schema_id])), fields)
    return target.getvalue()


def test_other_versions_of_a_schema_are_resolved_between_records_of_ours() -> None:
    ours = encode_record("Tick", LOCAL_IDS["Tick"], TICK)
    values = [ours, written(OLD_ID, TICK), written(NEW_ID, {**TICK, "venue": "X"}), ours]
    columns = Decoder(TOPICS["ticks.raw"], LOCAL_NAMES, REGISTERED.get).decode(framed(values), 3)
    assert [row_fields(columns, "Tick", row) for row in columns.rows] == [TICK] * 4
    assert columns.bytes_at(columns.values[1]) == values[1]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(written(OLD_ID, TICK)[:-1], id="cut"),
        pytest.param(written(OLD_ID, TICK) + b"\0", id="longer"),
        pytest.param(b"\0\0\0\3\x86", id="another record"),
        pytest.param(b"\0\0\0\3\xff", id="unknown id"),
    ],
)
def test_foreign_values_that_cannot_be_read_are_undecodable(value: bytes) -> None:
    columns = Decoder(TOPICS["ticks.raw"], LOCAL_NAMES, REGISTERED.get).decode(framed([value]), 0)
    assert columns.kinds.tolist() == [-1]


def test_a_registry_that_cannot_be_asked_makes_no_dead_letter() -> None:
    def down(_: int) -> str | None:
        raise DependencyError("registry must answer, was silent")

    with pytest.raises(DependencyError):
        Decoder(TOPICS["ticks.raw"], LOCAL_NAMES, down).decode(framed([written(OLD_ID, TICK)]), 0)


def test_a_record_that_is_not_of_the_topic_is_undecodable() -> None:
    value = encode_record("Gap", LOCAL_IDS["Gap"], decode_record(gap_value(), LOCAL_NAMES)[1])
    assert Decoder(TOPICS["ticks.raw"], LOCAL_NAMES).decode(framed([value]), 0).kinds.tolist() == [-1]


def gap_value() -> bytes:
    numbers = dict.fromkeys(record_type("Gap").names, 1)
    return encode_record("Gap", LOCAL_IDS["Gap"], {**numbers, "symbol": "SPY", "state": "open"})


def test_an_encoder_needs_an_id_for_each_record_of_its_topic() -> None:
    with pytest.raises(SchemaError, match="Heartbeat"):
        Encoder(TOPICS["ready"], {"Ready": 1})


@pytest.mark.parametrize("fields", [{}, {**TICK, "price": "high"}, {**TICK, "extra": 1}])
def test_the_codec_refuses_fields_that_do_not_follow_the_schema(fields: dict[str, object]) -> None:
    with pytest.raises(SchemaError):
        encode_record("Tick", 1, fields)
