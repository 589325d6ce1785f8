"""The registry's compatibility check against fastavro's own schema resolution."""

import copy
import io
from typing import Any

import pytest
from fastavro import schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError
from hypothesis import event, find, given, settings
from hypothesis import strategies as st

from barline.stack.registry.compatibility import problems
from tests.avro_schemas import evolved, schemas, valid, values


def resolves(writer: Any, reader: Any, value: Any) -> bool:
    """Whether fastavro reads with one schema what it wrote with the other."""
    out = io.BytesIO()
    schemaless_writer(out, copy.deepcopy(writer), value)
    out.seek(0)
    try:
        schemaless_reader(out, copy.deepcopy(writer), copy.deepcopy(reader))
    except (SchemaResolutionError, ValueError, TypeError, KeyError, AttributeError):
        return False
    return True


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """A writer's schema, a reader's, and a value written."""
    writer = draw(schemas())
    reader = draw(evolved(writer) | schemas())
    valid(reader)
    return writer, reader, draw(values(*valid(writer)))


@settings(max_examples=4 * settings.default.max_examples)
@given(pairs())
def test_what_the_check_accepts_resolves_for_every_value(pair: tuple[Any, Any, Any]):
    writer, reader, value = pair
    if found := problems(reader, writer):
        event("refused")
        assert all(isinstance(text, str) for text in found)
    else:
        event("accepted")
        assert resolves(writer, reader, value)


def test_the_generated_pairs_would_catch_a_check_that_accepts_everything():
    writer, reader, _ = find(pairs(), lambda pair: not resolves(*pair))
    assert problems(reader, writer)


@given(schemas())
def test_a_schema_reads_itself(schema: Any):
    assert problems(schema, schema) == []


def record(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "Bar", "namespace": "md", "fields": list(fields)} | more


OLD = record({"name": "symbol", "type": "string"}, {"name": "size", "type": "int"})


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(
            record(*OLD["fields"], {"name": "vwap", "type": ["null", "double"], "default": None}),
            id="a new field with a default",
        ),
        pytest.param(record(OLD["fields"][1]), id="a field less"),
        pytest.param(record(*reversed(OLD["fields"])), id="another order"),
        pytest.param(record(OLD["fields"][0], {"name": "size", "type": "long"}), id="a wider number"),
        pytest.param(
            record(OLD["fields"][0], {"name": "size", "type": ["null", "int"]}), id="a field made nullable"
        ),
        pytest.param(
            record(OLD["fields"][0], {"name": "volume", "type": "int", "aliases": ["size"]}),
            id="a renamed field",
        ),
        pytest.param(record(*OLD["fields"], name="Bar2", aliases=["md.Bar"]), id="a renamed record"),
    ],
)
def test_what_people_change_is_accepted(new: Any):
    assert problems(new, OLD) == []


@pytest.mark.parametrize(
    ("new", "text"),
    [
        (record(*OLD["fields"], {"name": "must", "type": "string"}), "/must: a new field has no default"),
        (record(OLD["fields"][0], {"name": "size", "type": "string"}), "/size: string does not read int"),
        (record(*OLD["fields"], name="Trade"), "/: md.Trade does not read md.Bar"),
        (
            record({"name": "x", "type": "int", "aliases": ["symbol", "size"]}),
            "/x: two written fields fill it",
        ),
    ],
)
def test_what_breaks_readers_is_refused_with_its_place(new: Any, text: str):
    assert text in problems(new, OLD)
