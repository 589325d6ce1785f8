"""Hypothesis strategies for Avro: schemas, edits that people make to them, and values that fit."""

import copy
from typing import Any

from fastavro import parse_schema
from fastavro.schema import SchemaParseException, UnknownType
from hypothesis import assume
from hypothesis import strategies as st

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
LOGICAL = [
    {"type": "int", "logicalType": "date"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
    {"type": "string", "logicalType": "uuid"},
]
_DEFAULTS = dict(zip(PRIMITIVES, [None, True, 1, 2, 0.5, 1.5, "", ""], strict=True))
_FIELDS = ["a", "b", "c", "d"]
_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(0, 100_000),
    "long": st.integers(0, 2**40),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=2),
    "string": st.text(max_size=4),
}


def valid(schema: Any) -> tuple[Any, dict[str, Any]]:
    """A schema with full names and its named types; what is no schema is not tested with."""
    named: dict[str, Any] = {}
    try:
        return parse_schema(copy.deepcopy(schema), named_schemas=named, _write_hint=False), named
    except (SchemaParseException, UnknownType):
        assume(False)
        raise


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3, name: str = "T") -> Any:
    """An Avro schema whose named types have names of their own, made from their place."""
    leaf = st.sampled_from(PRIMITIVES) | st.sampled_from(LOGICAL)
    inner = schemas(depth - 1, name + "i") if depth else leaf
    kinds = {
        "leaf": leaf.map(copy.deepcopy),
        "record": records(depth - 1, name),
        "enum": enums(name),
        "fixed": st.fixed_dictionaries(
            {"type": st.just("fixed"), "name": st.just(name), "size": st.integers(1, 3)}
        ),
        "array": st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        "map": st.fixed_dictionaries({"type": st.just("map"), "values": inner}),
        "union": unions(depth - 1, name),
    }
    return draw(kinds[draw(st.sampled_from(["leaf", *kinds]))] if depth > 0 else kinds["leaf"])


@st.composite
def records(draw: st.DrawFn, depth: int, name: str) -> Any:
    """A record, now and then with itself inside."""
    names = draw(st.lists(st.sampled_from(_FIELDS), min_size=1, max_size=3, unique=True))
    fields = [{"name": field, "type": draw(schemas(max(depth, 0), name + field))} for field in names]
    if draw(st.booleans()):
        fields.append({"name": "again", "type": ["null", name], "default": None})
    return {"type": "record", "name": name, "fields": fields}


@st.composite
def enums(draw: st.DrawFn, name: str) -> Any:
    """An enum, with or without a default."""
    symbols = draw(st.lists(st.sampled_from("ABCDE"), min_size=1, unique=True))
    schema = {"type": "enum", "name": name, "symbols": symbols}
    return schema | ({"default": symbols[0]} if draw(st.booleans()) else {})


@st.composite
def unions(draw: st.DrawFn, depth: int, name: str) -> Any:
    """A union of some primitives and sometimes a record or an enum."""
    branches: list[Any] = draw(st.lists(st.sampled_from(PRIMITIVES), min_size=1, max_size=3, unique=True))
    more = {"none": [], "record": [records(depth, name)], "enum": [enums(name)]}
    return branches + [draw(branch) for branch in more[draw(st.sampled_from(sorted(more)))]]


@st.composite
def evolved(draw: st.DrawFn, schema: Any) -> Any:
    """A schema after edits, good and bad ones."""
    if isinstance(schema, list):
        return draw(_evolved_union(schema))
    if isinstance(schema, str) or "logicalType" in schema:
        return draw(_evolved_leaf(schema))
    changed = dict(schema)
    for key in ("items", "values"):
        if key in changed:
            changed[key] = draw(evolved(changed[key]))
    if "fields" in changed:
        changed["fields"] = draw(_evolved_fields(changed["fields"]))
    if "symbols" in changed:
        changed = draw(enums(changed["name"]))
    if "size" in changed and draw(st.booleans()):
        changed["size"] = 2
    if "name" in changed and draw(st.integers(0, 5)) == 0:
        old = changed["name"]
        changed |= {"name": old + "New", "aliases": [old] if draw(st.booleans()) else []}
    return changed


@st.composite
def _evolved_union(draw: st.DrawFn, branches: list[Any]) -> Any:
    edit = draw(st.sampled_from(["inner", "more", "less", "reverse"]))
    if edit == "inner":
        return [draw(evolved(branch)) for branch in branches]
    if edit == "more":
        return branches + [
            kind for kind in draw(st.lists(st.sampled_from(PRIMITIVES))) if kind not in branches
        ]
    return (branches[:-1] or branches) if edit == "less" else branches[::-1]


@st.composite
def _evolved_leaf(draw: st.DrawFn, schema: Any) -> Any:
    if isinstance(schema, str) and schema not in PRIMITIVES:
        return schema
    edits = [
        st.just(schema),
        st.sampled_from(PRIMITIVES),
        st.sampled_from(LOGICAL),
        st.just(["null", schema]),
    ]
    return copy.deepcopy(draw(st.one_of(edits)))


@st.composite
def _evolved_fields(draw: st.DrawFn, fields: list[Any]) -> list[Any]:
    kept = [field for field in fields if draw(st.integers(0, 4))]
    found = [field | {"type": draw(evolved(field["type"]))} for field in kept]
    if draw(st.booleans()):
        kind = draw(st.sampled_from(PRIMITIVES))
        default = {"default": _DEFAULTS[kind]} if draw(st.booleans()) else {}
        found.append({"name": "new", "type": kind} | default)
    if found and draw(st.integers(0, 3)) == 0:
        found[0] = found[0] | {"name": "moved", "aliases": [found[0]["name"], draw(st.sampled_from(_FIELDS))]}
    return draw(st.permutations(found))


def values(schema: Any, named: dict[str, Any], depth: int = 4) -> st.SearchStrategy[Any]:
    """Values of a parsed schema (logical types by the plain one); below ``depth`` unions take the first."""
    if isinstance(schema, list):
        return st.one_of(
            [values(branch, named, depth - 1) for branch in (schema if depth > 0 else schema[:1])]
        )
    if isinstance(schema, str):
        return _PLAIN[schema] if schema in _PLAIN else values(named[schema], named, depth - 1)
    kind = schema["type"]
    containers = {
        "record": lambda: st.fixed_dictionaries(
            {field["name"]: values(field["type"], named, depth - 1) for field in schema["fields"]}
        ),
        "enum": lambda: st.sampled_from(schema["symbols"]),
        "fixed": lambda: st.binary(min_size=schema["size"], max_size=schema["size"]),
        "array": lambda: st.lists(values(schema["items"], named, depth - 1), max_size=2),
        "map": lambda: st.dictionaries(
            st.text(max_size=3), values(schema["values"], named, depth - 1), max_size=2
        ),
        "string": lambda: st.uuids().map(str),
    }
    return containers[kind]() if kind in containers else values(kind, named, depth)
