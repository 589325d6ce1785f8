"""What a stack is made of: the servers, and the programs of ours that run beside them."""

import importlib.util
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from barline.stack.kafka.broker import prepare
from barline.stack.kafka.jars import ensure_jars
from barline.stack.kafka.java import find_java
from barline.stack.ports import choose
from barline.stack.service import Service, write_private
from runtime.endpoints import Endpoints
from schemas.errors import ConfigurationError, DependencyError

SERVERS: Final = ("kafka", "registry", "clickhouse")
DATABASE: Final = "barline"
_WRITER, _READER = "barline", "reader"
_USERS_FILE: Final = "clickhouse-users.json"
_ROOM: Final = 256 << 20
_PROGRAM_S: Final = 600.0  # its kernels may have to be compiled first
_LATER: Final = 10
"""What stores rows leaves the processor to what makes them: a merge of ClickHouse would take all of it."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command of ours that the stack runs: ``python -m barline.cli <name>``.

    Attributes:
        name: file of the command in ``barline/cli``; it is left out until that exists.
        once: runs to its end before the others start.
        after: programs that are ready first; at the start the processor is theirs.
        health: says on ``/ready`` of ``BARLINE_HEALTH_PORT`` when it is ready.
        nice: how far its priority is below that of the others.
    """

    name: str
    once: bool = False
    after: tuple[str, ...] = ()
    health: bool = True
    nice: int = 0

    @property
    def exists(self) -> bool:
        """Whether the command is there."""
        return importlib.util.find_spec(f"barline.cli.{self.name}") is not None


PROGRAMS: Final = (
    Program("init", once=True, health=False),
    Program("worker"),
    Program("sink", nice=_LATER),
    Program("resolver", after=("worker", "sink")),
)
"""Programs in the order they start; each finds the addresses in its environment."""


def check_home(home: Path) -> None:
    """Make the home, and see that it can hold a stack.

    Raises:
        ConfigurationError: its path has a comma, which Kafka takes for two paths.
        DependencyError: it can't be written, or its disk is as good as full.
    """
    if "," in str(home):
        raise ConfigurationError(f"home must be a path without a comma, was {str(home)!r} (set BARLINE_HOME)")
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as error:
        raise DependencyError(f"home must be writable, was not: {error} (set BARLINE_HOME)") from error
    if free < _ROOM:
        raise DependencyError(f"disk must have {_ROOM >> 20} MB free, had {free >> 20} MB ({home})")


def plan_servers(
    home: Path, say: Callable[[str], None], asked: Mapping[str, int] | None = None, *, lasting: bool = False
) -> tuple[Endpoints, list[Service]]:
    """Kafka, the registry and ClickHouse in a home, ready to be started.

    Args:
        home: their directory.
        say: told what takes long.
        asked: ports that must be used, by server.
        lasting: they run for longer than some minutes, and may take a slower start for that.

    Raises:
        DependencyError: Java, Kafka's jars, a port or room on the disk is missing.
    """
    check_home(home)
    java = find_java()
    jars = ensure_jars(java, say)
    ports = choose(home, (*SERVERS, "controller"), asked)
    users = _users(home)
    kafka = prepare(java, jars, home / "kafka", ports["kafka"], ports["controller"], lasting=lasting)
    address = {name: f"127.0.0.1:{ports[name]}" for name in SERVERS}
    endpoints = Endpoints(
        kafka=address["kafka"],
        registry=f"http://{address['registry']}",
        clickhouse=f"http://{_WRITER}:{users[_WRITER]['password']}@{address['clickhouse']}/{DATABASE}",
        clickhouse_reader=f"http://{_READER}:{users[_READER]['password']}@{address['clickhouse']}/{DATABASE}",
    )
    return endpoints, [
        Service("kafka", kafka, f"tcp://{address['kafka']}", start_s=60),
        _python("registry", ports["registry"], ["--log", str(home / "registry.log")], "/"),
        _python(
            "clickhouse",
            ports["clickhouse"],
            [
                "--directory",
                str(home / "clickhouse"),
                "--users",
                str(home / _USERS_FILE),
                "--database",
                DATABASE,
            ],
            "/ping",
            nice=_LATER,
        ),
    ]


def plan_programs(
    home: Path, endpoints: Endpoints, after: Sequence[str] = SERVERS, names: Sequence[str] | None = None
) -> list[Service]:
    """Our programs, as far as their commands exist.

    Args:
        home: directory of the stack.
        endpoints: addresses they use.
        after: services they need.
        names: only these; None for all.
    """
    programs = [
        program for program in PROGRAMS if program.exists and (names is None or program.name in names)
    ]
    ports = choose(home, [program.name for program in programs if program.health])
    return [_program(program, programs, home, endpoints, after, ports) for program in programs]


def _program(
    program: Program,
    programs: Sequence[Program],
    home: Path,
    endpoints: Endpoints,
    after: Sequence[str],
    ports: Mapping[str, int],
) -> Service:
    """One program of ours among those that run."""
    env = {"BARLINE_HOME": str(home), **endpoints.environment()}
    port = ports.get(program.name)
    if port:
        env["BARLINE_HEALTH_PORT"] = str(port)
    before = [one.name for one in programs if (one.once and not program.once) or one.name in program.after]
    return Service(
        program.name,
        [sys.executable, "-m", "barline.cli", program.name],
        f"http://127.0.0.1:{port}/ready" if port else "",
        after=[*after, *before],
        env=env,
        once=program.once,
        restart=True,
        nice=program.nice,
        start_s=_PROGRAM_S,
    )


def _python(name: str, port: int, arguments: list[str], path: str, nice: int = 0) -> Service:
    """A server of ours."""
    argv = [sys.executable, "-m", f"barline.stack.{name}", "--port", str(port), *arguments]
    return Service(name, argv, f"http://127.0.0.1:{port}{path}", nice=nice, start_s=60)


def _users(home: Path) -> dict[str, dict[str, str]]:
    """ClickHouse's users of a home; their passwords are made up once."""
    path = home / _USERS_FILE
    if not path.exists():
        users = {name: {"password": secrets.token_urlsafe(12)} for name in (_WRITER, _READER)}
        write_private(path, msgspec.json.encode({**users, _READER: {**users[_READER], "readonly": True}}))
    found: dict[str, dict[str, str]] = msgspec.json.decode(path.read_bytes())
    return found
