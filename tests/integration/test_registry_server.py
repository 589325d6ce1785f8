"""Our registry as Confluent's clients see it, and what is left of it after a crash."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from barline.stack.registry.store import Store
from runtime.endpoints import Endpoints
from schemas.errors import StateError

BAR = {"symbol": "string", "ts": "long", "close": "double"}


def record(fields: dict[str, Any], **defaults: Any) -> str:
    """An Avro record as text."""
    parts = [{"name": name, "type": kind} for name, kind in fields.items()]
    parts = [
        part | ({"default": defaults[part["name"]]} if part["name"] in defaults else {}) for part in parts
    ]
    return json.dumps({"type": "record", "name": "Bar", "namespace": "md", "fields": parts})


OLD = record(BAR)
NEW = record(BAR | {"vwap": ["null", "double"]}, vwap=None)
BREAKING = record(BAR | {"must": "string"})


@pytest.fixture
def client(stack: Endpoints) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": stack.registry, "max.retries": 0}) as opened:
        yield opened


@pytest.fixture
def subject(unique: Callable[[str], str]) -> str:
    return unique("bars.raw") + "-value"


def context(subject: str) -> SerializationContext:
    return SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)


@pytest.mark.stack
def test_confluents_serializers_evolve_a_schema_both_ways(client: SchemaRegistryClient, subject: str):
    old_bar = {"symbol": "ES", "ts": 5, "close": 1.5}
    old = AvroSerializer(client, OLD)(old_bar, context(subject))
    new = AvroSerializer(client, NEW)(old_bar | {"vwap": 1.25}, context(subject))
    assert AvroDeserializer(client)(new, context(subject)) == old_bar | {"vwap": 1.25}
    assert AvroDeserializer(client, NEW)(old, context(subject)) == old_bar | {"vwap": None}
    assert AvroDeserializer(client, OLD)(new, context(subject)) == old_bar
    assert client.get_versions(subject) == [1, 2]


@pytest.mark.stack
def test_a_schema_that_breaks_readers_is_refused(client: SchemaRegistryClient, subject: str):
    client.register_schema(subject, Schema(OLD, "AVRO"))
    assert client.test_compatibility(subject, Schema(NEW, "AVRO"))
    assert not client.test_compatibility(subject, Schema(BREAKING, "AVRO"))
    with pytest.raises(SchemaRegistryError, match="must: a new field has no default") as refused:
        client.register_schema(subject, Schema(BREAKING, "AVRO"))
    assert refused.value.http_status_code == 409
    client.set_compatibility(subject, "NONE")
    assert client.register_schema(subject, Schema(BREAKING, "AVRO"))


@pytest.mark.stack
def test_one_schema_has_one_id_whatever_its_white_space(client: SchemaRegistryClient, subject: str):
    first = client.register_schema(subject, Schema(OLD, "AVRO"))
    spaced = json.dumps(json.loads(OLD), indent=4)
    assert client.register_schema("other-" + subject, Schema(spaced, "AVRO")) == first
    assert client.lookup_schema(subject, Schema(spaced, "AVRO")).schema_id == first
    assert json.loads(client.get_schema(first).schema_str) == json.loads(OLD)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [
        (lambda c, _: c.get_schema(987_654), 404, 40403),
        (lambda c, s: c.get_latest_version(s), 404, 40401),
        (lambda c, s: c.register_schema(s, Schema("{", "AVRO")), 422, 42201),
        (lambda c, s: c.register_schema(s, Schema('{"type": "nonsense"}', "AVRO")), 422, 42201),
        (lambda c, s: c.set_compatibility(s, "SOMETIMES"), 422, 42203),
        (lambda c, s: c.register_schema(s, Schema('syntax = "proto3";', "PROTOBUF")), 422, 42201),
    ],
)
def test_refusals_have_confluents_codes(
    client: SchemaRegistryClient, subject: str, ask: Callable[..., Any], status: int, code: int
):
    with pytest.raises(SchemaRegistryError) as refused:
        ask(client, subject)
    assert (refused.value.http_status_code, refused.value.error_code) == (status, code)


@pytest.mark.stack
def test_a_deleted_subject_is_gone_and_its_ids_stay_readable(
    client: SchemaRegistryClient, stack: Endpoints, subject: str
):
    number = client.register_schema(subject, Schema(OLD, "AVRO"))
    assert client.delete_subject(subject) == [1]
    assert subject not in client.get_subjects()
    assert client.delete_subject(subject, permanent=True) == [1]
    with SchemaRegistryClient({"url": stack.registry}) as fresh:
        assert json.loads(fresh.get_schema(number).schema_str) == json.loads(OLD)


def known(store: Store) -> str:
    """Everything a store knows, as text."""
    return repr((store.texts, store.subjects, store.levels))


def test_a_log_cut_anywhere_keeps_every_change_before_the_cut(tmp_path: Path):
    path = tmp_path / "log"
    with closing(Store(path)) as store:
        states = [known(store)]
        for change in (
            lambda: store.register("a", OLD),
            lambda: store.register("a", NEW),
            lambda: store.set_level("a", "NONE"),
            lambda: store.delete("a"),
            lambda: store.register("a", BREAKING),
        ):
            change()
            states.append(known(store))
    whole = path.read_bytes()
    for cut in range(0, len(whole) + 1, 5):
        path.write_bytes(whole[:cut])
        with closing(Store(path)) as again:
            assert known(again) == states[whole[:cut].count(b"\n")]
            again.register("b", OLD)
            after = known(again)
        with closing(Store(path)) as reread:
            assert known(reread) == after


def test_a_damaged_line_further_up_is_an_error_that_names_it(tmp_path: Path):
    path = tmp_path / "log"
    with closing(Store(path)) as store:
        store.register("a", OLD)
        store.register("a", NEW)
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first[:20] + b"\n" + second)
    with pytest.raises(StateError, match=r"log:1\)"):
        Store(path)


def test_a_full_disk_refuses_the_change_and_loses_nothing(tmp_path: Path):
    """A small file system of our own, in a mount namespace of our own."""
    if not shutil.which("unshare"):
        pytest.skip("needs unshare")
    script = (
        "import sys; from pathlib import Path; from barline.stack.registry.store import *\n"
        "path = Path(sys.argv[1]); store = Store(path); done = 0\n"
        "try:\n"
        "    while True:\n"
        '        schema = \'{"type": "fixed", "name": "%s", "size": 1}\' % (\'x\' * 1000 + str(done))\n'
        "        store.register('s%d' % done, schema); done += 1\n"
        "except RefusedError as error:\n"
        "    assert error.status == 500 and 'No space' in str(error), error\n"
        "assert done > 10, done\n"
        "found = len(store.subjects), len(Store(path).subjects)\n"
        "assert found == (done, done), (found, done)\n"
        "print('refused after', done)\n"
    )
    (tmp_path / "fill.py").write_text(script, encoding="utf-8")
    (tmp_path / "small").mkdir()
    command = 'mount -t tmpfs -o size=64k tmpfs "$1" && exec "$2" "$3" "$1/log"'
    arguments = [tmp_path / "small", sys.executable, tmp_path / "fill.py"]
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, "sh", *arguments], capture_output=True, text=True, check=False
    )
    if "Operation not permitted" in run.stderr:
        pytest.skip("may not make a mount namespace")
    assert run.stdout.startswith("refused after"), run.stderr
