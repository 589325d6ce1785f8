"""What a stack says about itself in ``stack.json``: addresses for clients, and how each service does."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from barline.stack.service import write_private
from runtime.endpoints import STATE_FILE
from schemas.errors import DependencyError

LOCK_FILE: Final = "supervisor.lock"
Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]
Condition = Literal["waiting", "starting", "ready", "done", "held", "restarting", "stopped", "failed"]


class ServiceState(msgspec.Struct):
    """How one service does.

    Attributes:
        state: what it is doing.
        pid: its process, 0 for none.
        starts: how often it was started.
        ready_s: seconds from its last start until it was ready.
        exit_code: of its last end; negative for a signal.
    """

    state: Condition = "waiting"
    pid: int = 0
    starts: int = 0
    ready_s: float = 0.0
    exit_code: int | None = None


class State(msgspec.Struct):
    """How a stack does.

    Attributes:
        phase: where it is between start and stop.
        supervisor: process id of its supervisor.
        started: when, seconds since the epoch.
        ready_s: seconds from the start until every service was ready; 0 until then.
        services: by name.
        error: why it failed, one line.
        failed_exit_code: of the service that failed.
        kafka: address, as in :class:`runtime.endpoints.Endpoints`; empty when the stack is down.
        registry: the same.
        clickhouse: the same.
        clickhouse_reader: the same.
    """

    phase: Phase
    supervisor: int
    started: float
    ready_s: float = 0.0
    services: dict[str, ServiceState] = {}
    error: str = ""
    failed_exit_code: int = 0
    kafka: str = ""
    registry: str = ""
    clickhouse: str = ""
    clickhouse_reader: str = ""

    def write(self, home: Path) -> None:
        """Replace the state file in one step."""
        write_private(home / STATE_FILE, msgspec.json.format(msgspec.json.encode(self), indent=2))

    @classmethod
    def read(cls, home: Path) -> "State | None":
        """The state stored in a home; None when there is none."""
        try:
            return msgspec.json.decode((home / STATE_FILE).read_bytes(), type=cls)
        except FileNotFoundError:
            return None


def log_file(home: Path, service: str) -> Path:
    """Where a service writes what it says."""
    return home / "logs" / f"{service}.log"


def last_lines(home: Path, service: str, count: int = 8) -> list[str]:
    """The last lines a service wrote."""
    try:
        with log_file(home, service).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 16_384))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def is_supervised(home: Path) -> bool:
    """Whether a supervisor holds this home."""
    try:
        with supervising(home):
            return False
    except DependencyError:
        return True


@contextmanager
def supervising(home: Path) -> Iterator[None]:
    """Hold a home; the lock goes with the process, however it ends.

    Raises:
        DependencyError: somebody else holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DependencyError(f"home must have one supervisor, has one already ({home})") from error
        yield
