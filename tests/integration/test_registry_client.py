"""The registry's face against a running registry."""

import json
from collections.abc import Iterator

import pytest

from runtime.endpoints import Endpoints
from schemas import registry as module
from schemas.errors import DependencyError, SchemaError
from schemas.records import RECORDS, record_type
from schemas.registry import Registry, register_all, registered, subject

pytestmark = pytest.mark.stack


@pytest.fixture
def registry(stack: Endpoints) -> Iterator[Registry]:
    with Registry(stack.registry) as found:
        yield found


def test_every_record_is_registered_under_its_name_and_again_gets_the_same_id(
    stack: Endpoints, registry: Registry
) -> None:
    ids = register_all(stack.registry)
    assert ids.keys() == set(RECORDS)
    assert len(set(ids.values())) == len(RECORDS)
    assert register_all(stack.registry) == registered(stack.registry) == ids
    text = registry.schema(ids["Tick"])
    assert text is not None
    assert json.loads(text)["fields"] == json.loads(record_type("Tick").text)["fields"]
    assert subject("Tick") == "barline.Tick"


def test_an_id_that_nobody_registered_has_no_schema(registry: Registry) -> None:
    assert registry.schema(1_000_000) is None


def test_a_schema_that_cannot_read_what_was_written_is_refused(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register("ModeWanted")
    changed = json.loads(record_type("ModeWanted").text)
    changed["fields"].append({"name": "urgency", "type": "long"})
    monkeypatch.setattr(module, "_declared", lambda _: module.Schema(json.dumps(changed), "AVRO"))
    with pytest.raises(SchemaError, match="backward compatible"):
        registry.register("ModeWanted")
    with pytest.raises(SchemaError, match="barline init"):
        registry.lookup("ModeWanted")


def test_a_registry_that_is_down_is_named_with_the_fix() -> None:
    with pytest.raises(DependencyError, match="barline up"):
        register_all("http://127.0.0.1:1")
