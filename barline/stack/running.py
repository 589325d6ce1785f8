"""Start, watch and stop a stack: what ``barline up``, the demo and the tests use.

::

    with running(home) as stack:                    # the three servers
        stack.endpoints                             # their addresses
    with running(home, programs=["init", "worker"], restart=["kafka"]) as stack:
        stack["worker"].kill()                      # kill -9, then wait until it is back
        stack["clickhouse"].hold()                  # gone, until release()
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from barline.stack.plan import plan_programs, plan_servers
from barline.stack.service import Plan, Service
from barline.stack.stack import POLL_S, Handle, Stack, stop, with_log
from barline.stack.state import State, is_supervised, log_file
from runtime.endpoints import STATE_FILE, Endpoints
from schemas.errors import DependencyError

__all__ = ["Handle", "Stack", "attach", "running", "running_async", "start", "stop"]


def start(home: Path, endpoints: Endpoints, services: Sequence[Service], leash: int = -1) -> Stack:
    """Start a supervisor over a plan, and return at once.

    Args:
        home: directory of the stack.
        endpoints: addresses of the servers.
        services: what to run.
        leash: read end of a pipe; the stack ends with whoever holds the other. -1: it stays.

    Raises:
        DependencyError: a stack runs there already, or the supervisor ended at once.
    """
    if is_supervised(home):
        raise DependencyError(f"home must be free for a new stack, one runs there ({home})")
    (home / STATE_FILE).unlink(missing_ok=True)
    Plan(endpoints, list(services)).write(home)
    log = log_file(home, "supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "barline.stack", "--home", str(home), "--leash", str(leash)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            pass_fds=[leash] if leash >= 0 else [],
        )
    while State.read(home) is None:
        if supervisor.poll() is not None:
            raise with_log(DependencyError("the supervisor must start, ended at once"), home, "supervisor")
        time.sleep(POLL_S)
    supervisor.returncode = 0  # it is on its own now: no warning when this object goes
    return Stack(home, endpoints)


def attach(home: Path) -> Stack | None:
    """The stack that runs in a home, or None."""
    if not is_supervised(home) or (state := State.read(home)) is None:
        return None
    return Stack(home, Endpoints(state.kafka, state.registry, state.clickhouse, state.clickhouse_reader))


def _quiet(_: str) -> None:
    """Say nothing."""


@contextmanager
def running(
    home: Path,
    *,
    programs: Sequence[str] | None = (),
    services: Sequence[Service] = (),
    restart: Collection[str] = (),
    ports: Mapping[str, int] | None = None,
    say: Callable[[str], None] = _quiet,
    lasting: bool = False,
) -> Iterator[Stack]:
    """A stack that lives as long as the ``with`` block, and no longer than this process.

    Args:
        home: its directory; data of an earlier stack there is found again.
        programs: programs of ours that run beside the servers, such as ``["init", "worker"]``; None for all.
        services: more services.
        restart: servers that are started again when they die; otherwise their death ends the stack.
        ports: ports that must be used, by server.
        say: told what takes long.
        lasting: it runs for longer than some minutes, and may take a slower start for that.

    Raises:
        DependencyError: something it needs is missing, or a service can't start.
    """
    home = home.absolute()
    endpoints, planned = plan_servers(home, say, ports, lasting=lasting)
    planned = [msgspec.structs.replace(one, restart=one.name in restart) for one in planned]
    ours = plan_programs(home, endpoints, names=programs)
    reading, writing = os.pipe()
    try:
        stack = start(home, endpoints, [*planned, *ours, *services], reading)
        try:
            stack.wait_ready()
            yield stack
        finally:
            stack.stop()
    finally:
        os.close(reading)
        os.close(writing)


@asynccontextmanager
async def running_async(home: Path, **options: Any) -> AsyncIterator[Stack]:
    """:func:`running` for a coroutine; starting and stopping don't hold up its loop."""
    manager = running(home, **options)
    stack = await asyncio.to_thread(manager.__enter__)
    try:
        yield stack
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)
