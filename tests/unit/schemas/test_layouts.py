"""Every layout against the declared schema it comes from."""

import json
from importlib.resources import files

import numpy as np
import pytest

from schemas.batches.program import NULLABLE, OP, SYMBOLS, program
from schemas.records import RECORDS, SPAN, Op, record_type
from schemas.topics import TOPICS

CELLS = {
    "long": (Op.LONG, "<i8"), "double": (Op.DOUBLE, "<f8"), "boolean": (Op.BOOLEAN, "<i8"),
    "enum": (Op.LONG, "<i8"), "string": (Op.TEXT, SPAN), "bytes": (Op.TEXT, SPAN),
    "map": (Op.MAP_DOUBLE, SPAN), "array": (Op.ARRAY_TEXT, SPAN),
}  # fmt: skip


@pytest.mark.parametrize("record", RECORDS)
def test_every_cell_follows_the_declared_field(record: str) -> None:
    declared = json.loads(files("schemas").joinpath("avro", f"{record}.avsc").read_text())
    kind = record_type(record)
    assert [field["name"] for field in declared["fields"]] == list(kind.names)
    assert kind.dtype.names == (*kind.names, "nulls")
    assert kind.dtype.itemsize == 8 * (len(kind.names) + 1)
    for position, (field, step) in enumerate(zip(declared["fields"], program(kind), strict=True)):
        types = field["type"] if isinstance(field["type"], list) else [field["type"]]
        inner = types[-1]["type"] if isinstance(types[-1], dict) else types[-1]
        op, cell = CELLS[inner]
        assert kind.dtype.fields[field["name"]] == (np.dtype(cell), 8 * position)
        assert (step & OP, bool(step & NULLABLE)) == (op, types[0] == "null")
        assert step >> SYMBOLS == (len(types[-1]["symbols"]) if inner == "enum" else 0)
        assert len(types) == 1 or types[0] == "null"


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_has_a_topic_and_a_namespace(record: str) -> None:
    declared = json.loads(record_type(record).text)
    assert (declared["namespace"], declared["name"]) == ("barline", record)
    assert any(record in topic.records for topic in TOPICS.values())
