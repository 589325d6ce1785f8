"""Ports and plans of a stack, and where its clients find it."""

import socket
from pathlib import Path

import pytest

from barline.stack.kafka.broker import settings
from barline.stack.plan import PROGRAMS, SERVERS, check_home, plan_programs
from barline.stack.ports import choose
from barline.stack.service import Plan, Service
from runtime.endpoints import Endpoints, clickhouse_settings, home_directory
from schemas.errors import ConfigurationError, DependencyError

SOMEWHERE = Endpoints("k:1", "http://r:1", "http://u:p%40ss@c:9/d", "http://reader:r@c:9/d")


def test_ports_are_distinct_free_and_kept_from_start_to_start(tmp_path: Path):
    first = choose(tmp_path, SERVERS)
    assert len(set(first.values())) == len(SERVERS)
    assert choose(tmp_path, SERVERS) == first
    assert choose(tmp_path, ["worker", *SERVERS]) == first | {
        "worker": choose(tmp_path, ["worker"])["worker"]
    }


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path):
    first = choose(tmp_path, ["kafka"])["kafka"]
    with socket.create_server(("127.0.0.1", first)):
        assert choose(tmp_path, ["kafka"])["kafka"] != first


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DependencyError, match=f"kafka port must be free, was taken: {port}"):
            choose(tmp_path, SERVERS, {"kafka": port})


def test_kafka_makes_no_topic_by_accident_and_keeps_one_copy(tmp_path: Path):
    values = settings(tmp_path, 1, 2)
    assert values["auto.create.topics.enable"] == "false"
    factors = {value for name, value in values.items() if name.endswith("replication.factor")}
    assert factors == {"1"}


def test_our_programs_start_after_the_servers_and_after_init(tmp_path: Path):
    services = {service.name: service for service in plan_programs(tmp_path, SOMEWHERE)}
    assert services.keys() == {program.name for program in PROGRAMS if program.exists}
    assert services["init"].once
    assert set(services["worker"].after) == {*SERVERS, "init"}
    assert services["worker"].restart
    assert services["worker"].env["BARLINE_KAFKA"] == "k:1"
    assert services["worker"].ready.endswith(services["worker"].env["BARLINE_HEALTH_PORT"] + "/ready")
    assert [one.name for one in plan_programs(tmp_path, SOMEWHERE, names=["sink"])] == ["sink"]


def test_what_stores_rows_leaves_the_processor_to_what_makes_them(tmp_path: Path):
    nice = {service.name: service.nice for service in plan_programs(tmp_path, SOMEWHERE)}
    assert nice.pop("sink") > 0
    assert set(nice.values()) == {0}


def test_a_plan_is_read_as_it_was_written_and_by_its_owner_alone(tmp_path: Path):
    plan = Plan(SOMEWHERE, [Service("one", ["true"], after=["two"], once=True), Service("two", ["a", "b"])])
    plan.write(tmp_path)
    assert Plan.read(tmp_path) == plan
    assert (tmp_path / "plan.json").stat().st_mode & 0o077 == 0


def test_a_home_that_cannot_hold_a_stack_is_an_error(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="without a comma"):
        check_home(tmp_path / "a,b")
    (tmp_path / "file").touch()
    with pytest.raises(DependencyError, match="home must be writable"):
        check_home(tmp_path / "file" / "home")


def test_the_environment_comes_before_the_state_file(tmp_path: Path):
    (tmp_path / "stack.json").write_text(
        '{"kafka": "file:1", "registry": "http://file:2", "clickhouse": "http://file:3", "supervisor": 7}',
        encoding="utf-8",
    )
    found = Endpoints.load(tmp_path, {"BARLINE_KAFKA": "env:1"})
    assert found == Endpoints("env:1", "http://file:2", "http://file:3")
    assert Endpoints.load(tmp_path / "none", SOMEWHERE.environment()) == SOMEWHERE


def test_missing_addresses_and_unreadable_files_are_errors_with_the_fix(tmp_path: Path):
    with pytest.raises(DependencyError, match=r"of registry must be known.*barline up"):
        Endpoints.load(tmp_path, {"BARLINE_KAFKA": "k:1"})
    with pytest.raises(DependencyError, match="address of clickhouse must be known"):
        Endpoints.load(
            tmp_path, {"BARLINE_KAFKA": "k:1", "BARLINE_REGISTRY": "http://r:1"}
        ).clickhouse_settings()
    (tmp_path / "stack.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"stack\.json"):
        Endpoints.load(tmp_path, {})


def test_a_clickhouse_address_becomes_the_settings_of_a_client():
    assert SOMEWHERE.clickhouse_settings() == {
        "host": "c",
        "port": 9,
        "secure": False,
        "username": "u",
        "password": "p@ss",
        "database": "d",
        "autogenerate_session_id": False,
    }
    assert SOMEWHERE.clickhouse_settings(reader=True)["username"] == "reader"
    with pytest.raises(ConfigurationError, match=r"clickhouse address must be http\(s\)"):
        clickhouse_settings("c:9")


def test_the_home_is_named_or_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert home_directory({}) == tmp_path / ".barline"
    assert home_directory({"BARLINE_HOME": "~/x"}) == Path.home() / "x"
