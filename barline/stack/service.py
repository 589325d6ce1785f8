"""A service as data, the plan of a stack made of them, and how to see that one is ready."""

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from runtime.endpoints import Endpoints

PLAN_FILE: Final = "plan.json"


class Service(msgspec.Struct, frozen=True, omit_defaults=True):
    """One process of the stack.

    Attributes:
        name: also the name of its log.
        argv: its command.
        ready: what says that it is ready: ``tcp://host:port`` accepts, ``http://...`` answers 200; empty, it
            is as soon as it was started.
        after: names of services that are ready (or done) before it starts.
        env: added to its environment.
        once: it does its work and ends; that it ended with 0 makes it ready.
        restart: when it dies it is started again, ever slower; otherwise its death stops the stack.
        hold: it is kept stopped, by an operator or a test.
        nice: how far its priority is below that of the others, 0 to 19.
        start_s: seconds it may take to be ready.
        stop_s: seconds between the request to stop and SIGKILL.
    """

    name: str
    argv: list[str]
    ready: str = ""
    after: list[str] = []
    env: dict[str, str] = {}
    once: bool = False
    restart: bool = False
    hold: bool = False
    nice: int = 0
    start_s: float = 120.0
    stop_s: float = 15.0


class Plan(msgspec.Struct, frozen=True):
    """What the supervisor of a home keeps running.

    Attributes:
        endpoints: addresses that its clients read.
        services: in the order they were planned.
    """

    endpoints: Endpoints
    services: list[Service]

    def write(self, home: Path) -> None:
        """Store the plan, readable by its owner alone: it holds passwords."""
        write_private(home / PLAN_FILE, msgspec.json.encode(self))

    @classmethod
    def read(cls, home: Path) -> "Plan":
        """The plan stored in a home."""
        return msgspec.json.decode((home / PLAN_FILE).read_bytes(), type=cls)


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in one step, readable by its owner alone."""
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    new.write_bytes(data)
    new.replace(path)


async def is_ready(address: str) -> bool:
    """Whether a ``tcp://`` address accepts or an ``http://`` one answers 200; empty is always ready."""
    if not address:
        return True
    parts = urlsplit(address)
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                if parts.scheme == "tcp":
                    return True
                writer.write(f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
