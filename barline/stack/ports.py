"""Ports of a home: those asked for, else those it had, else free ones below those the kernel hands out."""

import contextlib
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from schemas.errors import DependencyError

PORTS_FILE: Final = "ports.json"
_RANGE: Final = (20_000, 32_000)
_TRIES: Final = 200


def choose(home: Path, names: Iterable[str], asked: Mapping[str, int] | None = None) -> dict[str, int]:
    """A free port for each name; remembered in the home, so that a restart keeps them.

    Args:
        home: directory of the stack.
        names: what needs a port.
        asked: ports that must be used.

    Raises:
        DependencyError: a port that was asked for is taken, or none is free.
    """
    path = home / PORTS_FILE
    remembered: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
        remembered = msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    chosen: dict[str, int] = {}
    for name in names:
        port = (asked or {}).get(name) or 0
        if port and not is_free(port):
            raise DependencyError(
                f"{name} port must be free, was taken: {port} (stop what uses it, or ask for another)"
            )
        port = port or remembered.get(name, 0)
        if not port or port in chosen.values() or not is_free(port):
            port = _free(set(chosen.values()))
        chosen[name] = port
    path.write_bytes(msgspec.json.encode(remembered | chosen))
    return chosen


def is_free(port: int) -> bool:
    """Whether a port of loopback can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free(taken: set[int]) -> int:
    """Some free port."""
    for _ in range(_TRIES):
        port = random.randint(*_RANGE)  # noqa: S311  # chance only keeps two stacks apart
        if port not in taken and is_free(port):
            return port
    raise DependencyError(f"a port must be free in {_RANGE[0]}..{_RANGE[1]}, none was in {_TRIES} tries")
