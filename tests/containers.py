"""Kafka and ClickHouse in containers, where a Docker engine answers; the registry is ours in any case."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from testcontainers.core.container import DockerContainer

from barline.stack.kafka.broker import settings
from barline.stack.service import is_ready
from runtime.endpoints import Endpoints
from tests.eventually import eventually


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kafka(image: str, port: int) -> DockerContainer:
    """One node with the settings of the embedded one, but for where it listens and keeps its data."""
    values = settings(Path("/var/lib/kafka/data"), port, 9093) | {
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
    }
    container = DockerContainer(image).with_bind_ports(9092, port)
    for name, value in values.items():
        container = container.with_env("KAFKA_" + name.replace(".", "_").upper(), value)
    return container


def _clickhouse(image: str) -> DockerContainer:
    container = DockerContainer(image).with_exposed_ports(8123)
    for name, value in {"DB": "barline", "USER": "barline", "PASSWORD": "barline"}.items():
        container = container.with_env(f"CLICKHOUSE_{name}", value)
    return container


@contextmanager
def containers(home: Path, kafka_image: str, clickhouse_image: str) -> Iterator[Endpoints]:
    """Run them and give their addresses."""

    with ExitStack() as started:
        port, registry_port = _free_port(), _free_port()
        started.enter_context(_kafka(kafka_image, port))
        clickhouse = started.enter_context(_clickhouse(clickhouse_image))
        argv = [sys.executable, "-m", "barline.stack.registry", "--log", str(home / "registry.log")]
        registry = started.enter_context(subprocess.Popen([*argv, "--port", str(registry_port)]))
        started.callback(registry.terminate)
        http = f"{clickhouse.get_container_host_ip()}:{clickhouse.get_exposed_port(8123)}"
        for address in (
            f"tcp://127.0.0.1:{port}",
            f"http://127.0.0.1:{registry_port}/",
            f"http://{http}/ping",
        ):
            eventually(lambda address=address: asyncio.run(is_ready(address)), timeout_s=120, because=address)
        yield Endpoints(
            kafka=f"127.0.0.1:{port}",
            registry=f"http://127.0.0.1:{registry_port}",
            clickhouse=f"http://barline:barline@{http}/barline",
        )
