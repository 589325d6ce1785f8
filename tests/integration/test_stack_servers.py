"""The real servers: back after a kill, found again after a stop, started by hand on a bare machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import clickhouse_connect
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from barline.stack import running
from barline.stack.service import Plan
from barline.stack.state import is_supervised
from runtime.endpoints import Endpoints
from tests.eventually import eventually

pytestmark = pytest.mark.stack

SCHEMA = '{"type": "fixed", "name": "Mark", "size": 1}'
BARLINE = [sys.executable, "-m", "barline.cli"]


def write(endpoints: Endpoints) -> None:
    """Leave something in each server."""
    admin = AdminClient({"bootstrap.servers": endpoints.kafka})
    admin.create_topics([NewTopic("marks", 1)])["marks"].result(30)
    producer = Producer({"bootstrap.servers": endpoints.kafka, "acks": "all"})
    producer.produce("marks", b"kept", on_delivery=lambda error, _: error and pytest.fail(str(error)))
    assert producer.flush(30) == 0
    with SchemaRegistryClient({"url": endpoints.registry}) as registry:
        registry.register_schema("marks-value", Schema(SCHEMA, "AVRO"))
    with clickhouse_connect.get_client(**endpoints.clickhouse_settings()) as client:
        client.command("create table marks (k UInt64) engine = MergeTree order by k")
        client.insert("marks", [[1], [2]], column_names=["k"])


def check(endpoints: Endpoints) -> None:
    """See that it is still there."""
    settings = {"group.id": "check", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": endpoints.kafka, **settings})
    try:
        consumer.subscribe(["marks"])
        record = eventually(lambda: consumer.poll(1.0), timeout_s=120, because="the record is read")
        assert record.value() == b"kept"
    finally:
        consumer.close()
    with SchemaRegistryClient({"url": endpoints.registry}) as registry:
        assert json.loads(registry.get_latest_version("marks-value").schema.schema_str) == json.loads(SCHEMA)
    with clickhouse_connect.get_client(**endpoints.clickhouse_settings()) as client:
        assert client.query("select k from marks order by k").result_rows == [(1,), (2,)]


def test_what_the_servers_hold_survives_kill_9_and_a_stop(tmp_path: Path):
    with running(tmp_path, restart=["kafka", "registry", "clickhouse"]) as stack:
        first = stack.endpoints
        write(first)
        for name in ("kafka", "registry", "clickhouse"):
            stack[name].kill()
        check(first)
    with running(tmp_path) as stack:
        assert stack.endpoints == first
        check(first)


def test_no_topic_comes_into_being_by_accident(stack: Endpoints):
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    failures: list[str] = []
    producer = Producer({"bootstrap.servers": stack.kafka, "message.timeout.ms": 3_000})
    producer.produce("nobody-made-this", b"", on_delivery=lambda error, _: failures.append(error.name()))
    producer.flush(30)
    assert failures
    assert "nobody-made-this" not in admin.list_topics(timeout=10).topics


def bare_environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has no java, mvn or docker."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "env", "make", "git"):
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    kept = {
        name: os.environ[name] for name in ("XDG_CACHE_HOME", "BARLINE_CACHE", "HOME") if name in os.environ
    }
    return {**kept, "PATH": str(tools), "BARLINE_HOME": str(tmp_path / "home")}


def test_the_command_line_starts_and_stops_it_without_java_maven_or_docker(tmp_path: Path):
    environment = bare_environment(tmp_path)

    def barline(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*BARLINE, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=280
        )

    try:
        up = barline("up", "--only", "servers")
        assert up.returncode == 0, up.stderr
        endpoints = Endpoints.load(tmp_path / "home", {})
        assert endpoints.kafka in up.stdout
        write(endpoints)
        check(endpoints)
        again = barline("up")
        assert (again.returncode, again.stdout.startswith("runs already")) == (0, True)
        status = barline("status", "--json")
        assert (status.returncode, json.loads(status.stdout)["phase"]) == (0, "ready")
        assert [one.name for one in Plan.read(tmp_path / "home").services if one.nice] == ["clickhouse"]
    finally:
        down = barline("down")
    assert (down.returncode, down.stdout) == (0, "stopped\n")
    assert not is_supervised(tmp_path / "home")
    assert barline("status").returncode == 1


def test_in_the_foreground_it_runs_until_it_is_told_to_stop(tmp_path: Path):
    argv = [*BARLINE, "up", "--only", "servers", "--foreground"]
    environment = {**os.environ, "BARLINE_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("interrupt to stop" in line for line in process.stdout)
        assert is_supervised(tmp_path)
        process.terminate()
        assert process.wait(60) == 0
    assert not is_supervised(tmp_path)


def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path, stack: Endpoints):
    port = stack.registry.rpartition(":")[2]
    run = subprocess.run(
        [*BARLINE, "up", "--registry-port", port],
        env={**os.environ, "BARLINE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 4
    assert run.stderr.startswith(f"error: registry port must be free, was taken: {port}")
    assert len(run.stderr.splitlines()) == 1


def test_a_disk_that_is_as_good_as_full_is_a_clear_error(tmp_path: Path):
    mount = 'mount -t tmpfs -o size=32m tmpfs "$1" && shift && exec "$@"'
    own = ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run([*own, "true"], check=False).returncode:
        pytest.skip("may not make a mount namespace")
    environment = {**os.environ, "BARLINE_HOME": str(tmp_path / "home")}
    run = subprocess.run([*own, *BARLINE, "up"], env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (4, "")
    assert run.stderr.startswith("error: disk must have 256 MB free, had 3")


def test_a_server_that_cannot_start_is_told_with_its_last_words(tmp_path: Path):
    environment = {**os.environ, "BARLINE_HOME": str(tmp_path)}
    (tmp_path / "registry.log").write_text("no change\nno change\n", encoding="utf-8")
    run = subprocess.run(
        [*BARLINE, "up", "--only", "servers"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 4
    assert "error: registry must become ready, ended with 1" in run.stderr
    assert "log line must be one change, was b'no change'" in run.stderr
    assert not is_supervised(tmp_path)
