"""The embedded ClickHouse as a process of a test's own, to be killed or starved."""

import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from barline.stack.ports import is_free
from tests.eventually import eventually

PASSWORD = "pw'\\%:&"  # noqa: S105  # awkward on purpose


@dataclass
class Server:
    """One process over a directory."""

    process: subprocess.Popen[bytes]
    port: int

    def client(self, **options: Any) -> Client:
        """A client of the writing user; options replace its settings."""
        settings = {"username": "default", "password": PASSWORD, "database": "barline"} | options
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, autogenerate_session_id=False, **settings
        )

    def answers(self) -> bool:
        """Whether it answers; an error when it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
                return b"200" in connection.recv(64)
        except OSError:
            return False


def command(directory: Path, users: Path, port: int) -> list[str]:
    """How a server is started over a directory, with two users written to a file."""
    users.write_text(
        json.dumps({"default": {"password": PASSWORD}, "reader": {"password": "r", "readonly": True}}),
        encoding="utf-8",
    )
    argv = [sys.executable, "-m", "barline.stack.clickhouse", "--directory", str(directory)]
    return [*argv, "--users", str(users), "--database", "barline", "--port", str(port)]


def free_port() -> int:
    """A port that nobody listens on, outside the range of outgoing connections."""
    while True:
        port = random.randint(20_000, 32_000)
        if is_free(port):
            return port


@contextmanager
def serving(argv: Sequence[str], port: int) -> Iterator[Server]:
    """A server that answers, killed at the end."""
    with subprocess.Popen(argv) as process:
        server = Server(process, port)
        try:
            eventually(server.answers, timeout_s=60)
            yield server
        finally:
            process.kill()
