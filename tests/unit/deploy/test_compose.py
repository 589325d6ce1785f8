"""docker-compose.yml follows the compose specification and our own rules. No engine is needed to read it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from compose_viz.spec.compose_spec import ComposeSpecification

from barline.cli import main

ROOT = Path(__file__).resolve().parents[3]
SERVERS = {"kafka", "registry", "clickhouse"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return {name: part for name, part in found.items() if not name.startswith("x-")}  # shared by anchors


def test_the_file_follows_the_specification(compose: dict[str, Any]):
    ComposeSpecification.model_validate(compose)


def test_a_misspelt_key_would_be_found(compose: dict[str, Any]):
    wrong = {**compose, "services": {"worker": {"image": "barline", "helthcheck": {}}}}
    with pytest.raises(ValueError, match="helthcheck"):
        ComposeSpecification.model_validate(wrong)


def test_every_service_runs_as_an_ordinary_user(compose: dict[str, Any]):
    users = {name: str(service.get("user", "root")) for name, service in compose["services"].items()}
    assert not {name for name, user in users.items() if user.split(":")[0] in {"root", "0"}}


def test_every_port_is_bound_to_the_loopback_address(compose: dict[str, Any]):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_everything_that_stays_up_has_a_health_check(compose: dict[str, Any]):
    lasting = {name for name, service in compose["services"].items() if service.get("restart") != "no"}
    assert lasting == {name for name, service in compose["services"].items() if "healthcheck" in service}


def test_every_role_waits_for_its_servers_and_is_a_command(compose: dict[str, Any]):
    services = compose["services"]
    roles = set(services) - SERVERS
    assert roles == {"init", "worker", "sink", "resolver"}
    assert set(services["init"]["depends_on"]) == SERVERS
    for name in roles:
        (role,) = services[name]["command"]
        assert CliRunner().invoke(main, [role, "--help"]).exit_code == 0


def test_what_stores_rows_leaves_the_processor_to_what_makes_them(compose: dict[str, Any]):
    shares = {name: service.get("cpu_shares", 1024) for name, service in compose["services"].items()}
    assert {name for name, share in shares.items() if share < 1024} == {"clickhouse", "sink"}


def test_images_are_pinned(compose: dict[str, Any]):
    images = [service["image"] for service in compose["services"].values()]
    assert all(":" in image and not image.endswith(":latest") for image in images)
